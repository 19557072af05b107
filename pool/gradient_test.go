package pool

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// factory is a backend in virtual time: workers that take exponential times, and
// an endless queue in front of them (M/M/c). Arrivals are as random as that, and
// go through a real Limiter.
type factory struct {
	random   *rand.Rand
	now      int64
	limiter  *Limiter
	workers  int
	service  time.Duration // mean
	deadline time.Duration // a later answer is of no use

	busy    int
	queue   []int64  // when each was admitted
	ends    []ending // soonest last
	good    int
	offered int
	slowest int64
}

// ending is the end of one service.
type ending struct{ at, began int64 }

func newFactory(workers int, service time.Duration, c config.Concurrency) *factory {
	f := &factory{
		random: rand.New(rand.NewPCG(11, uint64(workers))), now: int64(time.Second),
		workers: workers, service: service, deadline: 10 * service,
	}
	f.limiter = newLimiter(func() int64 { return f.now }, newLimitPolicy(&c))
	f.limiter.gradient.random = f.random.Float64
	return f
}

func (f *factory) start(began int64) {
	f.busy++
	e := ending{f.now + int64(f.random.ExpFloat64()*float64(f.service)), began}
	i, _ := slices.BinarySearchFunc(f.ends, e, func(a, b ending) int { return cmp.Compare(b.at, a.at) })
	f.ends = slices.Insert(f.ends, i, e)
}

func (f *factory) end() {
	e := f.ends[len(f.ends)-1]
	f.ends = f.ends[:len(f.ends)-1]
	f.busy--
	took := f.now - e.began
	f.slowest = max(f.slowest, took)
	if took <= int64(f.deadline) {
		f.good++
	}
	f.limiter.observe(f.now, took)
	f.limiter.Leave()
	for len(f.queue) > 0 && f.busy < f.workers {
		began := f.queue[0]
		f.queue = f.queue[1:]
		f.start(began)
	}
}

// run offers load times the capacity and returns good answers and peak, both a second.
func (f *factory) run(load float64, d time.Duration) (good, peak float64) {
	f.good, f.offered, f.slowest = 0, 0, 0
	peak = float64(f.workers) / f.service.Seconds()
	gap := float64(time.Second) / (peak * load)
	until := f.now + int64(d)
	next := f.now + int64(f.random.ExpFloat64()*gap)
	for f.now < until {
		if n := len(f.ends); n > 0 && f.ends[n-1].at <= next {
			f.now = f.ends[n-1].at
			f.end()
			continue
		}
		f.now = next
		next += int64(f.random.ExpFloat64() * gap)
		f.offered++
		if !f.limiter.Enter() {
			continue
		}
		if f.busy < f.workers {
			f.start(f.now)
		} else {
			f.queue = append(f.queue, f.now)
		}
	}
	return float64(f.good) / d.Seconds(), peak
}

// Each case offers three times what the workers can do, for several measurements
// of the base latency. Seeds are fixed; the tolerance is of one block of 15 s.
func TestAdaptiveLimitSettlesNearTheKnee(t *testing.T) {
	for _, tc := range []struct {
		name               string
		workers            int
		service            time.Duration
		limitMin, limitMax int64
	}{
		{"4 workers of 10ms", 4, 10 * time.Millisecond, 4, 20},
		{"16 workers of 20ms", 16, 20 * time.Millisecond, 16, 50},
		{"100 workers of 10ms", 100, 10 * time.Millisecond, 100, 230},
		{"32 workers of 200ms", 32, 200 * time.Millisecond, 32, 100},
		{"200 workers of 100ms", 200, 100 * time.Millisecond, 200, 450},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFactory(tc.workers, tc.service, config.Concurrency{Adaptive: true})
			f.run(3, 30*time.Second)
			for range 10 {
				good, peak := f.run(3, 15*time.Second)
				law := &f.limiter.gradient.law
				if good < 0.9*peak {
					t.Errorf("good throughput is %.1f %% of the peak; want 90, limit %.0f", 100*good/peak, law.limit)
				}
				if n := int64(law.limit); n < tc.limitMin || n > tc.limitMax {
					t.Errorf("limit is %d; want %d to %d", n, tc.limitMin, tc.limitMax)
				}
			}
			law := &f.limiter.gradient.law
			t.Logf("limit %.0f, base latency %v", law.limit, time.Duration(law.base).Round(time.Microsecond))
		})
	}
}

func TestAdaptiveLimitFollowsTheBackend(t *testing.T) {
	const workers = 32
	f := newFactory(workers, 20*time.Millisecond, config.Concurrency{Adaptive: true})
	f.run(3, 30*time.Second)
	check := func(when string) {
		t.Helper()
		good, peak := f.run(3, 15*time.Second)
		law := &f.limiter.gradient.law
		t.Logf("%s: %.1f %% of the peak, limit %.0f, base latency %v", when, 100*good/peak, law.limit, time.Duration(law.base).Round(time.Microsecond))
		if good < 0.9*peak || law.limit < workers || law.limit > 4*workers {
			t.Errorf("%s: %.1f %% of the peak with limit %.0f; want 90 with %d to %d", when, 100*good/peak, law.limit, workers, 4*workers)
		}
	}
	check("before")
	for _, change := range []struct {
		name    string
		service time.Duration
		workers int
	}{
		{"twice as slow", 40 * time.Millisecond, workers},
		{"as before", 20 * time.Millisecond, workers},
		{"twice as fast", 10 * time.Millisecond, workers},
		{"twice as many", 10 * time.Millisecond, 2 * workers},
	} {
		f.service, f.workers, f.deadline = change.service, change.workers, 10*change.service
		f.run(3, 10*time.Second) // the time it may take
		check(change.name)
	}
}

func TestAdaptiveLimitRefusesNobodyWhileThereIsRoom(t *testing.T) {
	for _, load := range []float64{0.3, 0.6} {
		f := newFactory(50, 10*time.Millisecond, config.Concurrency{Adaptive: true})
		f.run(load, 30*time.Second)
		good, peak := f.run(load, 60*time.Second)
		if share := good / (peak * load); share < 0.98 {
			t.Errorf("load %.1f: %.1f %% answered; want 98", load, 100*share)
		}
	}
}

func TestAdaptiveLimitStaysInBounds(t *testing.T) {
	f := newFactory(100, 10*time.Millisecond, config.Concurrency{Adaptive: true, MaxRequests: 30})
	for range 200 {
		f.run(3, 100*time.Millisecond)
		if n := f.limiter.InProgress(); n > 30 {
			t.Fatalf("%d in progress; want at most 30", n)
		}
	}
	if n := f.limiter.limit.Load(); n != 30 {
		t.Errorf("limit is %d with more workers than max_requests; want 30", n)
	}
	f.service, f.workers = time.Second, 1
	f.run(3, time.Hour)
	if n := f.limiter.gradient.law.limit; n < 1 || n > 10 {
		t.Errorf("limit is %.0f for one slow worker; want 1 to 10", n)
	}
}
