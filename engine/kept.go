package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/route"
)

// What a table takes over of the one before, so that a reload costs what it changes: a
// route whose every key is the same, with the pools that are the same objects (pool.Build
// says which), is the same object in both. It never changes, so nobody can tell; what has
// to differ is written into a copy. Stages are made anew each time, since what they are
// made of may stand in files; so are routes that read some.

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
		r.mirrors = b.engine.registry.Mirror(name)
	}
	return &r, nil
}

// readsMore reports that a route is made of more than its keys, pools and the stages that
// others may have too: of a file, or of stages of its own.
func readsMore(c *config.Route) bool {
	return c.Mirror != nil || c.Respond != nil && (c.Respond.File != "" || len(c.Respond.Headers) > 0)
}

// chain makes the chain of a route's stages, once for all routes with the same ones; nil
// for none.
func (b *tableBuilder) chain(name string, c *config.Route) (*middleware.Chain, error) {
	if len(c.Middleware)+len(b.cfg.Defaults.Middleware) == 0 {
		return nil, nil //nolint:nilnil // no stages, no chain
	}
	key := strings.Join(c.Middleware, "\x00") + "\x00\x00" + strings.Join(c.Skip, "\x00")
	if chain, made := b.chains[key]; made {
		return chain, nil
	}
	chain, err := b.stages.Chain(b.cfg.Links(name))
	if err != nil {
		return nil, fmt.Errorf("routes.%s: %w", name, err)
	}
	b.chains[key] = chain
	return chain, nil
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
