package observe

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/stat"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// render writes all families of the proxy. It copies the maps of handles first
// and writes afterwards, so that a slow reader holds back nobody.
func (r *Registry) render(w io.Writer) {
	r.names.Lock()
	routes, retries := maps.Clone(r.names.routes), maps.Clone(r.names.retries)
	listeners, limited := maps.Clone(r.names.listeners), maps.Clone(r.names.rateLimited)
	pools, backends := maps.Clone(r.names.pools), maps.Clone(r.names.backends)
	stages, mirrors := maps.Clone(r.names.middleware), maps.Clone(r.names.mirrors)
	r.names.Unlock()

	e := newExposition(w)
	defer flush(e.w)
	renderRoutes(e, routes)
	r.Ends.render(e)
	renderBackends(e, backends)
	renderPools(e, pools)
	r.renderPoolState(e)
	renderRetries(e, retries)
	renderRateLimited(e, limited)
	renderMiddleware(e, stages)
	renderMirrors(e, mirrors)
	renderListeners(e, listeners)
	renderHTTP2Errors(e, listeners)
	renderHTTP3Errors(e, listeners)
	r.renderConnections(e)
	r.renderCertificates(e)
	r.renderOrders(e)
	r.renderConfig(e)
	r.renderLog(e)
}

func renderRoutes(e *exposition, routes map[routeKey]*routeCells) {
	keys := sortedKeys(routes, func(a, b routeKey) int {
		return compareText(a.listener, b.listener, a.route, b.route)
	})
	durations := map[string]*stat.Snapshot{}
	e.family("isame_requests_total", counter, "Finished exchanges by the status code sent to the client, 0 when none was.")
	for _, key := range keys {
		cells := routes[key]
		cells.codes.Each(func(code int, n uint64) {
			e.count(n, "listener", key.listener, "route", key.route, "code", strconv.Itoa(code))
		})
		snapshot := cells.durations.Snapshot()
		resolve(durations, key.route, func() *stat.Snapshot { return &stat.Snapshot{} }).Merge(snapshot)
	}
	e.family("isame_request_duration_seconds", histogram, "Time from the first byte of a request to the last byte of its response.")
	for _, route := range slices.Sorted(maps.Keys(durations)) {
		e.histogram(durations[route], "route", route)
	}
}

func renderBackends(e *exposition, backends map[backendKey]*BackendStats) {
	keys := sortedKeys(backends, func(a, b backendKey) int {
		return compareText(a.pool, b.pool, a.backend, b.backend)
	})
	e.family("isame_backend_requests_total", counter, "Attempts by the status code a backend answered, 0 when it did not.")
	for _, key := range keys {
		backends[key].Codes.Each(func(code int, n uint64) {
			e.count(n, "pool", key.pool, "backend", key.backend, "code", strconv.Itoa(code))
		})
	}
}

func renderPools(e *exposition, pools map[string]*PoolStats) {
	e.family("isame_backend_duration_seconds", histogram, "Duration of the attempts made at the backends of a pool.")
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		snapshot := pools[name].Durations.Snapshot()
		e.histogram(&snapshot, "pool", name)
	}
	e.family("isame_shed_total", counter, "Requests refused because of a limit of concurrency.")
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		for i := pool.ShedLimit; i < pool.ShedLeft; i++ {
			if n := pools[name].Shed[i].Sum(); n > 0 {
				e.count(n, "pool", name, "reason", i.String())
			}
		}
	}
}

// breakerStates are the numbers of isame_breaker_state.
var breakerStates = map[string]int64{"closed": 0, "half-open": 1, "open": 2} //nolint:gochecknoglobals // read-only table

