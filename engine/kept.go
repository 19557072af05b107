package engine

import (
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/accesslog"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/pool"
)

// What a table takes over of the one before, so that a reload costs what it changes: a
// route whose every key is the same, with the pools that are the same objects (pool.Build
// says which), is the same object in both. It never changes, so nobody can tell; what has
// to differ is written into a copy. Stages are made anew each time, since what they are
// made of may stand in files; so are routes that read some.

// build compiles the table.
func (b *tableBuilder) build(opened *opening) error {
	b.listeners, b.chains = slices.Sorted(maps.Keys(b.cfg.Listeners)), map[string]*middleware.Chain{}
	if err := b.policies(opened.bound, opened.ports); err != nil {
		return err
	}
	if err := b.compile(); err != nil {
		return err
	}
	b.t.proxyStatus, b.t.redaction = b.cfg.ProxyStatus, accesslog.NewRedaction(b.cfg.Log.Access.Redact)
	var err error
	if b.t.access, err = b.engine.newAccessLog(&b.cfg.Log.Access, b.t.redaction); err != nil {
		return err
	}
	var before *pool.Set
	if b.prev != nil {
		before = b.prev.pools
	}
	// Last, because it is the step that would have to be undone.
	if b.t.pools, err = pool.Build(b.cfg, before, b.engine.poolOptions()); err != nil {
		return err
	}
	b.linkPools()
	return nil
}

// compile makes routes and stages.
func (b *tableBuilder) compile() error {
	t := b.t
	index, kept, err := route.Rebuild(b.cfg.Routes, b.listeners, b.earlier())
	if err != nil {
		return err
	}
	t.index = index
	if b.stages, err = middleware.Build(b.env); err != nil {
		return err
	}
	t.stages = b.stages
	t.routes = make([]*routeEntry, t.index.Len())
	for i, name := range t.index.Names() {
		if t.routes[i], err = b.entry(name, kept[i]); err != nil {
			return err
		}
	}
	return nil
}

// earlier is what the index is built on.
func (b *tableBuilder) earlier() route.Earlier {
	if b.prev == nil {
		return route.Earlier{}
	}
	return route.Earlier{Index: b.prev.index, Routes: b.prev.cfg.Routes}
}

// entry is a route, compiled, or as the table before has it under the number kept.
func (b *tableBuilder) entry(name string, kept int32) (*routeEntry, error) {
	c := b.cfg.Routes[name]
	if kept < 0 || readsMore(&c) {
		r := &routeEntry{}
		return r, b.route(r, name, &c)
	}
	was := b.prev.routes[kept]
	chain, err := b.chain(name, &c)
	if err != nil || chain == was.chain {
		return was, err
	}
	r := *was
	r.chain, r.mirrors = chain, nil
	if chain.Mirrors() {
		r.mirrors = b.registry.Mirror(name)
	}
	return &r, nil
}

// readsMore reports that a route is made of more than its keys, pools and the stages that
// others may have too: of a file, or of stages of its own.
func readsMore(c *config.Route) bool {
	return c.Mirror != nil || c.Respond != nil && (c.Respond.File != "" || len(c.Respond.Headers) > 0)
}

// linkPools gives every route its pools.
func (b *tableBuilder) linkPools() {
	b.t.entries = make(map[string]*poolEntry, len(b.cfg.Pools))
	for name, c := range b.cfg.Pools {
		b.t.entries[name] = b.poolEntry(name, &c)
	}
	for i, r := range b.t.routes {
		b.t.routes[i] = b.linked(r)
	}
}

// linked is a route with its pools. One that has others already is the table's before.
func (b *tableBuilder) linked(r *routeEntry) *routeEntry {
	if slices.EqualFunc(r.pools, r.poolNames, func(e *poolEntry, name string) bool { return e == b.t.entries[name] }) {
		return r
	}
	if r.pools != nil {
		own := *r
		r = &own
	}
	r.pools, r.sticky = make([]*poolEntry, len(r.poolNames)), false
	for i, name := range r.poolNames {
		r.pools[i] = b.t.entries[name]
		r.sticky = r.sticky || r.pools[i].sticky != nil
	}
	return r
}
