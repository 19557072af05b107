package load

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// schedule says when the next request is due. It belongs to one worker; only
// budget is shared. Times are nanoseconds since the start of the run.
type schedule struct {
	due     float64 // open loop: when the next request is due
	gap     float64 // open loop: mean gap between two; 0: closed loop
	random  *rand.Rand
	warm    int64 // start of what counts
	end     int64 // no request is due at or after it
	budget  *atomic.Int64
	counted bool // budget is used
}

const never = math.MaxInt64

// newSchedule makes the schedule of worker i. In the open loop each worker takes
// an equal share of the rate, staggered so that together they are evenly spaced.
func newSchedule(t *target, i int, budget *atomic.Int64) schedule {
	s := schedule{warm: int64(t.Warmup), end: never, budget: budget, counted: t.Count > 0}
	if t.Duration > 0 {
		s.end = int64(t.Warmup + t.Duration)
	}
	if t.Rate > 0 {
		s.gap = float64(time.Second) / t.Rate * float64(t.Threads)
		s.due = s.gap * float64(i) / float64(t.Threads)
		if t.Poisson {
			s.random = rand.New(rand.NewPCG(t.Seed, uint64(i)))
			s.due = s.random.ExpFloat64() * s.gap
		}
	}
	return s
}

// open reports whether requests are due at fixed times.
func (s *schedule) open() bool { return s.gap > 0 }

// take gives out a request if one is due now, with the time its latency counts
// from.
func (s *schedule) take(now int64) (from int64, ok bool) {
	from = now
	if s.gap > 0 {
		from = int64(s.due)
	}
	if from > now || from >= s.end || s.closed(now) {
		return 0, false
	}
	if s.counted && from >= s.warm && s.budget.Add(-1) < 0 {
		s.end = 0
		return 0, false
	}
	if s.gap > 0 {
		s.advance()
	}
	return from, true
}

func (s *schedule) advance() {
	if s.random != nil {
		s.due += s.random.ExpFloat64() * s.gap
		return
	}
	s.due += s.gap
}

// graceNanos is how long after the end requests that were due before it may
// still be sent; what is left then is counted as unsent.
const graceNanos = int64(100 * time.Millisecond)

// closed reports whether it is too late to send anything.
func (s *schedule) closed(now int64) bool {
	return s.end == 0 || s.end != never && now >= s.end+graceNanos
}

// next is when take may give out a request again: in the closed loop at once.
// It is never when all have been given out.
func (s *schedule) next(now int64) int64 {
	if s.over(now) {
		return never
	}
	if s.gap == 0 {
		return now
	}
	return int64(s.due)
}

// over reports whether nothing will be given out any more.
func (s *schedule) over(now int64) bool {
	if s.gap == 0 {
		return now >= s.end
	}
	return int64(s.due) >= s.end || s.closed(now)
}

// leftOver calls f with the due time of each request that counts and was not
// given out.
func (s *schedule) leftOver(f func(due int64)) {
	if s.gap == 0 || s.end == never {
		return
	}
	for ; int64(s.due) < s.end; s.advance() {
		if int64(s.due) >= s.warm {
			f(int64(s.due))
		}
	}
}