// renderPoolState writes what only the pools know.
func (r *Registry) renderPoolState(e *exposition) {
	source := r.pools.Load()
	if source == nil {
		return
	}
	pools := (*source)()
	for _, family := range []struct {
		name, help string
		value      func(*pool.BackendStatus) int64
	}{
		{"isame_backend_up", "1 when a backend may be picked now.", backendUp},
		{"isame_backend_inflight", "Attempts a backend is working on now.", func(b *pool.BackendStatus) int64 { return b.InFlight }},
		{
			"isame_breaker_state", "Circuit breaker of a backend: 0 closed, 1 half-open, 2 open.",
			func(b *pool.BackendStatus) int64 { return breakerStates[b.Breaker] },
		},
	} {
		e.family(family.name, gauge, family.help)
		for i := range pools {
			for j := range pools[i].Backends {
				b := &pools[i].Backends[j]
				e.gauge(family.value(b), "pool", pools[i].Name, "backend", b.Address)
			}
		}
	}
	renderLimits(e, pools)
}

// renderLimits writes the limits of pools that have some.
func renderLimits(e *exposition, pools []pool.Status) {
	for _, family := range []struct {
		name, help string
		value      func(*pool.LimiterStatus) int64
	}{
		{"isame_queue_length", "Requests that wait for their turn.", func(l *pool.LimiterStatus) int64 { return l.Waiting }},
		{
			"isame_concurrency_limit", "Requests that may be in progress, configured or learned; 0 is no limit.",
			func(l *pool.LimiterStatus) int64 { return l.Limit },
		},
		{
			"isame_concurrency_inflight", "Requests that were let in and have not ended.",
			func(l *pool.LimiterStatus) int64 { return l.InProgress },
		},
	} {
		e.family(family.name, gauge, family.help)
		for i := range pools {
			if l := pools[i].Concurrency; l != nil {
				e.gauge(family.value(l), "pool", pools[i].Name)
			}
		}
	}
}

func backendUp(b *pool.BackendStatus) int64 {
	if b.Up {
		return 1
	}
	return 0
}

func renderRetries(e *exposition, retries map[retryKey]*stat.Counter) {
	keys := sortedKeys(retries, func(a, b retryKey) int {
		return compareText(a.route, b.route, a.reason, b.reason)
	})
	for i, f := range []struct{ name, help, label string }{
		familyRetries: {"isame_retries_total", "Attempts beyond the first one, by the reason the one before failed.", "reason"},
		familyRefused: {"isame_retries_refused_total", "Retries the policy wanted and that were not made, by what stood against them.", "reason"},
		familyHedges:  {"isame_hedges_total", "Attempts that were sent beside a late one, by their result.", "result"},
		familyFallbacks: {
			"isame_split_fallbacks_total", "Requests that another pool of the split took, by the pool that was drawn and had nobody.", "pool",
		},
	} {
		e.family(f.name, counter, f.help)
		for _, key := range keys {
			if key.family == retryFamily(i) {
				e.count(retries[key].Sum(), "route", key.route, f.label, key.reason)
			}
		}
	}
}

func renderRateLimited(e *exposition, limited map[string]*stat.Counter) {
	e.family("isame_rate_limited_total", counter, "Requests refused by a rate limit.")
	for _, name := range slices.Sorted(maps.Keys(limited)) {
		e.count(limited[name].Sum(), "middleware", name)
	}
}

func renderListeners(e *exposition, listeners map[string]*ListenerStats) {
	names := slices.Sorted(maps.Keys(listeners))
	e.family("isame_bytes_total", counter, "Bytes received from (in) and sent to (out) clients.")
	for _, name := range names {
		e.count(listeners[name].BytesIn.Sum(), "listener", name, "direction", "in")
		e.count(listeners[name].BytesOut.Sum(), "listener", name, "direction", "out")
	}
	e.family("isame_connections_failed_total", counter, "Client connections that ended before their first request.")
	for _, name := range names {
		for i, c := range listeners[name].Failed {
			e.count(c.Sum(), "listener", name, "reason", Failure(i).String())
		}
	}
}

// renderHTTP2Errors writes the codes that were met.
func renderHTTP2Errors(e *exposition, listeners map[string]*ListenerStats) {
	e.family("isame_http2_errors_total", counter, "Resets of streams and ends of sessions that clients were sent.")
	for _, name := range slices.Sorted(maps.Keys(listeners)) {
		for code, c := range listeners[name].HTTP2Errors {
			if n := c.Sum(); n > 0 {
				e.count(n, "listener", name, "code", frame.Code(code).String())
			}
		}
	}
}

