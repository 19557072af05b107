package headroom

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// queue simulates one loop on one processor: requests come at random, are served one after the
// other, and pay for waking it up where it sleeps.
type queue struct {
	own, wake float64                    // seconds of a processor
	draw      func(r *rand.Rand) float64 // of the cost of a request, of mean 1
	hidden    bool                       // durations begin when a request is read
	constant  float64                    // processors without load
	random    *rand.Rand
	clock     float64
	free      float64 // when the loop sleeps next
	sample    Sample
	durations *stat.Histogram
	took      []float64 // as clients see it
}

func newQueue(own, wake float64, draw func(*rand.Rand) float64) *queue {
	return &queue{own: own, wake: wake, draw: draw, random: rand.New(rand.NewPCG(1, 2)), durations: stat.NewHistogram(1), sample: Sample{Processors: 1}}
}

// Laws of what a request costs; by Pollaczek and Khinchine their variability is 1, 0.5 and 1.5.
func exponential(r *rand.Rand) float64 { return r.ExpFloat64() }
func always(*rand.Rand) float64        { return 1 }
func twoKinds(r *rand.Rand) float64 {
	if r.Float64() < 0.2 {
		return (0.5 + 2.25*r.ExpFloat64()) / 0.95
	}
	return (0.25 + 0.25*r.ExpFloat64()) / 0.95
}

// second lets one go by at a rate, and returns what a look at its end sees.
func (q *queue) second(rate float64) *Sample {
	end := q.clock + 1
	for at := q.clock + q.random.ExpFloat64()/rate; at < end; at += q.random.ExpFloat64() / rate {
		cost := q.own * q.draw(q.random)
		if at >= q.free {
			cost += q.wake
			q.free = at
			q.sample.Switches++
		}
		begins := q.free
		q.free += cost
		q.took = append(q.took, q.free-at)
		if q.hidden {
			q.durations.Observe(0, time.Duration((q.free-begins)*1e9))
		} else {
			q.durations.Observe(0, time.Duration((q.free-at)*1e9))
		}
		q.sample.Requests++
		q.sample.CPU += time.Duration(cost * 1e9)
	}
	q.clock = end
	q.sample.At = time.Duration(end * 1e9)
	q.sample.CPU += time.Duration(q.constant * 1e9)
	s := q.sample
	s.Durations = q.durations.Snapshot()
	return &s
}

// p99 is what clients see at a rate, over seconds.
func (q *queue) p99(rate float64, seconds int) float64 {
	fresh := newQueue(q.own, q.wake, q.draw)
	for range seconds {
		fresh.second(rate)
	}
	slices.Sort(fresh.took)
	return fresh.took[len(fresh.took)*99/100]
}

// knee is the highest rate at which p99 holds a target, to 2 %, of some 60,000 requests.
func (q *queue) knee(target float64) float64 {
	low, high := 0.0, 1/q.own
	seconds := 1 + int(60_000*q.own)
	for high-low > 0.02*high {
		middle := (low + high) / 2
		if q.p99(middle, seconds) <= target {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// meter has seen some seconds of a load.
func (q *queue) meter(m *Meter, rate float64, seconds int) *Meter {
	for range seconds {
		m.Add(q.second(rate))
	}
	return m
}

// off is how far got is from want, as a share of it.
func off(got, want float64) float64 { return math.Abs(got-want) / want }
