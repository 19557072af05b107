package retry

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The estimate is near the true percentile, for narrow and for wide
// distributions, and follows them when they change. Seed 1, tolerance 20 %.
func TestQuantileFollowsTheStream(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var q Quantile
	for _, tc := range []struct {
		name   string
		sample func() float64
		want   float64
	}{
		{"uniform", func() float64 { return 1e6 * r.Float64() }, 0.95e6},
		{"exponential", func() float64 { return 1e6 * r.ExpFloat64() }, 1e6 * math.Log(20)},
		{"hundred times slower", func() float64 { return 1e8 * r.ExpFloat64() }, 1e8 * math.Log(20)},
		{"faster again", func() float64 { return 1e5 * r.ExpFloat64() }, 1e5 * math.Log(20)},
		{"constant", func() float64 { return 5e6 }, 5e6},
	} {
		for range 20_000 {
			q.Observe(int64(tc.sample()))
		}
		if got := float64(q.Estimate()); math.Abs(got/tc.want-1) > 0.2 {
			t.Errorf("%s: got %v; want %v within 20 %%", tc.name, time.Duration(got), time.Duration(tc.want))
		}
	}
}

func TestQuantileKnowsNothingAtFirst(t *testing.T) {
	var q Quantile
	for range quantileLearning/5 - 1 {
		q.Observe(1000)
	}
	if q.Estimate() != 0 {
		t.Error("an estimate after too few samples")
	}
	q.Observe(1000)
	if got := q.Estimate(); got < 700 || got > 1300 {
		t.Errorf("got %d; want about 1000", got)
	}
	for range 10_000 {
		q.Observe(0)
	}
	if got := q.Estimate(); got < 0 {
		t.Errorf("got %d below zero", got)
	}
}
