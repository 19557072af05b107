package pool

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Bounds of a learned limit and the first guess.
const (
	learnedMax   = 1000 // where max_requests is 0
	learnedFirst = 20
	probeFirst   = 3 // in progress while the base latency is measured for the first time
)

const (
	// windowShortest and windowLongest bound a window; between them it lasts two latencies,
	// so that a new limit shows in it.
	windowShortest = 100 * time.Millisecond
	windowLongest  = time.Second
	// samplesMin is how many answers a window needs. A measurement of the base
	// latency needs two for each that is let in, within bounds.
	samplesMin      = 10
	probeSamples    = 50
	probeSamplesMax = 200
	// A measurement waits drainShortest, or four latencies, until as few are in progress
	// as it wants, and not longer: slow clients may hold their slots for long.
	// settleLongest bounds the two latencies that it waits then.
	drainShortest = time.Second
	settleLongest = 10 * time.Second
	// remeasureEvery is the time between two measurements, give or take a tenth so
	// that proxies before the same backends do not measure together. remeasureSoon
	// is the least time, when the limit has fallen much, and after the first. Where
	// answers take long a measurement does too, and remeasureShare bounds its cost.
	remeasureEvery = 30 * time.Second
	remeasureSoon  = 5 * time.Second
	remeasureShare = 30 // latencies that remeasureSoon lasts at least
)

const (
	// tolerance is how many times the base latency is no sign of a queue.
	tolerance = 1.5
	// gradientMin bounds how fast the limit falls, smoothing both directions.
	gradientMin = 0.5
	smoothing   = 0.5
	// probeShare of the limit is let in while the base latency is measured.
	probeShare = 1.0 / 3
	// fallen is the share of the highest limit since the last measurement below
	// which the backends are thought to have changed.
	fallen = 0.7
	// sinking is the weight of a window that is faster than the base latency.
	sinking = 0.2
)

// gradient is the law: the limit that keeps the latency near the base latency,
// which is that of backends with nobody waiting inside them. While more are in
// progress than the backends can work on, the rest waits inside them, and the
// latency grows by as much:
//
//	next = limit * clamp(tolerance * base / latency, 1/2, 1) + sqrt(limit)
//
// as in Gradient2 of Netflix' concurrency-limits and Envoy's adaptive_concurrency
// filter. The square root is room for bursts, and what makes the limit grow. With
// c workers it settles where limit - 1.5 c = sqrt(limit): 9 for 4, 163 for 100.
//
// Measuring the base latency: like Envoy with fewer in progress, but with a third
// of the limit where Envoy takes 3. That is less than the workers wherever the
// limit is settled, and takes a time that does not grow with them.
//
// It is pure: whoever calls it has a clock, and is alone.
type gradient struct {
	limit    float64 // let in outside of measurements
	base     float64 // nanoseconds; 0 before the first measurement
	measures int
	probing  bool
	probe    int64   // let in meanwhile
	highest  float64 // limit since the last measurement
	lastAt   int64   // when that was
	nextAt   int64   // when the next one is due
}

// latencies are what was seen in one window.
type latencies struct {
	nowNanos int64
	mean     float64 // latency, nanoseconds
	peak     int64   // most in progress
	bound    int64   // max_requests
	random   float64 // 0 to 1, for jitter
}

func newGradient() gradient {
	return gradient{limit: learnedFirst, highest: learnedFirst, probing: true, probe: probeFirst}
}

// learn takes one window and returns the limit for the next.
func (g *gradient) learn(w latencies) int64 {
	if g.probing {
		g.measured(w)
	} else {
		g.follow(w)
	}
	g.limit = min(max(g.limit, 1), float64(w.bound))
	g.highest = max(g.highest, g.limit)
	if g.probing {
		return g.probe
	}
	return int64(g.limit)
}

// measured ends a measurement.
func (g *gradient) measured(w latencies) {
	g.base, g.probing = w.mean, false
	g.measures++
	g.lastAt, g.highest = w.nowNanos, g.limit
	wait := g.least() * float64(remeasureEvery/remeasureSoon) * (0.9 + 0.2*w.random)
	if g.measures == 1 {
		wait = g.least()
	}
	g.nextAt = w.nowNanos + int64(wait)
}

// least is the least time between two measurements.
func (g *gradient) least() float64 { return max(float64(remeasureSoon), remeasureShare*g.base) }

