package middleware

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// ask is a call of fault for a client, in which chance is r.
func askFault(f *fault, c *stage.Call, client netip.Addr, r uint64) stage.Verdict {
	if of, ok := c.Facts.(*facts); ok {
		of.client = client
	}
	c.Random = r
	return f.Request(c)
}

func client(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestFaultHitsItsShare(t *testing.T) {
	const n = 100_000
	for _, percent := range []float64{0, 0.1, 1, 10, 50, 99, 100} {
		for _, key := range [][]string{nil, {"source_ip"}} {
			f, err := newFault(&config.StageFault{Percent: percent, Abort: 503, Key: key}, newPlace(t))
			if err != nil {
				t.Fatal(err)
			}
			c, hit := newCall(t, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"), 0
			for i := range n {
				if askFault(f, c, client(i), mix(uint64(i))) == stage.Answered {
					hit++
				}
			}
			want := percent / 100 * n
			if tolerance := 5 * math.Sqrt(want*(1-percent/100)); math.Abs(float64(hit)-want) > tolerance {
				t.Errorf("%v %% by %v: %d of %d; want %v within %v", percent, key, hit, n, want, tolerance)
			}
		}
	}
}

func TestFaultOfAKeyHitsTheSame(t *testing.T) {
	place, other := newPlace(t), newPlace(t)
	other.Name = "other"
	k := &config.StageFault{Percent: 30, Abort: 503, Key: []string{"source_ip"}}
	f, _ := newFault(k, place)
	again, _ := newFault(k, newPlace(t)) // after a restart
	more, _ := newFault(&config.StageFault{Percent: 60, Abort: 503, Key: k.Key}, place)
	g, _ := newFault(k, other)
	c, alike := newCall(t, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"), 0
	for i := range 10_000 {
		hit := askFault(f, c, client(i), 0)
		for r := range 3 {
			if askFault(again, c, client(i), uint64(r)<<60) != hit {
				t.Fatalf("%v is hit at times", client(i))
			}
		}
		if hit == stage.Answered && askFault(more, c, client(i), 0) != hit {
			t.Fatalf("%v is not among a larger share", client(i))
		}
		if hit == stage.Answered && askFault(g, c, client(i), 0) == hit {
			alike++
		}
	}
	if alike < 700 || alike > 1100 { // 9 % of 10,000, within 7 deviations
		t.Errorf("two stages hit the same %d; want them to choose by themselves", alike)
	}
}

func BenchmarkFault(b *testing.B) {
	for _, key := range []string{"", "source_ip"} {
		b.Run(fmt.Sprintf("key=%s", key), func(b *testing.B) {
			k := &config.StageFault{Percent: 1e-9, Abort: 503}
			if key != "" {
				k.Key = []string{key}
			}
			f, _ := newFault(k, newPlace(b))
			c := newCall(b, "GET / HTTP/1.1\r\nHost: t\r\n\r\n")
			b.ReportAllocs()
			for b.Loop() {
				f.Request(c)
			}
		})
	}
}
