// Package observe names the numbers of the proxy: which counter belongs to which
// listener, route, pool and backend, and how Prometheus sees them.
//
// Handles are resolved by name when a table is built; the hot path only adds to
// the handle it holds. Counters belong to the Registry, not to the table, so
// they never restart at a reload: the same name is the same counter. Start
// reading at Registry; stats.go has what it counts, route.go what a route counts into,
// family.go the table of all metrics, scrape.go the order in which render.go and its
// neighbours write them, by package expose, and totals.go sums up.
//
// engine and cmd import it.
package observe

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/observe/custom"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// Registry holds every counter of the process. One exists for its whole life.
// All methods may be called by any goroutine.
//
// What a removed route or backend counted stays, as a counter that vanishes and returns
// at 0 would look like a restart, until too many are gone: see Keep.
type Registry struct {
	shards int

	generation atomic.Uint64
	drift      atomic.Pointer[func() bool]
	reloads    map[ReloadResult]*atomic.Uint64 // never changed after New

	// Ends counts how exchanges ended, Methods what they asked, Phases where their time went.
	Ends    *EndStats
	Methods *MethodStats
	Phases  PhaseStats

	// Build is what the program was built of; nobody changes it once it is scraped.
	Build BuildFacts

	// routes is asked at each scrape for those that exist.
	routes atomic.Pointer[func() []Existing]

	// examples is asked for exemplars, by formats that have them.
	examples atomic.Pointer[func(see func(Example))]

	// pools is asked at each scrape for what only the pools know.
	pools atomic.Pointer[func() []pool.Status]

	// connections is asked at each scrape for the open connections. Counting
	// them where they change state would cost each request two atomic adds.
	connections atomic.Pointer[func() []Connections]

	// logDropped is asked for the log lines that were lost.
	logDropped atomic.Pointer[func() (program, access uint64)]

	// spans is asked for what became of those of tracing.
	spans atomic.Pointer[func() (exported, lost uint64)]

	// pushes is asked for what became of those of the metrics.
	pushes atomic.Pointer[func() (pushed, failed uint64)]

	// certificates is asked at each scrape for those in use.
	certificates atomic.Pointer[func() []Certificate]

	// headroom is asked at each scrape for how much more load there may be.
	headroom atomic.Pointer[func() Headroom]

	names struct {
		sync.Mutex
		routes      map[routeKey]*routeCells
		retries     map[retryKey]*stat.Counter
		listeners   map[string]*ListenerStats
		pools       map[string]*PoolStats
		backends    map[backendKey]*BackendStats
		rateLimited map[string]*stat.Counter
		middleware  map[string]*MiddlewareStats
		mirrors     map[string]*MirrorStats
		orders      map[string]*orderCounts
		series      map[seriesKey]*custom.Series
	}
}

// seriesKey names what counts for a count stage: its labels are joined by NUL.
type seriesKey struct{ stage, labels string }

// orderCounts are what became of the attempts to obtain the certificate of a host.
type orderCounts struct{ issued, failed uint64 }

// ReloadResult is how a reload ended.
type ReloadResult string

// The results of a reload.
const (
	ReloadApplied  ReloadResult = "applied"
	ReloadRejected ReloadResult = "rejected"
)

// BuildFacts are the labels of isame_build_info.
type BuildFacts struct{ Version, Commit, GoVersion string }

// NewRegistry returns an empty registry for shards 0 to shards-1.
func NewRegistry(shards int) *Registry {
	r := &Registry{
		shards:  shards,
		reloads: map[ReloadResult]*atomic.Uint64{ReloadApplied: {}, ReloadRejected: {}},
		Ends:    newEndStats(shards),
		Methods: newMethodStats(shards),
		Phases:  newPhaseStats(shards),
	}
	r.names.routes = map[routeKey]*routeCells{}
	r.names.retries = map[retryKey]*stat.Counter{}
	r.names.listeners = map[string]*ListenerStats{}
	r.names.pools = map[string]*PoolStats{}
	r.names.backends = map[backendKey]*BackendStats{}
	r.names.rateLimited = map[string]*stat.Counter{}
	r.names.middleware = map[string]*MiddlewareStats{}
	r.names.mirrors = map[string]*MirrorStats{}
	r.names.orders = map[string]*orderCounts{}
	r.names.series = map[seriesKey]*custom.Series{}
	return r
}

// SetPools says where the state of the pools (up, in flight, breaker) comes
// from. f is called once a scrape and must return copies.
func (r *Registry) SetPools(f func() []pool.Status) {
	r.pools.Store(&f)
}

