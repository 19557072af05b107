package route

import (
	"bytes"

	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Lookup returns the number of the route that takes the request, or -1. It
// allocates nothing, takes no lock and keeps nothing of q.
func (x *Index) Lookup(q *Query) int {
	if x == nil || len(x.sites) == 0 {
		return int(none)
	}

	host := match.HostOf(q.Host)
	if hasUpper(host) {
		return x.lookupFolded(q, host)
	}

	return x.lookup(q, host)
}

// lookupFolded is apart so that only clients that write a host in capitals pay
// for the buffer.
func (x *Index) lookupFolded(q *Query, host []byte) int {
	var buffer [match.HostBytesMax]byte

	return x.lookup(q, wire.AppendLower(buffer[:0], host))
}

func (x *Index) lookup(q *Query, host []byte) int {
	for t := x; t != nil; t = t.lower {
		if route := t.lookupTier(q, host); route != int(none) {
			return route
		}
	}

	return int(none)
}

func (x *Index) lookupTier(q *Query, host []byte) int {
	c := newCursor(x, host, q)
	for {
		e, ok := c.next(x, q)
		if !ok {
			return int(none)
		}

		route := e.route()
		if !e.asks() {
			return int(route)
		}

		if failed, _ := x.drafts[route].check(q, c.site != x.matched); failed == nothing {
			return int(route)
		}
	}
}

// cursor walks the routes whose host and path match a request, in the order of
// precedence (doc.go). Lookup and Explain both walk with it, so that there is
// one place that knows the order. It lives on the stack.
//
//	site -> exact -> (below -> prefix), deepest node to root -> pattern* -> rest -> next site
type cursor struct {
	host []byte // canonical, lower-case; empty: none
	path []byte

	pending list  // routes that come next, in order
	stage   stage // what comes after them
	scope   scope // which hosts come after this site
	more    bool  // the path goes on below node
	label   int   // where in host the search for the next suffix or beginning goes on
	site    int32 // the site pending comes from
	node    int32 // the node that comes next
	group   int32 // the patterns whose literal beginning the path has
	rank    int32 // patterns below this rank are done
}

// stage is a step of the walk through one site.
type stage uint8

const (
	stageSite stage = iota
	stageExact
	stageBelow
	stagePrefix
	stagePattern
	stageRest
	stageEnd
)

// scope is a step of the walk from the most specific host to the least.
type scope uint8

const (
	scopeExact scope = iota
	scopeBelow
	scopeBegins
	scopeMatched
	scopeAny
	scopeEnd
)

func newCursor(x *Index, host []byte, q *Query) cursor {
	c := cursor{host: host, path: q.Path, site: none, node: none, group: none}
	if len(host) == 0 || !x.named {
		c.scope = scopeAny
	}

	return c
}

// next returns the next route in order, and false at the end. Every route it
// returns matches by host, and by path unless that is a regular expression.
func (c *cursor) next(x *Index, q *Query) (entry, bool) {
	for c.pending.at == c.pending.end {
		if c.stage == stageEnd {
			return 0, false
		}

		c.step(x, q)
	}

	at := c.pending.at
	if c.pending.end == alone {
		c.pending = list{at: 0, end: 0}

		return entry(at), true
	}

	c.pending.at++

	return x.entries[at], true
}

// step moves on by one list, which may be empty. Each list is visited once, so
// the walk ends.
func (c *cursor) step(x *Index, q *Query) {
	switch c.stage {
	case stageSite:
		c.enter(x, q)
	case stageExact:
		c.stage = stageBelow
		if !c.more {
			c.pending = x.tree.nodes[c.node].exact
		}
	case stageBelow:
		c.stage = stagePrefix
		if c.more {
			c.pending = x.tree.nodes[c.node].below
		}
	case stagePrefix:
		c.pending = x.tree.nodes[c.node].prefix
		c.rise(x)
	case stagePattern:
		c.pattern(x)
	case stageRest:
		c.stage = stageSite
		c.pending = x.sites[c.site].rest
	case stageEnd:
	}
}

// enter goes to the next site, or to the end of the walk.
func (c *cursor) enter(x *Index, q *Query) {
	c.site = c.nextSite(x, q)
	if c.site == none {
		c.stage = stageEnd

		return
	}

	s := &x.sites[c.site]
	if s.root == none || len(c.path) == 0 || c.path[0] != '/' {
		c.startPatterns(x)

		return
	}

	c.node, c.more = x.tree.descend(s.root, c.path)
	c.stage = stageExact
}

// nextSite returns the next site that serves the host, or none.
func (c *cursor) nextSite(x *Index, q *Query) int32 {
	for c.scope != scopeEnd {
		if s := c.siteIn(x, q); s != none {
			return s
		}
	}

	return none
}

// siteIn returns the next site of the scope, or none where there is no further one;
// then the scope is the next one.
func (c *cursor) siteIn(x *Index, q *Query) int32 {
	switch c.scope {
	case scopeBelow:
		if s := c.nextBelow(x); s != none {
			return s
		}

		c.label = len(c.host)
	case scopeBegins:
		if s := c.nextBegins(x); s != none {
			return s
		}
	case scopeExact:
		c.scope++

		return x.table.find(spaceHost, c.host)
	case scopeMatched:
		c.scope++

		if x.matched != none && x.hosts.match(c.host, q) {
			return x.matched
		}

		return none
	case scopeAny:
		c.scope++

		return x.any
	case scopeEnd:
	}

	c.scope++

	return none
}

// nextBelow returns the site of the next "*.x", the longest suffix first, or none.
// "*" stands for at least one byte. The bound is the host's length.
func (c *cursor) nextBelow(x *Index) int32 {
	if !x.below.any() {
		return none
	}

	for {
		dot := bytes.IndexByte(c.host[c.label:], '.')
		if dot < 0 {
			return none
		}

		whole := c.label+dot > 0
		c.label += dot + 1

		suffix := c.host[c.label:]
		if !whole || !x.below.has(len(suffix)) {
			continue
		}

		if s := x.table.find(spaceBelow, suffix); s != none {
			return s
		}
	}
}

// nextBegins is nextBelow for "x.*", the longest beginning first.
func (c *cursor) nextBegins(x *Index) int32 {
	if !x.begins.any() {
		return none
	}

	for {
		dot := bytes.LastIndexByte(c.host[:c.label], '.')
		if dot < 0 {
			return none
		}

		whole := dot+1 < len(c.host)
		c.label = dot

		if !whole || !x.begins.has(dot) {
			continue
		}

		if s := x.table.find(spaceBegins, c.host[:dot]); s != none {
			return s
		}
	}
}

// rise goes one node up, or on to the patterns.
func (c *cursor) rise(x *Index) {
	c.node = x.tree.nodes[c.node].parent
	c.more = true
	c.stage = stageBelow

	if c.node == none {
		c.startPatterns(x)
	}
}

func (c *cursor) startPatterns(x *Index) {
	c.stage = stageRest
	if p := x.sites[c.site].patterns; p != none {
		c.stage = stagePattern
		c.group = x.patterns[p].find(c.path)
		c.rank = 0
	}
}

// pattern goes to the next regular expression worth trying.
func (c *cursor) pattern(x *Index) {
	p := &x.patterns[x.sites[c.site].patterns]

	rank := p.next(c.group, c.rank)
	if rank == none {
		c.stage = stageRest

		return
	}

	c.pending = single(p.entries[rank])
	c.rank = rank + 1
}
