package observe

import "maps"

// goneMax bounds the counters that are kept of each kind of thing that is gone: a
// route, a pool, a backend, a stage, a listener. Where names come and go (discovery, a program
// that writes the configuration), they would pile up for ever.
const goneMax = 1000

// Present tells what exists by now, by name.
type Present struct {
	Listener, Route, Pool, Stage func(name string) bool
	Backend                      func(inPool, address string) bool
}

// Keep says what exists. Counters of what does not stay, so that they go on when it comes
// back; above goneMax of a kind all of those are dropped. Exchanges that still hold one count
// into it without effect. It is called behind each change, by one goroutine at a time.
func (r *Registry) Keep(is *Present) {
	r.names.Lock()
	defer r.names.Unlock()
	n := &r.names
	forget(n.routes, func(k routeKey) bool { return is.Listener(k.listener) && (k.route == "" || is.Route(k.route)) })
	forget(n.retries, func(k retryKey) bool { return is.Route(k.route) })
	forget(n.mirrors, is.Route)
	forget(n.listeners, is.Listener)
	forget(n.pools, is.Pool)
	forget(n.backends, func(k backendKey) bool { return is.Backend(k.pool, k.backend) })
	forget(n.middleware, is.Stage)
	forget(n.rateLimited, is.Stage)
	forget(n.series, func(k seriesKey) bool { return is.Stage(k.stage) })
}

// forget drops all that are not there, when they are too many.
func forget[K comparable, V any](known map[K]V, there func(K) bool) {
	if len(known) <= goneMax {
		return
	}
	gone := 0
	for key := range known {
		if !there(key) {
			gone++
		}
	}
	if gone > goneMax {
		maps.DeleteFunc(known, func(key K, _ V) bool { return !there(key) })
	}
}
