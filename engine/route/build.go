package route

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

// Build compiles the routes of a configuration. Listeners are the names of all
// listeners in the order Query.Listener numbers them. The error joins every
// problem, each beginning with the path of its field. The configuration is
// copied, not kept.
func Build(routes map[string]config.Route, listeners []string) (*Index, error) {
	b := builder{
		names:     slices.Sorted(maps.Keys(routes)),
		listeners: make(map[string]int, len(listeners)),
		patterns:  make(map[string]compiled),
	}
	for i, name := range listeners {
		b.listeners[name] = i
	}

	b.drafts = make([]draft, len(b.names))
	for i, name := range b.names {
		b.compile(&b.drafts[i], name, routes[name])
	}

	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}

	b.sort()

	x := b.tiers()
	if len(b.errs) > 0 {
		slices.SortFunc(b.errs, func(e, f error) int { return cmp.Compare(e.Error(), f.Error()) })

		return nil, errors.Join(b.errs...)
	}

	x.listeners = slices.Clone(listeners)

	hiddenBy, tied := b.shadows(), b.ties()
	for i, name := range b.names {
		r := routes[name]
		d := describe(name, &r, &b.drafts[i])
		d.Dead = dead(&r)
		if by := hiddenBy[i]; by != none {
			d.HiddenBy = b.names[by]
		} else if with, is := tied[int32(i)]; is && d.Dead == "" {
			d.TiedWith = b.names[with]
		}
		x.descriptions[i] = d
	}

	return x, nil
}

// sort sets the order in which routes are placed.
func (b *builder) sort() {
	b.order = make([]int32, len(b.drafts))
	for i := range b.order {
		b.order[i] = int32(i)
	}

	slices.SortFunc(b.order, func(i, j int32) int {
		return precede(&b.drafts[i], &b.drafts[j], int(i), int(j))
	})
}

// tiers makes an index of the routes of each priority, and returns the first one of
// the chain: the highest.
func (b *builder) tiers() *Index {
	var first, last *Index

	for from := 0; from < len(b.order) || first == nil; {
		to := from
		for to < len(b.order) && b.drafts[b.order[to]].priority == b.drafts[b.order[from]].priority {
			to++
		}

		x := b.tier(b.order[from:to])
		if from = to; first == nil {
			first, last = x, x
			x.descriptions, x.rules = make([]Description, len(b.drafts)), make([]rule, len(b.drafts))

			continue
		}

		x.names, x.rules, x.descriptions = first.names, first.rules, first.descriptions
		last.lower, last = x, x
	}

	for i := range b.drafts {
		first.rules[i] = b.drafts[i].rule
	}

	return first
}

// tier makes an index of the routes of one priority.
func (b *builder) tier(routes []int32) *Index {
	b.sites, b.nodes, b.expressions, b.numbers = nil, nil, nil, make(map[string]int)
	b.siteOf, b.seen = make(map[match.HostPattern]int32), make(map[edgeKey]int32, len(routes))
	b.place(routes)
	b.compare()

	return b.finish()
}

// precede orders routes of the same host and path: points 1 and 4 to 6 of the order
// of precedence. Numbers are in order of name.
func precede(r, s *draft, i, j int) int {
	return cmp.Or(
		cmp.Compare(s.priority, r.priority),
		cmp.Compare(s.count(), r.count()),
		cmp.Compare(rankBool(r.viaGet), rankBool(s.viaGet)),
		cmp.Compare(i, j),
	)
}

func rankBool(b bool) int {
	if b {
		return 1
	}

	return 0
}

// compare reports routes that take exactly the same requests.
func (b *builder) compare() {
	reported := make(map[[2]int32]bool)

	for i := range b.sites {
		s := &b.sites[i]
		matched := s.host.Kind == match.HostExpression
		b.compareList(s.patterns, matched, reported)
		b.compareList(s.rest, matched, reported)
	}

	for i := range b.nodes {
		n := &b.nodes[i]
		b.compareList(n.exact, n.matched, reported)
		b.compareList(n.below, n.matched, reported)
		b.compareList(n.prefix, n.matched, reported)
	}
}

// compareList compares the routes of one place. matched: it is that of expressions, of
// which they have to share one.
func (b *builder) compareList(list []int32, matched bool, reported map[[2]int32]bool) {
	if len(list) < 2 {
		return
	}

	first := make(map[askedBy]int32, len(list))
	for _, route := range list {
		d := &b.drafts[route]
		if !matched {
			b.compareWith(first, askedBy{signature: d.signature}, route, reported)
		}

		for i := 0; matched && i < len(d.expressions); i++ {
			b.compareWith(first, askedBy{d.signature, d.expressions[i]}, route, reported)
		}
	}
}

// askedBy is what a route asks beyond host and path, and one of its expressions.
type askedBy struct {
	signature  string
	expression uint16
}

func (b *builder) compareWith(first map[askedBy]int32, asked askedBy, route int32, reported map[[2]int32]bool) {
	other, taken := first[asked]
	if !taken {
		first[asked] = route

		return
	}

	pair := [2]int32{min(other, route), max(other, route)}
	if !reported[pair] {
		reported[pair] = true
		b.errs = append(b.errs, fmt.Errorf("routes.%s: %w as routes.%s: give one of them another priority or a further predicate",
			b.names[pair[1]], errSame, b.names[pair[0]]))
	}
}

var errSame = errors.New("takes exactly the same requests")
