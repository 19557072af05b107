package record

import (
	"runtime"
	"sync/atomic"
	"time"
)

// slowest finds the slowest exchange of each second, so that a ring of a few thousand
// reaches back for an hour, however many requests come in a second. What happens in one
// second is compared by who may have the exchange of it: best and number belong to whoever
// has set busy. Who finds it set goes on without, which is rare: most are faster than what
// is known already, and look at that alone.
type slowest struct {
	busy   atomic.Bool
	second atomic.Int64 // of Nanos
	took   atomic.Int64 // of best
	best   Record
	number uint64 // 0: there is none
}

// offer compares an exchange that has ended just now, and puts the slowest of a second that
// is over into the ring.
func (s *slowest) offer(r *Record, number uint64, nowNanos int64, into *ring) {
	second := nowNanos / int64(time.Second)
	if second == s.second.Load() && r.Took <= s.took.Load() || !s.busy.CompareAndSwap(false, true) {
		return
	}
	if second > s.second.Load() {
		if s.number != 0 {
			into.put(&s.best, s.number)
		}
		s.second.Store(second)
		s.took.Store(-1)
	}
	if r.Took > s.took.Load() {
		s.best, s.number = *r, number
		s.took.Store(r.Took)
	}
	s.busy.Store(false)
}

// looksMax is how often see asks whether it may.
const looksMax = 1000

// see shows the slowest of the second that is not over, if there is one.
func (s *slowest) see(show func(r *Record)) {
	for range looksMax {
		if s.busy.CompareAndSwap(false, true) {
			if s.number != 0 {
				show(&s.best)
			}
			s.busy.Store(false)
			return
		}
		runtime.Gosched()
	}
}
