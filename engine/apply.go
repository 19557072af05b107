package engine

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs/acme"
	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/push"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/engine/trace"
	"github.com/isame-lb/isame-lb/engine/worker"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/rs/zerolog"
)

// Options are what an Engine is made of.
type Options struct {
	// Logger gets what happens to the proxy, not to requests.
	Logger zerolog.Logger
	// Access opens what a section that is enabled says of where its lines go. An error refuses
	// the configuration. nil is nowhere.
	Access func(*config.AccessLog) (AccessOut, error)
	// Registry keeps the counters; it must have been made for Shards.
	Registry *observe.Registry
	// Tell is told of changes of backends: see pool.Options. nil is nobody.
	Tell func(pool.Event)
	// Shards is the number of shards; 0 is GOMAXPROCS.
	Shards int
	// Heritage are listening sockets that there are already; nil is none.
	Heritage *socket.Heritage
	// Version and Instance are what spans say of the process.
	Version, Instance string
}

// New makes an engine without a configuration: it listens nowhere until Apply.
func New(o Options) (*Engine, error) {
	e := &Engine{
		log: o.Logger, accessOut: o.Access, registry: o.Registry, shardCount: o.Shards,
		stopped: make(chan struct{}), errands: socket.NewErrands(), heritage: o.Heritage, tell: o.Tell,
	}
	if e.shardCount <= 0 {
		e.shardCount = runtime.GOMAXPROCS(0)
	}
	if err := socket.CheckTLS(); err != nil {
		e.log.Warn().Err(err).Msg("idle TLS connections keep 20 KiB more than they need with this version of Go: build with the one in go.mod")
	}
	e.recorder, e.sampler, e.overlay = records.New(e.shardCount), sample.New(e.shardCount), pool.NewOverlay()
	e.tracer = trace.New(o.Version, o.Instance, o.Logger)
	e.pusher = push.New(o.Version, o.Instance, o.Logger, o.Registry.Push)
	for range e.shardCount {
		l, err := socket.NewLoop()
		if err != nil {
			e.closeLoops()
			return nil, err
		}
		e.loops = append(e.loops, l)
		e.streams = append(e.streams, &http2.Shard{})
		e.workers = append(e.workers, worker.Start(e.log))
	}
	e.apply.listeners = map[string]*listener{}
	e.apply.learnt = retry.Book{}
	e.registry.SetPools(e.Pools)
	e.registry.SetRoutes(e.existing)
	e.registry.SetExamples(e.examples)
	e.registry.SetSpans(e.tracer.Counts)
	e.registry.SetPushes(e.pusher.Counts)
	e.registry.SetConnections(e.connections)
	e.registry.SetCertificates(e.certificates)
	e.forgetPanics = safely.OnPanic(e.panicked)
	return e, nil
}

// ErrStopping is what Apply returns once Shutdown has begun.
var ErrStopping = errors.New("cannot apply configuration: the proxy is shutting down")

// Apply makes cfg the running configuration. Everything that can fail happens
// before the new table is stored; on error the old one runs on untouched and
// what was opened for the new one is closed. Exchanges under way finish with
// the table they began with. cfg must not be changed afterwards.
func (e *Engine) Apply(cfg *config.Config) error {
	e.apply.Lock()
	defer e.apply.Unlock()
	if e.stopping.Load() {
		return ErrStopping
	}
	generation := uint64(1)
	if old := e.table.Load(); old != nil {
		generation = old.generation + 1
	}
	err := e.applyLocked(cfg, generation)
	if err == nil {
		e.tidyLocked(cfg)
	}
	return err
}

// What the reading of a large configuration leaves behind, and the configuration before,
// are garbage a moment after a reload: some ten thousand routes, 70 MB. Without a word the
// collector comes when the heap has doubled, which it would do at a time of two
// configurations, so that the process would grow to three times its size (100 reloads of
// 10,000 routes: 149 MB after the first one, then 197). So it is called, once a second at
// most, and what is free goes back to the system.
const (
	tidyAfter = time.Second
	tidyFrom  = 1000 // routes and pools; what fewer leave is not worth it
)

