package engine

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// keysTried are the keys that stand for all when it is asked how many move.
const keysTried = 4096

// Plan says what a configuration that does not run would do to what does; cfg must have been
// loaded as one that may run. Nothing is done: see candidate. It may be called by any
// goroutine but those of loops, and takes as long as some thousand requests.
func (e *Engine) Plan(cfg *config.Config) (*explain.Plan, error) {
	c, err := e.candidate(cfg)
	if err != nil {
		return nil, err
	}
	defer c.forget()
	now := c.now
	p := &planning{now: now, next: c.table, out: &explain.Plan{}}
	p.listeners()
	p.routes()
	p.pools()
	for _, l := range now.stages.Lost(c.stages, socket.Nanos()) {
		says := "its definition changes"
		if l.Gone {
			says = "it goes"
		}
		p.out.Limiters = append(p.out.Limiters, explain.Limiter{Stage: l.Stage, Type: l.Type, Keys: l.Keys, Says: says})
	}
	p.out.Replay = e.replay(now, c.table)
	return p.out, nil
}

// planning is a plan under way.
type planning struct {
	now, next *table
	out       *explain.Plan
	hashes    []uint64 // of the keys that are tried; nil before the first
}

// keys are the hashes of the keys that stand for all.
func (p *planning) keys() []uint64 {
	if p.hashes == nil {
		p.hashes = make([]uint64, keysTried)
		for i := range p.hashes {
			p.hashes[i] = pool.Sum(strconv.AppendInt([]byte("key-"), int64(i), 10))
		}
	}
	return p.hashes
}

// listeners says which sockets come and go, and who is there.
func (p *planning) listeners() {
	after := p.next.byKey()
	for _, name := range slices.Sorted(maps.Keys(p.now.bound)) {
		l, c := p.now.bound[name], p.now.cfg.Listeners[name]
		to, stays := after[l.key]
		next := p.next.cfg.Listeners[to]
		if !stays {
			p.socket(name, l.address, explain.Closes, networkOf(l.address))
		}
		if c.HTTP3 && (!stays || !next.HTTP3) {
			p.socket(name, l.address, explain.Closes, "udp")
		}
		change := explain.Changes
		then := "they go on; their next request meets the new configuration"
		switch {
		case !stays:
			change = explain.Goes
			then = fmt.Sprintf("they are told to leave, and cut after shutdown.drain (%s)", p.next.cfg.Shutdown.Drain)
		case to == name && reflect.DeepEqual(c, next):
			continue
		}
		n := explain.Connections{Kind: "listener", Name: name, Change: change, Tunnels: l.tunnels.Load(), Streams: l.streams.Load(), Then: then}
		active, idle := l.counts()
		n.Active, n.Idle = int64(active), int64(idle)
		p.connections(n)
	}
	before := p.now.byKey()
	for _, name := range slices.Sorted(maps.Keys(p.next.bound)) {
		l := p.next.bound[name]
		was, open := before[l.key]
		if !open {
			p.socket(name, l.address, explain.Binds, networkOf(l.address))
		}
		if p.next.cfg.Listeners[name].HTTP3 && (!open || !p.now.cfg.Listeners[was].HTTP3) {
			p.socket(name, l.address, explain.Binds, "udp")
		}
	}
}

func (p *planning) socket(listener, address, action, network string) {
	p.out.Sockets = append(p.out.Sockets, explain.Socket{Listener: listener, Network: network, Address: address, Action: action})
}

// connections adds what anybody has.
func (p *planning) connections(c explain.Connections) {
	if c.Tunnels+c.Streams+c.Active+c.Idle+c.InProgress > 0 {
		p.out.Connections = append(p.out.Connections, c)
	}
}

// routes says which tunnels live on routes that change, and which clients change their pool.
func (p *planning) routes() {
	for i, name := range p.now.index.Names() {
		r, was := p.now.routes[i], p.now.cfg.Routes[name]
		is, stays := p.next.cfg.Routes[name]
		if stays && reflect.DeepEqual(was, is) {
			continue
		}
		change, then := explain.Changes, "they go on by the route as it was"
		if !stays {
			change = explain.Goes
		}
		p.connections(explain.Connections{Kind: "route", Name: name, Change: change, Tunnels: r.tunnels.Load(), Then: then})
		if r.splitKeyed {
			p.split(name, r)
		}
	}
}

