package route

import "strings"

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
	number := int32(len(b.nodes)) //nolint:gosec // bounded by the size of the configuration
	b.nodes = append(b.nodes, node{parent: parent})
	b.segments = append(b.segments, segment)

	if parent != none {
		b.nodes[parent].fan++
		b.seen[edgeKey{node: parent, segment: segment}] = number
	}

	return number
}

// finishTree lays out the children: in a row where they are few, in the map
// where they are many.
func (b *builder) finishTree() tree {
	t := tree{nodes: b.nodes, edges: nil, wide: make(map[edgeKey]int32)}
	next := int32(0)

	for i := range t.nodes {
		n := &t.nodes[i]
		if n.fan <= fanNarrow {
			n.first = next
			next += n.fan
		}
	}

	t.edges = make([]edge, next)
	filled := make([]int32, len(t.nodes))

	for i := range t.nodes {
		parent := t.nodes[i].parent
		if parent == none {
			continue
		}

		number := int32(i) //nolint:gosec // bounded by the size of the configuration
		if p := &t.nodes[parent]; p.fan > fanNarrow {
			t.wide[edgeKey{node: parent, segment: b.segments[i]}] = number
		} else {
			t.edges[p.first+filled[parent]] = edge{segment: b.segments[i], child: number}
			filled[parent]++
		}
	}

	return t
}
