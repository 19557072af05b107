package engine

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/certs/terms"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/replay"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/engine/tally"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// A candidate is the table of a configuration that does not run, made by the same builder,
// for those who ask what it would do. Nothing is opened, obtained, looked up or probed for
// it, its counters are nobody's, and what it shares with the table that runs (pools and
// stages that are the same) is only read. It has to be forgotten.
type candidate struct {
	*table

	now *table // what runs, which it was made beside
}

// candidate makes one. The error says what keeps cfg from being one.
func (e *Engine) candidate(cfg *config.Config) (*candidate, error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	now := e.table.Load()
	if now == nil {
		return nil, errNothingRuns
	}
	c := &candidate{table: &table{generation: now.generation, cfg: cfg}, now: now}
	book := e.apply.stages.Aside()
	registry := observe.NewRegistry(e.shardCount)
	b := tableBuilder{
		engine: e, cfg: cfg, t: c.table, registry: registry, learnt: retry.Book{}, tunnels: &tally.Book{},
		env: &middleware.Env{Config: cfg, Registry: registry, Logger: zerolog.Nop(), Shards: e.shardCount, Book: book},
	}
	err := b.imagine(now)
	book.End(false) // what was made for its stages is closed at once: it says what it knows, and asks nobody
	if err != nil {
		return nil, err
	}
	return c, nil
}

// forget gives back what the candidate holds. It is not used again.
func (c *candidate) forget() { c.pools.Retire(nil, 0) }

// ExplainBy is Explain by a configuration that does not run; it must have been loaded as one
// that may. Generation is that of the one that runs.
func (e *Engine) ExplainBy(cfg *config.Config, q *explain.Question) (*explain.Explanation, error) {
	c, err := e.candidate(cfg)
	if err != nil {
		return nil, err
	}
	defer c.forget()
	return e.explainBy(c.table, q)
}

// imagine is build for a candidate.
func (b *tableBuilder) imagine(now *table) (err error) {
	b.listeners, b.chains = slices.Sorted(maps.Keys(b.cfg.Listeners)), map[string]*middleware.Chain{}
	if err := b.imaginePolicies(now); err != nil {
		return err
	}
	if err := b.compile(); err != nil {
		return err
	}
	if b.t.pools, err = pool.Imagine(b.cfg, now.pools, b.engine.poolOptions()); err != nil {
		return err
	}
	b.linkPools()
	return nil
}

// imaginePolicies is policies for a candidate: listeners that are open are the same ones.
func (b *tableBuilder) imaginePolicies(now *table) error {
	t, slots := b.t, b.engine.apply.slots
	t.bound = map[string]*listener{}
	for number, name := range b.listeners {
		c := b.cfg.Listeners[name]
		l := b.engine.apply.listeners[listenerKey(name, c.Address)]
		if l == nil {
			l = b.engine.imagineListener(name, c.Address, slots)
			slots++
		}
		p, err := newListenerPolicy(name, number, &c, b.registry)
		if err != nil {
			return err
		}
		if c.TLS != nil {
			if p.tls, err = imagineTLS(now, "listeners."+name+".tls", l.slot, &c); err != nil {
				return err
			}
		}
		for len(t.listeners) <= l.slot {
			t.listeners = append(t.listeners, nil)
		}
		t.bound[name], t.listeners[l.slot] = l, p
	}
	t.vouch()
	return nil
}

// imagineListener is a listener that is not open.
func (e *Engine) imagineListener(name, address string, slot int) *listener {
	l := &listener{key: listenerKey(name, address), address: address, at: address, slot: slot}
	if !l.isUnix() {
		l.port = portAsked(&explain.Target{Authority: address})
	}
	l.shards = []*shard{newShard(e, l, 0, nil)}
	return l
}

