package observe

import (
	"sync/atomic"
	"time"
)

// lastUse is when a route was used last, by shard: in ticks of the clock, 0 is never. Each
// shard writes its own word, once in a tick at most, so that a busy route costs it a read
// of a cache line that nobody else writes.
type lastUse []useCell

type useCell struct {
	tick atomic.Int64
	_    [56]byte
}

// useTick is how exact a time of use is: 1.07 seconds.
const useTick = 30 // bits of nanoseconds

func newLastUse(shards int) lastUse { return make(lastUse, max(shards, 1)) }

// Used notes that an exchange of the route has finished, behind its Observe. nowNanos is of
// the clock that all callers share. It allocates nothing and takes no lock.
func (s *RouteStats) Used(shard int, nowNanos int64) {
	cells := s.cells.Load()
	if cells == nil {
		return // nothing was counted
	}
	cell := &cells.used[shard]
	if tick := nowNanos>>useTick + 1; cell.tick.Load() != tick {
		cell.tick.Store(tick)
	}
}

// UnusedByRoute is for how long each route that ever had an exchange has had none, over all
// listeners, to a second or two. nowNanos is of the clock of Used. The empty name stands
// for exchanges without a route.
func (r *Registry) UnusedByRoute(nowNanos int64) map[string]time.Duration {
	unused := map[string]time.Duration{}
	for key, cells := range r.routeCells() {
		var last int64
		for i := range cells.used {
			last = max(last, cells.used[i].tick.Load())
		}
		if last == 0 {
			continue
		}
		since := max(0, time.Duration(nowNanos-(last-1)<<useTick))
		if was, known := unused[key.route]; !known || since < was {
			unused[key.route] = since
		}
	}
	return unused
}
