package health

import (
	"strings"
	"testing"
)

// probesOf reads a history: + is a good probe, - a bad one.
func TestHealthVerdicts(t *testing.T) {
	cases := []struct {
		name, probes string
		want         string // one letter for each probe: ? unknown, H healthy, U unhealthy
	}{
		{"first good probe is enough", "+", "H"},
		{"unknown until fall bad probes", "---", "??U"},
		{"a good probe ends unknown at any time", "--+", "??H"},
		{"one bad probe changes nothing", "+-+-+-", "HHHHHH"},
		{"fall bad probes in a row", "+---", "HHHU"},
		{"the row begins anew after a good one", "+--+--", "HHHHHH"},
		{"rise good probes in a row", "---++", "??UUH"},
		{"the row begins anew after a bad one", "---+-+-+", "??UUUUUU"},
		{"down and up again", "+---++---", "HHHUUHHHU"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var h health
			var got strings.Builder
			for _, p := range c.probes {
				was := h.verdict
				changed := h.observe(p == '+', 2, 3)
				if changed != (was != h.verdict) {
					t.Errorf("changed %v from %v to %v", changed, was, h.verdict)
				}
				got.WriteByte("?HU"[h.verdict])
			}
			if got.String() != c.want {
				t.Errorf("got %s; want %s", got.String(), c.want)
			}
		})
	}
}

// The verdict only ever changes after as many probes in a row as configured,
// and the machine always knows whether it is in doubt.
func FuzzHealth(f *testing.F) {
	f.Add([]byte("+---++"), uint8(2), uint8(3))
	f.Fuzz(func(t *testing.T, probes []byte, rise, fall uint8) {
		rise, fall = max(rise, 1), max(fall, 1)
		var h health
		good, bad := 0, 0
		for _, p := range probes {
			was := h.verdict
			if p%2 == 1 {
				good, bad = good+1, 0
			} else {
				good, bad = 0, bad+1
			}
			h.observe(p%2 == 1, int(rise), int(fall))
			switch {
			case h.verdict == was:
			case h.verdict == Healthy && was == Unhealthy && good < int(rise):
				t.Fatalf("healthy after %d good probes; want %d", good, rise)
			case h.verdict == Unhealthy && bad < int(fall):
				t.Fatalf("unhealthy after %d bad probes; want %d", bad, fall)
			case h.verdict == Unknown:
				t.Fatal("went back to unknown")
			}
			if h.verdict == Healthy && bad >= int(fall) || h.verdict == Unhealthy && good >= int(rise) {
				t.Fatalf("verdict %v after %d good, %d bad", h.verdict, good, bad)
			}
			if h.verdict == Healthy && h.changing() != (bad > 0) {
				t.Fatalf("changing %v with %d bad probes", h.changing(), bad)
			}
		}
	})
}
