package route

import "strings"

// draftNode is a node while the index is built; its lists are in order.
type draftNode struct {
	parent  int32
	fan     int32
	segment string // of the edge that leads to it
	exact   []int32
	prefix  []int32
	below   []int32
}

// edgeKey finds a child.
type edgeKey struct {
	node    int32
	segment string
}

// walk returns the node of a path below root, adding what is missing.
func (b *builder) walk(root int32, path string) int32 {
	at := root
	if path == "" {
		return at
	}

	for segment := range strings.SplitSeq(path[1:], "/") {
		child, ok := b.seen[edgeKey{node: at, segment: segment}]
		if !ok {
			child = b.addNode(at, segment)
		}

		at = child
	}

	return at
}

func (b *builder) addNode(parent int32, segment string) int32 {
	number := int32(len(b.nodes))
	b.nodes = append(b.nodes, draftNode{parent: parent, segment: segment})

	if parent != none {
		b.nodes[parent].fan++
		b.seen[edgeKey{node: parent, segment: segment}] = number
	}

	return number
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