// Connections are the open client connections of one listener.
type Connections struct {
	Listener string
	// Active ones carry an exchange now, Idle ones wait for the next.
	Active, Idle int
	// Tunnels are those, among the active ones or inside of them, that were switched
	// to another protocol.
	Tunnels int
	// Passed are packets of QUIC for connections that a process before still has, and Lost
	// those of them that it did not take in time.
	Passed, Lost uint64
}

// SetConnections says where the open connections come from. f is called once a
// scrape and must return copies.
func (r *Registry) SetConnections(f func() []Connections) {
	r.connections.Store(&f)
}

// Certificate is one in use, by the first name it is good for.
type Certificate struct {
	Name     string
	NotAfter time.Time
}

// SetCertificates says where the certificates in use come from. f is called
// once a scrape and must return copies.
func (r *Registry) SetCertificates(f func() []Certificate) {
	r.certificates.Store(&f)
}

// Headroom is by how much the load may grow.
type Headroom struct {
	// Known says that it can be told: until the first limit, Times.
	Known bool
	Times float64
	// Limits are the least of each kind that can be told.
	Limits map[string]float64
}

// SetHeadroom says where it comes from how much more load there may be. f is called once a
// scrape.
func (r *Registry) SetHeadroom(f func() Headroom) { r.headroom.Store(&f) }

// SetLogDropped says where the numbers of lost log lines come from: of the program,
// and of the access log. f is called once a scrape.
func (r *Registry) SetLogDropped(f func() (program, access uint64)) {
	r.logDropped.Store(&f)
}

// SetSpans says where the numbers of spans come from that were exported and lost. f is
// called once a scrape.
func (r *Registry) SetSpans(f func() (exported, lost uint64)) { r.spans.Store(&f) }

// SetPushes says where the numbers of pushes of the metrics come from: those that a collector
// has taken and the others. f is called once a scrape.
func (r *Registry) SetPushes(f func() (pushed, failed uint64)) { r.pushes.Store(&f) }

// SetExamples says where exemplars come from. f is called once a scrape whose format has
// them, and calls see with as many exchanges as it thinks fit. So they cost nothing where an
// exchange ends: the recorder has them anyway.
func (r *Registry) SetExamples(f func(see func(Example))) { r.examples.Store(&f) }

// SetGeneration says which configuration runs now.
func (r *Registry) SetGeneration(n uint64) {
	r.generation.Store(n)
}

// Generation returns what SetGeneration was last told, 0 at first.
func (r *Registry) Generation() uint64 {
	return r.generation.Load()
}

// SetDrift says where it comes from whether the configuration file holds something else
// than what runs. f is called once a scrape.
func (r *Registry) SetDrift(f func() bool) {
	r.drift.Store(&f)
}

// CountReload counts one finished reload.
func (r *Registry) CountReload(result ReloadResult) {
	r.reloads[result].Add(1)
}

// Listener returns the counters of a listener.
func (r *Registry) Listener(name string) *ListenerStats {
	r.names.Lock()
	defer r.names.Unlock()
	return resolve(r.names.listeners, name, func() *ListenerStats { return newListenerStats(r.shards) })
}

// Pool returns the counters of a pool.
func (r *Registry) Pool(name string) *PoolStats {
	r.names.Lock()
	defer r.names.Unlock()
	return resolve(r.names.pools, name, func() *PoolStats { return newPoolStats(r.shards) })
}

// Backend returns the counters of a backend, named by its address, in a pool.
func (r *Registry) Backend(inPool, backend string) *BackendStats {
	r.names.Lock()
	defer r.names.Unlock()
	return resolve(r.names.backends, backendKey{inPool, backend}, func() *BackendStats { return newBackendStats(r.shards) })
}

// RateLimited returns the counter of the requests a middleware refused.
func (r *Registry) RateLimited(middleware string) *stat.Counter {
	r.names.Lock()
	defer r.names.Unlock()
	return resolve(r.names.rateLimited, middleware, func() *stat.Counter { return stat.NewCounter(r.shards) })
}

// Series returns what counts for a count stage, by labels: where those change it begins anew.
func (r *Registry) Series(stage string, labels []string) *custom.Series {
	r.names.Lock()
	defer r.names.Unlock()
	return resolve(r.names.series, seriesKey{stage, strings.Join(labels, "\x00")}, func() *custom.Series {
		return custom.NewSeries(stage, labels, r.shards)
	})
}

// resolve returns the value of key, made when it is asked for the first time.
func resolve[K comparable, V any](known map[K]V, key K, fresh func() V) V {
	value, ok := known[key]
	if !ok {
		value = fresh()
		known[key] = value
	}
	return value
}
