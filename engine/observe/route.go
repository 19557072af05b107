package observe

import (
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// RouteStats are the counters of one route on one listener.
//
// A table may hold 100,000 routes of which few take traffic, so a handle is a
// name until the first exchange: only then it joins the registry, where a
// handle of an earlier table with the same name may have left its cells. nil
// becomes the cells once and never changes again; a stale nil costs one more
// look into the registry.
type RouteStats struct {
	registry *Registry
	key      routeKey
	cells    atomic.Pointer[routeCells]
}

// Route returns the counters of a route on a listener. The empty route stands
// for exchanges that ended before a route was found.
func (r *Registry) Route(listener, route string) *RouteStats {
	return &RouteStats{registry: r, key: routeKey{listener, route}}
}

// Observe counts one finished exchange: the status code sent to the client
// (stat.CodeNone when none was) and the time from its first to its last byte.
// It allocates only for the first exchange of a route and for codes not seen yet.
func (s *RouteStats) Observe(shard, code int, d time.Duration) {
	cells := s.cells.Load()
	if cells == nil {
		cells = s.join()
	}
	cells.codes.Add(shard, code)
	cells.durations.Observe(shard, d)
}

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

// Traced keeps an exchange of the route of which spans are exported, behind its Observe: it
// stands for those that took as long. e is the RouteStats' then, and its Route is not read.
func (s *RouteStats) Traced(e *Example) {
	if cells := s.cells.Load(); cells != nil {
		cells.traced[stat.BucketOf(e.Took)].Store(e)
	}
}

// join finds or makes the cells of this name.
func (s *RouteStats) join() *routeCells {
	r := s.registry
	r.names.Lock()
	defer r.names.Unlock()
	cells := resolve(r.names.routes, s.key, func() *routeCells {
		return &routeCells{codes: stat.NewCodes(r.shards), durations: stat.NewHistogram(r.shards), used: newLastUse(r.shards)}
	})
	s.cells.Store(cells)
	return cells
}

// RetryStats count the retries of one route for one reason, those that were
// refused, or its hedged attempts. Like RouteStats a handle is a name until the first one.
type RetryStats struct {
	registry *Registry
	key      retryKey
	expected bool // it is shown before the first one
	counter  atomic.Pointer[stat.Counter]
}

// Retries returns the counter of a route's retries for a reason, spelled as in
// the configuration's retry.on.
func (r *Registry) Retries(route, reason string) *RetryStats {
	return &RetryStats{registry: r, key: retryKey{route: route, reason: reason}}
}

// RefusedRetries returns the counter of failed attempts of a route that its
// policy would have repeated, and that were not for a reason.
func (r *Registry) RefusedRetries(route, reason string) *RetryStats {
	return &RetryStats{registry: r, key: retryKey{route: route, reason: reason, family: familyRefused}}
}

// Hedges returns the counter of a route's hedged attempts that ended with result:
// won, lost or failed.
func (r *Registry) Hedges(route, result string) *RetryStats {
	return &RetryStats{registry: r, key: retryKey{route: route, reason: result, family: familyOfHedges}}
}

// SplitFallbacks returns the counter of a route's requests that another pool of its
// split took, because the one that was drawn had nobody.
func (r *Registry) SplitFallbacks(route, drawn string) *RetryStats {
	return &RetryStats{registry: r, key: retryKey{route: route, reason: drawn, family: familyFallbacks}}
}

// Expect has the counter shown before it counts, as long as its route exists: it may come
// to that, and rate() does not see a step from nothing. It is for who makes the handle.
func (s *RetryStats) Expect(is bool) { s.expected = is }

// Existing is a route of the configuration that runs, with its handles.
type Existing struct {
	Name                                string
	Retries, Refused, Hedges, Fallbacks []*RetryStats
}

// handles are those of a family; nil ones are left out.
func (e *Existing) handles(f retryFamily) []*RetryStats {
	return [...][]*RetryStats{
		familyOfRetries: e.Retries, familyRefused: e.Refused, familyOfHedges: e.Hedges, familyFallbacks: e.Fallbacks,
	}[f]
}

// SetRoutes says where the routes that exist come from, by name. f is called once a scrape.
func (r *Registry) SetRoutes(f func() []Existing) { r.routes.Store(&f) }

// Add counts one retry.
func (s *RetryStats) Add(shard int) {
	counter := s.counter.Load()
	if counter == nil {
		counter = s.join()
	}
	counter.Add(shard, 1)
}

func (s *RetryStats) join() *stat.Counter {
	r := s.registry
	r.names.Lock()
	defer r.names.Unlock()
	counter := resolve(r.names.retries, s.key, func() *stat.Counter { return stat.NewCounter(r.shards) })
	s.counter.Store(counter)
	return counter
}

// Mirror returns the counters of the copies of a route.
func (r *Registry) Mirror(route string) *MirrorStats {
	r.names.Lock()
	defer r.names.Unlock()
	return resolve(r.names.mirrors, route, func() *MirrorStats {
		s := &MirrorStats{}
		for i := range s.outcomes {
			s.outcomes[i] = stat.NewCounter(r.shards)
		}
		for i := range s.results {
			s.results[i] = stat.NewCounter(r.shards)
		}
		return s
	})
}
