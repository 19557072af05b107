package route

import "github.com/isame-lb/isame-lb/engine/match"

// finish moves what was built into the form lookups read.
func (b *builder) finish() *Index {
	x := &Index{
		names:     b.names,
		any:       none,
		matched:   none,
		hosts:     newExpressions(b.expressions),
		sites:     make([]site, len(b.sites)),
		siteHosts: make([]string, len(b.sites)),
		table:     newTable(len(b.sites) + len(b.nodes)),
	}

	b.finishTree(x)

	for i := range b.sites {
		b.finishSite(x, int32(i))
	}

	return x
}

func (b *builder) finishSite(x *Index, number int32) {
	d := &b.sites[number]
	x.siteHosts[number] = d.host.String()
	x.sites[number] = site{root: d.root, patterns: b.finishPatterns(x, d.patterns), rest: b.list(x, d.rest)}

	x.named = x.named || d.host.Kind != match.HostAny

	switch d.host.Kind {
	case match.HostAny:
		x.any = number
	case match.HostExpression:
		x.matched = number
	case match.HostBelow:
		x.below.add(len(d.host.Name))
		x.table.put(spaceBelow, d.host.Name, number)
	case match.HostBeginning:
		x.begins.add(len(d.host.Name))
		x.table.put(spaceBegins, d.host.Name, number)
	case match.HostExact:
		x.table.put(spaceHost, d.host.Name, number)
	}
}

func (b *builder) finishPatterns(x *Index, routes []int32) int32 {
	if len(routes) == 0 {
		return none
	}

	entries := make([]entry, len(routes))
	for i, route := range routes {
		entries[i] = b.entry(route)
	}

	x.patterns = append(x.patterns, newPatterns(entries, func(route int32) string {
		return b.drafts[route].beginning
	}))

	return int32(len(x.patterns)) - 1
}

// finishTree lays out nodes and children: in a row where children are few, in
// the table where they are many.
func (b *builder) finishTree(x *Index) {
	t := &x.tree
	t.wide = &x.table
	t.nodes = make([]node, len(b.nodes))
	next := int32(0)

	for i := range b.nodes {
		d := &b.nodes[i]
		t.nodes[i] = node{
			parent: d.parent, fan: d.fan, first: next,
			exact: b.list(x, d.exact), prefix: b.list(x, d.prefix), below: b.list(x, d.below),
		}

		if d.fan <= fanNarrow {
			next += d.fan
		}
	}

	t.edges = make([]edge, next)
	filled := make([]int32, len(t.nodes))

	for i := range b.nodes {
		parent := b.nodes[i].parent
		if parent == none {
			continue
		}

		number := int32(i)
		if p := &t.nodes[parent]; p.fan > fanNarrow {
			x.table.put(parent, b.nodes[i].segment, number)
		} else {
			t.edges[p.first+filled[parent]] = edge{segment: b.nodes[i].segment, child: number}
			filled[parent]++
		}
	}
}

// list moves routes, which are in order, into the index.
func (b *builder) list(x *Index, routes []int32) list {
	if len(routes) == 1 {
		return single(b.entry(routes[0]))
	}

	at := len(x.entries)
	for _, route := range routes {
		x.entries = append(x.entries, b.entry(route))
	}

	return list{at: int32(at), end: int32(len(x.entries))}
}

func (b *builder) entry(route int32) entry {
	return newEntry(route, b.drafts[route].asks())
}
