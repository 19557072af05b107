package headroom

import (
	"strings"
	"testing"
)

// TestEstimatesAreJudgedByTheKnee: within 20 %, and the limit that has to come first.
func TestEstimatesAreJudgedByTheKnee(t *testing.T) {
	e := &example{first: limitProcessors}
	for _, c := range []struct {
		name            string
		first           string
		estimate, truth float64
		want            bool
		says            string
	}{
		{"near", limitProcessors, 1150, 1000, true, "| 1150 | 900 - 1300 | 1000 | 1.15 | yes |"},
		{"too high", limitProcessors, 1250, 1000, false, "| 1.25 | NO |"},
		{"too low", limitProcessors, 790, 1000, false, "| 0.79 | NO |"},
		{"another limit", limitPool, 1000, 1000, false, "| pool_requests |"},
		{"nothing told", "", 0, 1000, false, "| cannot tell |"},
		{"no knee", limitProcessors, 1000, 0, false, "NO"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Row{Case: "c", Load: 500, First: c.first, Estimate: c.estimate, Low: 900, High: 1300}
			r.judge(e, c.truth, false)
			var out strings.Builder
			if err := r.Write(&out); err != nil {
				t.Fatal(err)
			}
			if r.Met != c.want || !strings.Contains(out.String(), c.says) {
				t.Errorf("got %v, %s; want %v with %q", r.Met, out.String(), c.want, c.says)
			}
		})
	}
	limited := Row{First: limitProcessors, Estimate: 2000}
	limited.judge(e, 1000, true)
	var out strings.Builder
	if err := limited.Write(&out); err != nil || !strings.Contains(out.String(), "load was the limit") {
		t.Errorf("got %s, %v; want that it is not judged", out.String(), err)
	}
}
