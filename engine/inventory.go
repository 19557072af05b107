package engine

import (
	"maps"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/headroom"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// CertificateStatus is a certificate of a listener as it is now. One that was asked for
// and is not there yet has no validity.
type CertificateStatus struct {
	certs.Description

	Listener string
}

// Certificates are those of the running configuration: by listener, those of files first.
func (e *Engine) Certificates() []CertificateStatus {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	var all []CertificateStatus
	t.eachCertificate(func(listener string, d *certs.Description) {
		all = append(all, CertificateStatus{Listener: listener, Description: *d})
	})
	for _, l := range t.listeners {
		if l == nil || l.tls == nil {
			continue
		}
		for _, d := range l.tls.store.Awaited() {
			all = append(all, CertificateStatus{Listener: l.name, Description: d})
		}
	}
	return all
}

// Limits are the limiters of the running configuration, by name. Their tables are read,
// some ten milliseconds for a million keys, in the caller's goroutine.
func (e *Engine) Limits() []middleware.Limiter {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	return t.stages.Limits(socket.Nanos())
}

// Loads is how much of what limits the running configuration is in use now, for who looks once
// a second, and how many sockets that are open come with the load. Nobody is held up for it.
// ports are how many local ports there are for connections to one address.
func (e *Engine) Loads(ports int) (loads []headroom.Load, sockets int) {
	t := e.table.Load()
	if t == nil {
		return nil, 0
	}
	for _, name := range slices.Sorted(maps.Keys(t.cfg.Listeners)) {
		open := t.bound[name].connections.Load()
		sockets += int(open)
		if most := t.cfg.Listeners[name].Limits.Connections; most > 0 {
			loads = append(loads, headroom.Load{Kind: headroom.Connections, Name: name, Use: float64(open), Most: float64(most)})
		}
	}
	for _, o := range t.pools.Occupancies() {
		c := t.cfg.Pools[o.Pool]
		loads = appendPoolLoads(loads, &o, &c, ports)
		sockets += int(o.InFlight)
	}
	return loads, sockets
}

// appendPoolLoads appends those of a pool. Over HTTP/2 attempts share connections.
func appendPoolLoads(loads []headroom.Load, o *pool.Occupancy, c *config.Pool, ports int) []headroom.Load {
	add := func(kind headroom.Kind, use, most int64, queues bool) {
		if most > 0 {
			loads = append(loads, headroom.Load{
				Kind: kind, Name: o.Pool, Use: float64(use), Most: float64(most),
				Queues: queues, Served: o.Requests,
			})
		}
	}
	add(headroom.PoolRequests, o.InProgress, o.Limit, o.MaxQueue > 0)
	add(headroom.BackendRequests, o.InFlight, o.MaxRequests, o.MaxQueue > 0)
	if o.Busiest == 0 || c.Protocol != "" && c.Protocol != "http1" {
		return loads // thousands of pools may have nothing to do
	}
	most := int64(c.Connections.Max)
	add(headroom.BackendConnections, o.Busiest, most, false)
	local := slices.ContainsFunc(c.Backends, func(b config.Backend) bool { return strings.HasPrefix(b.Address, "unix:") })
	if !local && (most == 0 || most > int64(ports)) {
		add(headroom.BackendPorts, o.Busiest, int64(ports), false)
	}
	return loads
}