// follow is a window outside of a measurement.
func (g *gradient) follow(w latencies) {
	if w.mean < g.base {
		g.base += sinking * (w.mean - g.base)
	}
	slope := min(max(tolerance*g.base/w.mean, gradientMin), 1)
	next := g.limit + smoothing*(g.limit*slope+math.Sqrt(g.limit)-g.limit)
	if next > g.limit && 2*w.peak < int64(g.limit) {
		next = g.limit // a limit that nobody comes near teaches nothing
	}
	g.limit = next
	soon := g.limit < fallen*g.highest && float64(w.nowNanos-g.lastAt) >= g.least()
	if soon || w.nowNanos >= g.nextAt {
		g.probing, g.probe = true, max(int64(g.limit*probeShare), 1)
	}
}

// sampler collects latencies for a gradient. Everybody adds, and whoever comes
// when a window is full closes it:
//
//	endNanos   until then the window is open; math.MaxInt64 while somebody closes
//	           it. Who moves it there by a compare-and-swap has law alone, and
//	           publishes what it learned by storing the next end.
//	fromNanos  answers that come before do not count: they met the queues of
//	           another limit. math.MaxInt64 while a measurement waits until few
//	           are in progress; moved from there, by a compare-and-swap, to two
//	           latencies later. Without those two the answers that come first
//	           would be counted, and those are the quick ones: measured in
//	           TestAdaptiveLimitSettlesNearTheKnee, the limit fell to 4 for 100
//	           workers.
//
// A sample that comes while a window is closed may be lost, or be counted in the
// next one; sum and count may be apart by those of one instant. A mean of ten or
// more does not show it.
type sampler struct {
	limit atomic.Int64 // what law says now

	_         [64]byte
	sum       atomic.Int64
	count     atomic.Int64
	peak      atomic.Int64
	fromNanos atomic.Int64
	endNanos  atomic.Int64
	wanted    atomic.Int64 // samples before the window may be closed
	drainBy   atomic.Int64
	settle    atomic.Int64 // two latencies, of the last window

	law    gradient
	random func() float64
}

func newSampler() *sampler {
	s := &sampler{law: newGradient(), random: rand.Float64}
	s.limit.Store(probeFirst)
	s.fromNanos.Store(math.MaxInt64)
	s.drainBy.Store(math.MaxInt64)
	s.wanted.Store(probeSamples)
	return s
}

// observe adds one latency and reports whether the limit may have changed.
func (s *sampler) observe(nowNanos, latencyNanos, inProgress, bound int64) bool {
	from := s.fromNanos.Load()
	if from == math.MaxInt64 && (inProgress <= s.limit.Load() || nowNanos >= s.drainBy.Load()) {
		s.fromNanos.CompareAndSwap(from, nowNanos+min(max(2*latencyNanos, s.settle.Load()), int64(settleLongest)))
	}
	if nowNanos < from {
		return false
	}
	if inProgress > s.peak.Load() {
		s.peak.Store(inProgress) // of two at once the smaller may win: it is a hint
	}
	s.sum.Add(latencyNanos)
	n := s.count.Add(1)
	end := s.endNanos.Load()
	if nowNanos < end || n < s.wanted.Load() || !s.endNanos.CompareAndSwap(end, math.MaxInt64) {
		return false
	}
	s.close(nowNanos, bound)
	return true
}

// close ends the window; the caller has moved endNanos.
func (s *sampler) close(nowNanos, bound int64) {
	sum, n := s.sum.Swap(0), s.count.Swap(0)
	was := s.law.probing
	mean := float64(max(sum, 1)) / float64(max(n, 1))
	limit := s.law.learn(latencies{
		nowNanos: nowNanos, mean: mean, peak: s.peak.Swap(0), bound: bound, random: s.random(),
	})
	s.limit.Store(limit)
	end := nowNanos + int64(min(max(2*time.Duration(mean), windowShortest), windowLongest))
	s.settle.Store(2 * int64(mean))
	switch {
	case s.law.probing && !was:
		s.wanted.Store(min(max(2*limit, probeSamples), probeSamplesMax))
		s.drainBy.Store(nowNanos + max(int64(drainShortest), 4*int64(mean)))
		s.fromNanos.Store(math.MaxInt64)
		end = nowNanos
	case was:
		s.wanted.Store(samplesMin)
	}
	s.endNanos.Store(end)
}