func (e *Engine) tidyLocked(cfg *config.Config) {
	if len(cfg.Routes)+len(cfg.Pools) < tidyFrom || e.tidying.Swap(true) {
		return
	}
	e.apply.tidy = safely.After(tidyAfter, "tidy", func() {
		e.tidying.Store(false)
		debug.FreeOSMemory()
	})
}

// ApplyAs is Apply under a number that the caller gives: the running one again where only
// what cfg refers to has changed, and else a higher one.
func (e *Engine) ApplyAs(cfg *config.Config, generation uint64) error {
	e.apply.Lock()
	defer e.apply.Unlock()
	if e.stopping.Load() {
		return ErrStopping
	}
	return e.applyLocked(cfg, generation)
}

// refreshSoon has the pools rebuilt, in another goroutine, because a discovery
// found other members. Calls that come while one waits are answered by that one.
func (e *Engine) refreshSoon() {
	if e.refreshing.Swap(true) {
		return
	}
	safely.New("refresh", func() {
		if err := e.Refresh(); err != nil && !errors.Is(err, ErrStopping) {
			e.log.Error().Err(err).Msg("cannot use the members that were found; the others stay")
		}
	}, func() { e.refreshing.Store(false) }).Go()
}

// Refresh applies the running configuration once more, as the same generation,
// when its pools have other members by now.
func (e *Engine) Refresh() error {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.refreshing.Store(false)
	return e.refreshLocked()
}

func (e *Engine) refreshLocked() error {
	t := e.table.Load()
	switch {
	case e.stopping.Load():
		return ErrStopping
	case t == nil || !t.pools.Stale():
		return nil
	}
	return e.applyLocked(t.cfg, t.generation)
}

// AddBackend puts a backend into a pool of the running configuration, and returns
// when it is there. c must be valid.
func (e *Engine) AddBackend(poolName string, c config.Backend, author string) error {
	return e.editPools(func(s *pool.Set) error { return s.Add(poolName, c, author) })
}

// RemoveBackend takes a backend out of a pool of the running configuration, and
// returns when it gets nothing new.
func (e *Engine) RemoveBackend(poolName, address, author string) error {
	return e.editPools(func(s *pool.Set) error { return s.Remove(poolName, address, author) })
}

// Settle has the pools obey an overlay that was changed, and returns when they do.
func (e *Engine) Settle(changed []pool.Override) error {
	if set := e.PoolSet(); set != nil {
		set.Settle(changed)
	}
	return e.Refresh()
}

// Overlay is what operators ask of backends at run time. Whoever changes it calls Settle.
func (e *Engine) Overlay() *pool.Overlay { return e.overlay }

func (e *Engine) editPools(edit func(*pool.Set) error) error {
	e.apply.Lock()
	defer e.apply.Unlock()
	if t := e.table.Load(); t != nil && !e.stopping.Load() {
		if err := edit(t.pools); err != nil {
			return err
		}
	}
	return e.refreshLocked()
}