// renderHTTP3Errors does so for HTTP/3.
func renderHTTP3Errors(e *exposition, listeners map[string]*ListenerStats) {
	e.family("isame_http3_errors_total", counter, "Resets of streams and ends of connections that clients of HTTP/3 were sent.")
	for _, name := range slices.Sorted(maps.Keys(listeners)) {
		for code, c := range listeners[name].HTTP3Errors {
			if n := c.Sum(); n > 0 {
				e.count(n, "listener", name, "code", errcode.Name(code))
			}
		}
	}
}

func (r *Registry) renderConnections(e *exposition) {
	e.family("isame_connections", gauge, "Open client connections: active carry an exchange, idle wait for one.")
	source := r.connections.Load()
	if source == nil {
		return
	}
	all := (*source)()
	for _, c := range all {
		e.gauge(int64(c.Active), "listener", c.Listener, "state", "active")
		e.gauge(int64(c.Idle), "listener", c.Listener, "state", "idle")
	}
	e.family("isame_tunnels", gauge, "Open tunnels: WebSocket and other protocols that exchanges were switched to.")
	for _, c := range all {
		e.gauge(int64(c.Tunnels), "listener", c.Listener)
	}
	e.family("isame_http3_passed_packets_total", counter, "Packets for connections that a process before still has, by their end.")
	for _, c := range all {
		if c.Passed+c.Lost > 0 {
			e.count(c.Passed, "listener", c.Listener, "result", "passed")
			e.count(c.Lost, "listener", c.Listener, "result", "lost")
		}
	}
}

// renderCertificates writes how long certificates are valid; of those with the
// same name, such as one for each type of key, the one that ends first.
func (r *Registry) renderCertificates(e *exposition) {
	source := r.certificates.Load()
	if source == nil {
		return
	}
	ends := map[string]time.Time{}
	for _, c := range (*source)() {
		if known, ok := ends[c.Name]; !ok || c.NotAfter.Before(known) {
			ends[c.Name] = c.NotAfter
		}
	}
	now := time.Now()
	e.family("isame_certificate_expiry_seconds", gauge, "Seconds until a certificate expires; negative when it has.")
	for _, name := range slices.Sorted(maps.Keys(ends)) {
		e.gauge(int64(ends[name].Sub(now)/time.Second), "name", name)
	}
}

func (r *Registry) renderConfig(e *exposition) {
	e.family("isame_config_generation", gauge, "Number of the configuration that runs, from 1.")
	e.count(r.generation.Load())
	if drift := r.drift.Load(); drift != nil {
		e.family("isame_config_drift", gauge, "1 where the configuration file holds something else than what runs, else 0.")
		isDrift := int64(0)
		if (*drift)() {
			isDrift = 1
		}
		e.gauge(isDrift)
	}
	e.family("isame_config_reloads_total", counter, "Finished reloads by result.")
	for _, result := range slices.Sorted(maps.Keys(r.reloads)) {
		e.count(r.reloads[result].Load(), "result", string(result))
	}
}

func (r *Registry) renderLog(e *exposition) {
	source := r.logDropped.Load()
	if source == nil {
		return
	}
	program, access := (*source)()
	e.family("isame_log_lines_dropped_total", counter, "Log lines that were lost because nobody took them in time.")
	e.count(access, "log", "access")
	e.count(program, "log", "program")
}

func renderMirrors(e *exposition, mirrors map[string]*MirrorStats) {
	routes := slices.Sorted(maps.Keys(mirrors))
	e.family("isame_mirror_requests_total", counter, "Copies of requests for another pool, by what became of them.")
	for _, route := range routes {
		for o, n := range mirrors[route].outcomes {
			if sum := n.Sum(); sum > 0 {
				e.count(sum, "route", route, "outcome", MirrorOutcome(o).String())
			}
		}
	}
	e.family("isame_mirror_compared_total", counter, "Answers to such copies that were compared with those that clients got.")
	for _, route := range routes {
		for r, n := range mirrors[route].results {
			if sum := n.Sum(); sum > 0 {
				e.count(sum, "route", route, "result", MirrorResult(r).String())
			}
		}
	}
}
