package headroom

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// poisson draws how many are there of a mean.
func poisson(r *rand.Rand, mean float64) float64 {
	limit, n := math.Exp(-mean), 0.0
	for p := r.Float64(); p > limit; p *= r.Float64() {
		n++
	}
	return n
}

// erlangB is the share of random arrivals that find places places in use.
func erlangB(offered float64, places int) float64 {
	b := 1.0
	for i := 1; i <= places; i++ {
		b = offered * b / (float64(i) + offered*b)
	}
	return b
}

// TestLimitThatRefusesIsForeseen: where would Erlang refuse 1 %?
func TestLimitThatRefusesIsForeseen(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, places := range []int{20, 100, 500} {
		truth := float64(places)
		for erlangB(truth, places) > tailShare {
			truth *= 0.99
		}
		for _, share := range []float64{0.3, 0.7, 0.95} {
			var m Meter
			for i := range 60 {
				m.Add(&Sample{
					At: time.Duration(i) * time.Second, Processors: 1,
					Loads: []Load{{Kind: PoolRequests, Name: "api", Use: poisson(r, share*truth), Most: float64(places)}},
				})
			}
			e := m.Estimate(0)
			l := e.Limits[slices.IndexFunc(e.Limits, func(l Limit) bool { return l.Kind == PoolRequests })]
			if got := l.Times * l.Use; !l.Told || off(got, truth) > 0.2 {
				t.Errorf("%d places at %.0f%%: got %.1f in use (%+v); want %.1f", places, 100*share, got, l, truth)
			}
		}
	}
}

// TestUseThatStandsStillMayFillALimit: 8 of 10 all the time are 1.25 times.
func TestUseThatStandsStillMayFillALimit(t *testing.T) {
	var m Meter
	for i := range 10 {
		m.Add(&Sample{At: time.Duration(i) * time.Second, Processors: 1, Loads: []Load{
			{Kind: Descriptors, Use: 60, Most: 1000, Constant: 50},
			{Kind: PoolRequests, Name: "api", Use: 8, Most: 10},
			{Kind: Connections, Name: "web", Use: 1, Most: 1000},
		}})
	}
	e := m.Estimate(0)
	if first := e.Limits[0]; e.Why != Told || first.Kind != PoolRequests || first.Name != "api" || off(first.Times, 1.25) > 0.01 || first.Low > 1.2501 {
		t.Errorf("got %+v; want pool api first, with 1.25 x", e)
	}
	if next := e.Limits[1]; next.Kind != Descriptors || off(next.Times, 95) > 0.01 {
		t.Errorf("got %+v; want descriptors next, whose constant part does not grow", next)
	}
}

// TestQueueOfAPoolIsForeseen simulates places that exponential requests hold, and a queue.
func TestQueueOfAPoolIsForeseen(t *testing.T) {
	const places, hold, patience = 20, 0.02, 0.03
	truth := 0.0
	for share := 0.5; share < 1; share += 0.01 {
		if waits(share, places, hold) <= patience {
			truth = share
		}
	}
	if got := busyUntil(patience, places, hold, 1); off(got, truth) > 0.1 {
		t.Errorf("got %.2f of the places; want %.2f", got, truth)
	}
	s := spread{mean: 10, variance: 10, looks: 30}
	if r := queued(&s, places, hold, patience); off(r.Times, 2*truth) > 0.1 || r.Low > r.Times || r.High < 2 {
		t.Errorf("got %+v; want about %.2f, and 2 at most", r, 2*truth)
	}
}

// waits is what the slowest 1 % wait before places of which a share is used.
func waits(share float64, places int, hold float64) float64 {
	r := rand.New(rand.NewPCG(7, 8))
	free := make([]float64, places)
	var all []float64
	at, rate := 0.0, share*float64(places)/hold
	for range 200_000 {
		at += r.ExpFloat64() / rate
		first := 0
		for i := range free {
			if free[i] < free[first] {
				first = i
			}
		}
		begins := max(at, free[first])
		all = append(all, begins-at)
		free[first] = begins + hold*r.ExpFloat64()
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// TestMemoryWithoutAQuietMomentIsTakenForLoad: where none was seen, all of it may grow.
func TestMemoryWithoutAQuietMomentIsTakenForLoad(t *testing.T) {
	memory := func(quiet bool) Limit {
		q := newQueue(100e-6, 0, exponential)
		var m Meter
		add := func(rate, use float64) {
			s := &Sample{At: q.sample.At + time.Second, Processors: 1}
			if rate > 0 {
				s = q.second(rate)
			} else {
				q.sample.At, q.clock = s.At, s.At.Seconds()
			}
			s.Loads = []Load{{Kind: Memory, Use: use, Most: 1000e6, Constant: -1}}
			m.Add(s)
		}
		for range 3 {
			if quiet {
				add(0, 50e6)
			}
		}
		for range 60 {
			add(1000, 100e6)
		}
		e := m.Estimate(0)
		return e.Limits[slices.IndexFunc(e.Limits, func(l Limit) bool { return l.Kind == Memory })]
	}
	if l := memory(false); off(l.Times, 10) > 0.01 || l.High != timesMost {
		t.Errorf("never quiet: got %+v; want 10 x, or any more", l)
	}
	if l := memory(true); off(l.Times, 19) > 0.01 || off(l.Low, 10) > 0.01 {
		t.Errorf("quiet at 50 MB: got %+v; want 19 x, 10 x at least", l)
	}
}
