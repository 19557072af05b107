package observe

import (
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/engine/observe/custom"
	"github.com/isame-lb/isame-lb/engine/observe/expose"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// scraping is everything that is known at one moment. The maps of handles are copied first
// and written afterwards, so that a slow reader holds back nobody; what is counted goes on
// meanwhile.
type scraping struct {
	*expose.Page

	routes      map[routeKey]*routeCells
	retries     map[retryKey]*stat.Counter
	listeners   map[string]*ListenerStats
	pools       map[string]*PoolStats
	backends    map[backendKey]*BackendStats
	rateLimited map[string]*stat.Counter
	middleware  map[string]*MiddlewareStats
	mirrors     map[string]*MirrorStats
	orders      map[string]orderCounts
	series      []*custom.Series

	// existing are the routes of the configuration that runs, by name; states are the pools.
	existing []Existing
	states   []pool.Status
	examples map[string]*expose.Examples // by route
}

// begin copies what a scrape needs.
func (r *Registry) begin(p *expose.Page) *scraping {
	s := &scraping{Page: p}
	r.names.Lock()
	s.routes, s.retries = maps.Clone(r.names.routes), maps.Clone(r.names.retries)
	s.listeners, s.rateLimited = maps.Clone(r.names.listeners), maps.Clone(r.names.rateLimited)
	s.pools, s.backends = maps.Clone(r.names.pools), maps.Clone(r.names.backends)
	s.middleware, s.mirrors = maps.Clone(r.names.middleware), maps.Clone(r.names.mirrors)
	s.orders = make(map[string]orderCounts, len(r.names.orders))
	for host, n := range r.names.orders {
		s.orders[host] = *n
	}
	s.series = slices.Collect(maps.Values(r.names.series))
	r.names.Unlock()

	if source := r.routes.Load(); source != nil {
		s.existing = (*source)()
	}
	if source := r.pools.Load(); source != nil {
		s.states = (*source)()
	}
	return s
}
