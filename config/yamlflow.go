package config

import "strings"

// Collections in brackets, for quickYAML.

// flow reads a collection in brackets.
func (q *quick) flow(depth int) *node {
	if depth > quickDepthMax {
		return nil
	}
	n, end := q.node(kindMap), byte('}')
	if q.is('[') {
		n.kind, end = kindList, ']'
	}
	names := placesOf(n, 0)
	q.pos++
	for first := true; ; first = false {
		if !q.skipFlow() {
			return nil
		}
		if first && q.is(end) {
			break
		}
		if !q.part(n, names, depth+1) || !q.skipFlow() {
			return nil
		}
		if q.is(end) {
			break
		}
		if !q.is(',') {
			return nil
		}
		q.pos++
	}
	q.pos++
	return n
}

// part reads an item of a list, or a key with its value.
func (q *quick) part(n *node, names *places, depth int) bool {
	if n.kind == kindList {
		item := q.flowValue(depth)
		n.items = append(n.items, item)
		return item != nil
	}
	at := q.here()
	name, ok := q.key()
	if !ok || names.of(name) != nil || !q.skipFlow() {
		return false
	}
	value := q.flowValue(depth)
	if value == nil {
		return false
	}
	value.key = at
	names.add(entry{name, value})
	return true
}

// flowValue reads a value inside of brackets.
func (q *quick) flowValue(depth int) *node {
	if q.pos == len(q.data) {
		return nil
	}
	switch c := q.data[q.pos]; {
	case c == '{' || c == '[':
		return q.flow(depth)
	case c == '"' || c == '\'':
		return q.quotedNode()
	case !q.beginsPlain():
		return nil
	}
	n, from := q.node(kindString), q.pos
	for q.pos < len(q.data) && isFlowByte(q.data[q.pos]) {
		if q.data[q.pos] == ':' && (q.isBlankAt(q.pos+1) || !isFlowByte(q.data[q.pos+1])) {
			return nil
		}
		q.pos++
	}
	q.plain(n, string(q.data[from:q.pos]))
	return n
}

// isFlowByte reports a byte of a text without quotes inside of brackets.
func isFlowByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("_./-+=@~^$%*():", c) >= 0
}

// skipFlow skips spaces, comments and the ends of lines inside of brackets.
func (q *quick) skipFlow() bool {
	for {
		q.skipSpaces()
		q.skipComment()
		switch {
		case q.pos == len(q.data):
			return false
		case !q.is('\n'):
			return true
		case !q.newLine():
			return false
		}
	}
}
