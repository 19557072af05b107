package engine

import (
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool"
)

// ListenerStatus is one listener as it is now.
type ListenerStatus struct {
	Name, Address string
	// Bound is the address the kernel gave; another one for port 0.
	Bound string
	// Active connections are inside an exchange, Idle ones wait for a request.
	Active, Idle int
	// Tunnels were switched to another protocol.
	Tunnels int
	// HTTP3 is how the UDP port is.
	HTTP3 HTTP3Status
}

// HTTP3Status is how the UDP port of a listener is.
type HTTP3Status string

// A listener without http3, one whose port another process still has, and one that
// serves.
const (
	HTTP3None    HTTP3Status = ""
	HTTP3Waiting HTTP3Status = "waiting"
	HTTP3Open    HTTP3Status = "open"
)

// Listeners are the running configuration's listeners, by name. Like all reads of
// what runs it looks at the table alone: it never waits for a reload.
func (e *Engine) Listeners() []ListenerStatus {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	var all []ListenerStatus
	for _, name := range slices.Sorted(maps.Keys(t.cfg.Listeners)) {
		s := ListenerStatus{Name: name, Address: t.cfg.Listeners[name].Address}
		l := t.bound[name]
		s.Bound = l.Addr()
		s.Active, s.Idle = l.counts()
		s.Tunnels = int(l.tunnels.Load())
		switch {
		case l.overUDP.Load():
			s.HTTP3 = HTTP3Open
		case t.cfg.Listeners[name].HTTP3:
			s.HTTP3 = HTTP3Waiting
		}
		all = append(all, s)
	}
	return all
}

func (l *listener) counts() (active, idle int) {
	for _, s := range l.shards {
		a, i := s.counts()
		active += a
		idle += i
	}
	return active, idle
}

// connections is Listeners for the registry.
func (e *Engine) connections() []observe.Connections {
	listeners := e.Listeners()
	all := make([]observe.Connections, 0, len(listeners))
	for _, l := range listeners {
		all = append(all, observe.Connections{Listener: l.Name, Active: l.Active, Idle: l.Idle, Tunnels: l.Tunnels})
	}
	return all
}

// Ready reports whether traffic should come here, and if not, why. At the start it
// waits until every discovery has answered, and its members are there, or has failed
// once, at most ten seconds. A reload that adds a discovery does not take it back.
func (e *Engine) Ready() (ok bool, reason string) {
	t := e.table.Load()
	switch {
	case e.stopping.Load():
		return false, "draining"
	case t == nil:
		return false, "no configuration yet"
	case e.settled.Load():
		return true, "serving"
	}
	if name := t.pools.Awaits(); name != "" {
		return false, "waits for the first answer about " + name
	}
	e.settled.Store(true)
	return true, "serving"
}

// Pools are the running configuration's pools, by name.
func (e *Engine) Pools() []pool.Status {
	if t := e.table.Load(); t != nil {
		return t.pools.Status()
	}
	return nil
}

// PoolSet is the running configuration's pools, for operators' actions; nil
// before the first Apply.
func (e *Engine) PoolSet() *pool.Set {
	if t := e.table.Load(); t != nil {
		return t.pools
	}
	return nil
}

// Config is the running configuration, nil before the first Apply. It must not
// be changed.
func (e *Engine) Config() *config.Config {
	if t := e.table.Load(); t != nil {
		return t.cfg
	}
	return nil
}

// Generation counts the configurations applied so far.
func (e *Engine) Generation() uint64 {
	if t := e.table.Load(); t != nil {
		return t.generation
	}
	return 0
}

// Shards is the number of shards.
func (e *Engine) Shards() int { return e.shardCount }
