package load

import (
	"strings"
	"testing"
	"time"
)

// TestSeriesKeepsEveryAnswer runs past the number of slots several times.
func TestSeriesKeepsEveryAnswer(t *testing.T) {
	r := newRecorder(0)
	const n = 5000
	for i := range n {
		r.answer(200, 1000, int64(i)*int64(37*time.Millisecond))
		if i%10 == 0 {
			r.fail(CauseReset, nil, 0, int64(i)*int64(37*time.Millisecond))
		}
	}
	answers, errors := uint64(0), uint64(0)
	for _, s := range r.series {
		answers += s.latency.Count()
		errors += s.errors
	}
	if answers != n || errors != n/10 {
		t.Errorf("got %d answers and %d errors; want %d and %d", answers, errors, n, n/10)
	}
	if want := int64(800 * time.Millisecond); r.slotLen != want {
		t.Errorf("got slots of %d ns; want %d after three doublings", r.slotLen, want)
	}
	// Each full slot holds what its time brought: 800/37 answers.
	for i := range r.slotNow {
		if c := r.series[i].latency.Count(); c < 21 || c > 22 {
			t.Fatalf("slot %d: got %d answers; want 21 or 22", i, c)
		}
	}
}

func TestSeriesOfWorkersJoin(t *testing.T) {
	a, b := &worker{record: newRecorder(0)}, &worker{record: newRecorder(0)}
	for i := range 100 {
		a.record.answer(200, 1000, int64(i)*int64(time.Second)) // has doubled
		if i < 10 {
			b.record.answer(200, 1000, int64(i)*int64(time.Second)) // has not
		}
	}
	total := 0.0
	points := series([]*worker{a, b})
	for _, p := range points {
		total += p.Rate * (points[1].Seconds - points[0].Seconds)
	}
	if total < 108 || total > 110 {
		t.Errorf("got %.1f answers in the series; want 109, the last interval left out", total)
	}
}

func TestTimeoutsAreInTheLatencies(t *testing.T) {
	r := newRecorder(0)
	r.fail(CauseTimeout, nil, int64(time.Second), 0)
	r.fail(CauseReset, nil, int64(time.Second), 0)
	if r.latency.Count() != 1 || r.latency.Max() != int64(time.Second) {
		t.Errorf("got %d latencies up to %d; want the timeout alone", r.latency.Count(), r.latency.Max())
	}
}

func TestCausesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range causes {
		if c.String() == "" || seen[c.String()] {
			t.Errorf("cause %d has no name of its own", c)
		}
		seen[c.String()] = true
	}
}

func TestVerdictNamesTheLimit(t *testing.T) {
	open := func(unsent uint64) *Result {
		return &Result{Mode: "open", Requests: 1000, Unsent: unsent, Connections: 4}
	}
	for _, tc := range []struct {
		name string
		r    *Result
		g    Generator
		full bool
		want string
	}{
		{"closed, target busy", &Result{Mode: "closed"}, Generator{CPUPercent: 40}, false, "target"},
		{"closed, generator busy", &Result{Mode: "closed"}, Generator{CPUPercent: 97}, true, "generator"},
		{"open, rate reached", open(0), Generator{LagP99: 50}, false, "none"},
		{"open, rate reached by a full core", open(0), Generator{LagP99: 50}, true, "none"},
		{"open, late", open(0), Generator{LagP99: 5000}, false, "generator"},
		{"open, no free connection", open(500), Generator{LagP99: 50}, false, "connections"},
		{"open, no time", open(500), Generator{LagP99: 50}, true, "generator"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			limit, note := verdict(tc.r, tc.g, tc.full)
			if limit != tc.want || note == "" {
				t.Errorf("got %q (%s); want %q", limit, note, tc.want)
			}
		})
	}
}

func TestReadRequests(t *testing.T) {
	body := func(name string) ([]byte, error) { return []byte("<" + name + ">"), nil }
	got, err := ReadRequests("# mix\n\nGET /\nPOST /a?b=c  {\"d\": 1}\nPUT /e @file\n", body)
	if err != nil || len(got) != 3 {
		t.Fatalf("got %v, %v; want 3 requests", got, err)
	}
	if got[1].Path != "/a?b=c" || string(got[1].Body) != `{"d": 1}` || string(got[2].Body) != "<file>" || got[0].Body != nil {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"", "# only\n", "GET\n", "GET nopath\n", "G(T /\n", "POST / @x\n"} {
		if _, err := ReadRequests(bad, nil); err == nil {
			t.Errorf("%q must be refused", bad)
		} else if strings.HasPrefix(bad, "G") && !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: got %v; want the line", bad, err)
		}
	}
}
