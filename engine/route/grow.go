package route

import (
	"strings"

	"github.com/isame-lb/isame-lb/engine/match"
)

// place puts routes under each of their hosts. They are placed in order, so every
// list is in order.
func (b *builder) place(routes []int32) {
	for _, route := range routes {
		for _, host := range b.drafts[route].hosts {
			if host.Kind != match.HostExpression || b.express(route, host.Name) {
				b.placeUnder(route, host)
			}
		}
	}
}

// express gives a route one of its expressions, and reports that it is the first: all
// of them stand in one site.
func (b *builder) express(route int32, text string) (first bool) {
	d := b.drafts[route]

	number, known := b.numbers[text]
	if !known {
		if number = len(b.expressions); number == hostExpressionsMax {
			b.fail("routes."+b.names[route]+".hosts_regex", errExpressions)

			return false
		}

		b.numbers[text] = number
		b.expressions = append(b.expressions, b.patterns[text].re)
	}

	d.expressions = append(d.expressions, uint16(number))

	return len(d.expressions) == 1
}

func (b *builder) placeUnder(route int32, host match.HostPattern) {
	s := b.site(host)
	d := b.drafts[route]

	switch d.kind {
	case kindPattern:
		s.patterns = append(s.patterns, route)
	case kindRest:
		s.rest = append(s.rest, route)
	case kindExact, kindPrefix:
		b.placeInTree(s, route)
	}
}

// site returns the site of a host; it is valid until the next call.
func (b *builder) site(host match.HostPattern) *draftSite {
	host = siteKey(host)
	at, ok := b.siteOf[host]
	if !ok {
		at = int32(len(b.sites))
		b.siteOf[host] = at
		b.sites = append(b.sites, draftSite{host: host, root: none, patterns: nil, rest: nil})
	}

	return &b.sites[at]
}

func (b *builder) placeInTree(s *draftSite, route int32) {
	if s.root == none {
		s.root = b.addNode(none, "")
		b.nodes[s.root].matched = s.host.Kind == match.HostExpression
	}

	d := b.drafts[route]

	path, below := d.path, false
	if d.kind == kindPrefix && path[len(path)-1] == '/' {
		path, below = path[:len(path)-1], true
	}

	n := &b.nodes[b.walk(s.root, path)]

	switch {
	case d.kind == kindExact:
		n.exact = append(n.exact, route)
	case below:
		n.below = append(n.below, route)
	default:
		n.prefix = append(n.prefix, route)
	}
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
		b.nodes[number].matched = b.nodes[parent].matched
		b.nodes[parent].fan++
		b.seen[edgeKey{node: parent, segment: segment}] = number
	}

	return number
}