// split says which keys of a split change their pool.
func (p *planning) split(name string, was *routeEntry) {
	k := explain.Keys{Kind: "route", Name: name, By: "split_on " + was.splitOn.String(), Share: 1}
	is := p.next.entryOf(name)
	switch {
	case is == nil:
		k.Says = "the route goes"
	case !is.splitKeyed || is.splitOn != was.splitOn:
		k.Says = "the route does not split by that any more"
	default:
		moved := 0
		for _, key := range p.keys() {
			if was.poolNames[was.split.Of(key, nil)] != is.poolNames[is.split.Of(key, nil)] {
				moved++
			}
		}
		k.Share, k.Says = float64(moved)/keysTried, triedText
	}
	p.keysMove(k)
}

// triedText is how shares of keys are found out.
var triedText = fmt.Sprintf("of the hashes of %d keys, tried on both", keysTried)

// keysMove adds keys of which some move, or may.
func (p *planning) keysMove(k explain.Keys) {
	if k.Share != 0 {
		p.out.Keys = append(p.out.Keys, k)
	}
}

// entryOf is a route by its name; nil without one.
func (t *table) entryOf(name string) *routeEntry {
	for i, n := range t.index.Names() {
		if n == name {
			return t.routes[i]
		}
	}
	return nil
}

// pools says what lives on pools that change, and which clients change their backend.
func (p *planning) pools() {
	for _, name := range slices.Sorted(maps.Keys(p.now.entries)) {
		was, is := p.now.entries[name], p.next.entries[name]
		if is != nil && is.Pool == was.Pool {
			continue
		}
		c := explain.Connections{
			Kind: "pool", Name: name, Change: explain.Changes, Tunnels: was.tunnels.Load(),
			Then: "they go on with their backends, also with those that go",
		}
		if is == nil {
			c.Change = explain.Goes
		}
		for _, m := range was.Members() {
			c.InProgress += m.InFlight()
		}
		p.connections(c)
		p.hashed(name, was, is)
		p.stuck(name, was, is)
	}
}

// hashed says which keys of a hash get another backend.
func (p *planning) hashed(name string, was, is *poolEntry) {
	if !was.hashes {
		return
	}
	k := explain.Keys{Kind: "pool", Name: name, By: "hash_on " + was.HashOn().String(), Share: 1}
	switch {
	case is == nil:
		k.Says = "the pool goes"
	case !is.hashes:
		k.Says = "the algorithm does not hash any more"
	case is.HashOn() != was.HashOn():
		k.Says = "hash_on is " + is.HashOn().String() + " then"
	default:
		k.Share, k.Says = movedKeys(was.Owners(p.keys(), nil), is.Owners(p.keys(), was.Pool))
	}
	p.keysMove(k)
}

// movedKeys is the share of keys that have another owner; nil is not known, or nobody.
func movedKeys(before, after []string) (share float64, says string) {
	switch {
	case before == nil:
		return -1, "no backend serves, or the algorithm is the program's own, which is not asked"
	case after == nil:
		return 1, "no backend would serve, or the algorithm is the program's own, which is not asked"
	}
	moved := 0
	for i := range before {
		if before[i] != after[i] {
			moved++
		}
	}
	return float64(moved) / float64(len(before)), triedText + " as if all backends were well"
}

// stuck says which sticky sessions get another backend.
func (p *planning) stuck(name string, was, is *poolEntry) {
	if was.sticky == nil {
		return
	}
	k := explain.Keys{Kind: "pool", Name: name, By: "sticky", Share: 1, Says: "the pool goes"}
	if is != nil {
		k.Share, k.Says = 0, "the weight of backends whose cookies are not honoured then, in that of all"
		all, gone := 0, 0
		for i, weight := range was.Weights() {
			all += weight
			if was.sticky.Follow(is.sticky, i) < 0 {
				gone += weight
			}
		}
		k.Share = float64(gone) / float64(cmp.Or(all, 1))
	}
	p.keysMove(k)
}