// imagineTLS is newTLSPolicy for a candidate. Where the section is that of the table that
// runs, so are its certificates and terms; else the files are read, and hosts that are to be
// managed have the certificate that they have now, if any.
func imagineTLS(now *table, path string, slot int, l *config.Listener) (*tlsPolicy, error) {
	c := l.TLS
	if old := now.listener(slot); old != nil && old.tls != nil && reflect.DeepEqual(now.cfg.Listeners[old.name].TLS, c) {
		return old.tls, nil
	}
	store, err := certs.Load(path+".certificates", c.Certificates)
	if err != nil {
		return nil, err
	}
	for i := range c.ACME {
		for _, host := range c.ACME[i].Hosts {
			host = config.CertificateHost(host)
			store.Manage(host, now.managed(host))
		}
	}
	p := &tlsPolicy{store: store}
	if h := c.HSTS; h != nil {
		p.hsts = answer.HSTS(h.MaxAge, h.IncludeSubdomains, h.Preload)
	}
	p.terms, err = terms.New(&terms.Options{
		Path: path, Config: c, Protocols: protocols(l), Store: store, QUIC: forQUIC,
		Session: func() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} },
	})
	return p, err
}

// managed is what a table knows of a host whose certificate is managed.
func (t *table) managed(host string) certs.Managed {
	for _, l := range t.listeners {
		if l == nil || l.tls == nil {
			continue
		}
		if m := l.tls.store.Managed(host); m != nil {
			return m
		}
	}
	return &unmanaged{host}
}

// unmanaged is a host that nobody has obtained a certificate for.
type unmanaged struct{ host string }

// Current implements certs.Managed.
func (*unmanaged) Current() *tls.Certificate { return nil }

// Renewal implements certs.Managed.
func (*unmanaged) Renewal() (at time.Time, reason, failure string) { return time.Time{}, "", "" }

// byKey are the names of a table's listeners, by what those are known by.
func (t *table) byKey() map[string]string {
	names := make(map[string]string, len(t.bound))
	for name, l := range t.bound {
		names[l.key] = name
	}
	return names
}

// networkOf is the network of a listener's address.
func networkOf(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return "unix"
	}
	return "tcp"
}

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
	p := &planning{now: now, next: c.table, out: &explain.Plan{}, keys: replay.Keys()}
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
	keys      []uint64 // hashes of those that stand for all
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
		for _, key := range p.keys {
			if was.poolNames[was.split.Of(key, nil)] != is.poolNames[is.split.Of(key, nil)] {
				moved++
			}
		}
		k.Share, k.Says = float64(moved)/float64(len(p.keys)), replay.KeysTried
	}
	p.keysMove(k)
}

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
		k.Share, k.Says = replay.Moved(was.Owners(p.keys, nil), is.Owners(p.keys, was.Pool))
	}
	p.keysMove(k)
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

// replayTurn is how many requests are replayed before others have a turn.
const replayTurn = 32

// replay says what becomes of the requests of the sample in both tables, the oldest first.
func (e *Engine) replay(now, next *table) explain.Replay {
	heads := e.sampler.Heads()
	slices.SortFunc(heads, func(a, b *sample.Head) int { return cmp.Compare(a.AtNanos, b.AtNanos) })
	out := explain.Replay{Kept: sample.Max(e.shardCount), Blind: replay.Blind(now.cfg, next.cfg)}
	r := replay.New(now.cfg, next.cfg)
	before, after := now.byKey(), next.byKey()
	nowNanos := socket.Nanos()
	for i, h := range heads {
		if i%replayTurn == replayTurn-1 {
			runtime.Gosched() // who carries requests comes first
		}
		name, stays := before[h.Listener]
		if !stays {
			out.Stale++
			continue
		}
		out.Window = max(out.Window, time.Duration(nowNanos-h.AtNanos))
		was, is := e.fate(now, name, h), replay.Fate{Answer: replay.Closed}
		if to, stays := after[h.Listener]; stays {
			is = e.fate(next, to, h)
		}
		r.Add(&was, &is, h, name)
	}
	r.Into(&out)
	return out
}
