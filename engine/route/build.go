package route

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
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

	hiddenBy := b.shadows()
	for i, name := range b.names {
		x.descriptions[i] = describe(name, routes[name], &b.drafts[i])
		if by := hiddenBy[i]; by != none {
			x.descriptions[i].HiddenBy = b.names[by]
		}
	}

	return x, nil
}

// builder is the state of one Build.
type builder struct {
	names     []string
	listeners map[string]int
	drafts    []draft // by route number
	order     []int32 // all routes by priority, then by precedence within equal host and path
	patterns  map[string]compiled
	errs      []error

	// Of the tier under work:
	sites  []draftSite
	siteOf map[hostPattern]int32
	nodes  []draftNode
	seen   map[edgeKey]int32
}

// draft is a route while the index is built.
type draft struct {
	rule
	hosts     []hostPattern
	path      string
	kind      kind
	beginning string // literal beginning of a regular expression
	priority  int
	signature string // equal for routes that take the same requests of one path
}

// kind is how a route matches the path, the most specific first.
type kind uint8

const (
	kindExact kind = iota
	kindPrefix
	kindPattern
	kindRest
)

// draftSite is a site while the index is built; its lists are in order.
type draftSite struct {
	host     hostPattern
	root     int32
	patterns []int32
	rest     []int32
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
			x.descriptions = make([]Description, len(b.drafts))

			continue
		}

		x.names, x.rules, x.descriptions = first.names, first.rules, first.descriptions
		last.lower, last = x, x
	}

	return first
}

// tier makes an index of the routes of one priority.
func (b *builder) tier(routes []int32) *Index {
	b.sites, b.nodes = nil, nil
	b.siteOf, b.seen = make(map[hostPattern]int32), make(map[edgeKey]int32, len(routes))
	b.place(routes)
	b.compare()

	return b.finish()
}

// place puts routes under each of their hosts. They are placed in order, so every
// list is in order.
func (b *builder) place(routes []int32) {
	for _, route := range routes {
		for _, host := range b.drafts[route].hosts {
			b.placeUnder(route, host)
		}
	}
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

func (b *builder) placeUnder(route int32, host hostPattern) {
	s := b.site(host)
	d := &b.drafts[route]

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
func (b *builder) site(host hostPattern) *draftSite {
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
	}

	d := &b.drafts[route]

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

// compare reports routes that take exactly the same requests.
func (b *builder) compare() {
	reported := make(map[[2]int32]bool)

	for i := range b.sites {
		s := &b.sites[i]
		b.compareList(s.patterns, reported)
		b.compareList(s.rest, reported)
	}

	for i := range b.nodes {
		n := &b.nodes[i]
		b.compareList(n.exact, reported)
		b.compareList(n.below, reported)
		b.compareList(n.prefix, reported)
	}
}

func (b *builder) compareList(list []int32, reported map[[2]int32]bool) {
	if len(list) < 2 {
		return
	}

	first := make(map[string]int32, len(list))
	for _, route := range list {
		signature := b.drafts[route].signature

		other, taken := first[signature]
		if !taken {
			first[signature] = route

			continue
		}

		pair := [2]int32{min(other, route), max(other, route)}
		if !reported[pair] {
			reported[pair] = true
			b.errs = append(b.errs, fmt.Errorf("routes.%s: %w as routes.%s: give one of them another priority or a further predicate",
				b.names[pair[1]], errSame, b.names[pair[0]]))
		}
	}
}

var errSame = errors.New("takes exactly the same requests")

// finish moves what was built into the form lookups read.
func (b *builder) finish() *Index {
	x := &Index{
		rules:     make([]rule, len(b.drafts)),
		names:     b.names,
		any:       none,
		sites:     make([]site, len(b.sites)),
		siteHosts: make([]string, len(b.sites)),
		table:     newTable(len(b.sites) + len(b.nodes)),
	}

	for i := range b.drafts {
		x.rules[i] = b.drafts[i].rule
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

	switch n := len(d.host.name); {
	case d.host == anyHost():
		x.any = number
	case d.host.wild:
		x.named, x.wild = true, true
		x.wildLengths[n/64] |= 1 << (n % 64)
		x.table.put(spaceWild, d.host.name, number)
	default:
		x.named = true
		x.table.put(spaceHost, d.host.name, number)
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
