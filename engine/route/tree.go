package route

import "bytes"

// tree holds the exact paths and prefixes of all sites, cut at "/". Each site
// has a root of its own; a node is known by its number. Nodes with few children
// keep them in a row, which is compared in a few nanoseconds; the children of
// all others stand in one table, so that a step costs the same for 9 and for
// 100,000 children.
type tree struct {
	nodes []node
	edges []edge
	wide  *table // the node's number is the space, the segment the key
}

// node stands for a path without a trailing slash, such as "" or "/api". It
// fits in one cache line.
type node struct {
	parent int32
	fan    int32 // number of children; above fanNarrow they are in wide
	first  int32 // position of the first child in edges
	exact  list  // routes with exactly this path
	prefix list  // routes with this path as prefix: it and everything below
	below  list  // routes with this path and "/" as prefix: only what is below
}

// edge leads to a child whose path has one segment more.
type edge struct {
	segment string
	child   int32
}

// fanNarrow is the largest number of children that are compared one by one:
// at 8, a row costs what the table costs.
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
		return t.wide.find(at, segment)
	}

	for i := range t.edges[n.first : n.first+n.fan] {
		e := &t.edges[int(n.first)+i]
		if e.segment == string(segment) {
			return e.child
		}
	}

	return none
}