func (e *Engine) applyLocked(cfg *config.Config, generation uint64) error {
	opened, err := e.openListeners(cfg)
	if err != nil {
		return err
	}
	next := &table{generation: generation, cfg: cfg, keepers: acme.Keepers{}}
	next.traced, next.sampler = cfg.Tracing.Enabled, trace.NewSampler(cfg.Tracing.Sample)
	var prev *pool.Set
	now := e.table.Load()
	if now != nil {
		prev = now.pools
	}
	e.apply.stages.Begin()
	b := e.builder(cfg, next, now)
	err = b.build(opened)
	if err == nil {
		err = opened.listen(e)
	}
	if err == nil {
		err = e.useCollectors(now, cfg)
	}
	if err != nil {
		opened.close()
		e.apply.stages.End(false)
		if next.pools != nil {
			next.pools.Retire(nil, 0)
		}
		e.stopKeepers(next, now)
		if now != nil {
			e.forgetRoutes(now.cfg)
		}
		return err
	}
	next.pools.Start()
	e.keepLast(now, cfg)
	e.table.Store(next)
	e.recorder.Configure(recorderLimits(&cfg.Recorder))
	e.apply.stages.End(true)
	e.keepCertificates(now, next)
	e.registry.SetGeneration(next.generation)
	e.forgetRoutes(cfg)
	e.forgetCounters(next)
	e.sayCertificates(next)
	for _, l := range opened.listeners {
		e.apply.listeners[l.key] = l.listener
		l.accept()
	}
	for _, p := range opened.ports {
		p.ln.quic = p
		p.accept()
	}
	e.closeRemoved(cfg)
	if prev != nil {
		safely.GoIn(&e.retirement, "retirement", func() { prev.Retire(next.pools, cfg.Shutdown.Drain) })
	}
	return nil
}

// useCollectors has spans and metrics sent as cfg says. On error all is as it was.
func (e *Engine) useCollectors(now *table, cfg *config.Config) error {
	if err := e.tracer.Use(&cfg.Tracing); err != nil {
		return err
	}
	err := e.pusher.Use(&cfg.Metrics.OTLP)
	if err != nil {
		before := config.Tracing{}
		if now != nil {
			before = now.cfg.Tracing
		}
		_ = e.tracer.Use(&before) // it was in use a moment ago
	}
	return err
}

// forgetRoutes drops what was learnt of routes that cfg does not have.
func (e *Engine) forgetRoutes(cfg *config.Config) {
	isRoute, isPool := isIn(cfg.Routes), isIn(cfg.Pools)
	e.apply.learnt.Keep(isRoute)
	e.tunnels.Keep(func(kind, name string) bool {
		return kind == tallyRoute && isRoute(name) || kind == tallyPool && isPool(name)
	})
}

// forgetCounters bounds the counters of what is gone.
func (e *Engine) forgetCounters(now *table) {
	e.registry.Keep(&observe.Present{
		Listener: isIn(now.cfg.Listeners), Route: isIn(now.cfg.Routes), Pool: isIn(now.cfg.Pools), Stage: isIn(now.cfg.Middleware),
		Backend: func(inPool, address string) bool {
			p := now.pools.Pool(inPool)
			return p != nil && p.Member(address) != nil
		},
	})
}

// isIn tells the names of a section of the configuration.
func isIn[T any](section map[string]T) func(name string) bool {
	return func(name string) bool {
		_, is := section[name]
		return is
	}
}

// closeRemoved drains the listeners that cfg no longer has, and the UDP ports.
func (e *Engine) closeRemoved(cfg *config.Config) {
	kept, quic := map[string]bool{}, map[string]bool{}
	for name, l := range cfg.Listeners {
		key := listenerKey(name, l.Address)
		kept[key], quic[key] = true, l.HTTP3
	}
	later := func(drain func(context.Context)) {
		safely.GoIn(&e.retirement, "retirement", func() {
			ctx, cancel := context.WithTimeout(context.Background(), cfg.Shutdown.Drain)
			defer cancel()
			drain(ctx)
		})
	}
	for key, l := range e.apply.listeners {
		switch p := l.quic; {
		case !kept[key]:
			delete(e.apply.listeners, key)
			later(func(ctx context.Context) {
				e.drain(ctx, []*listener{l})
				e.last.Delete(l.slot)
				l.release()
			})
		case p != nil && !quic[key]:
			l.quic = nil
			p.stop()
			later(func(ctx context.Context) {
				p.retire(ctx)
				p.release()
			})
		}
	}
}

// recorderLimits are those of a configuration.
func recorderLimits(c *config.Recorder) records.Limits {
	if !c.Enabled {
		return records.Limits{}
	}
	return records.Limits{Records: c.Records, Errors: c.KeepErrors, Slow: c.KeepSlow}
}
