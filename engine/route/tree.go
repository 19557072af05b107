package route

import "bytes"

// tree holds the exact paths and prefixes of all sites, cut at "/". Each site
// has a root of its own; a node is known by its number. Nodes with few children
// keep them in a row, which is compared in a few nanoseconds; the children of
// all others stand in one map, so that a step costs the same for 9 and for
// 100,000 children.
type tree struct {
	nodes []node
	edges []edge
	wide  map[edgeKey]int32
}

// node stands for a path without a trailing slash, such as "" or "/api".
type node struct {
	parent int32
	fan    int32   // number of children; above fanNarrow they are in wide
	first  int32   // position of the first child in edges
	exact  []int32 // routes with exactly this path
	prefix []int32 // routes with this path as prefix: it and everything below
	below  []int32 // routes with this path and "/" as prefix: only what is below
}

// edge leads to a child whose path has one segment more.
type edge struct {
	segment string
	child   int32
}

// edgeKey finds a child of a node with many.
type edgeKey struct {
	node    int32
	segment string
}

// fanNarrow is the largest number of children that are compared one by one:
// at 8, a row costs what the map costs.
const fanNarrow = 8

// descend walks from a root along path, as far as there are nodes. It returns
// the deepest one, and whether the path goes on below it. Nodes exist only
// where routes have them, so a long path costs nothing beyond.
func (t *tree) descend(root int32, path []byte) (deepest int32, more bool) {
	at := root
	if len(path) == 0 || path[0] != '/' {
		return at, false
	}

	for {
		segment := path[1:]
		path = nil

		if end := bytes.IndexByte(segment, '/'); end >= 0 {
			path = segment[end:]
			segment = segment[:end]
		}

		child := t.child(at, segment)
		if child == none {
			return at, true
		}

		at = child
		if len(path) == 0 {
			return at, false
		}
	}
}

// child returns the node one segment below, or none.
func (t *tree) child(at int32, segment []byte) int32 {
	n := &t.nodes[at]
	if n.fan > fanNarrow {
		if child, ok := t.wide[edgeKey{node: at, segment: string(segment)}]; ok {
			return child
		}

		return none
	}

	for i := range t.edges[n.first : n.first+n.fan] {
		e := &t.edges[int(n.first)+i]
		if e.segment == string(segment) {
			return e.child
		}
	}

	return none
}
