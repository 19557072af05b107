package route

import (
	"strings"

	"github.com/isame-lb/isame-lb/engine/match"
)

// shadows finds routes that no request can reach, because another one takes all of
// theirs and comes first wherever they stand. It returns for each route the number of
// one that hides it, or none. What it knows are single routes that hide another one
// whole: a wider one of higher priority, one of the same host and path that asks for
// less, and the prefix "/" before the regular expressions of its host. Hidden by
// several together it does not see.
//
// They are described, not refused: a route may be hidden for a while on purpose, by
// raising another one's priority. "OPTIONS *" does not count there: the engine answers
// it before it looks for a route.
func (b *builder) shadows() []int32 {
	s := shadows{
		b: b, at: make([]int, len(b.drafts)),
		bold: make(map[place][]int32, len(b.drafts)), hosts: make(map[match.HostPattern]bool, len(b.drafts)),
	}

	for at, route := range b.order {
		s.at[route] = at
		d := b.drafts[route]

		if d.further.Count() > 0 || len(d.not) > 0 {
			continue // It leaves some requests to others.
		}

		for _, host := range d.hosts {
			p := place{host: host, kind: d.kind, path: d.where(d.path)}
			if at := s.bold[p]; len(at) < boldMax {
				s.bold[p], s.hosts[host] = append(at, route), true
			}
		}
	}

	hiddenBy := make([]int32, len(b.drafts))
	for i := range hiddenBy {
		hiddenBy[i] = s.hider(int32(i))
	}

	return hiddenBy
}

// boldMax bounds the routes of one host and path that are compared with each other
// one: the first ones in order.
const boldMax = 8

// place is where a route stands.
type place struct {
	host match.HostPattern
	kind kind
	path string // the expression of a pattern
}

// where is the path of a route, or its regular expression.
func (r *rule) where(path string) string {
	if r.pattern != nil {
		return r.pattern.String()
	}

	return path
}

// shadows is the state of one search.
type shadows struct {
	b     *builder
	at    []int                      // of each route in the order of precedence
	bold  map[place][]int32          // routes that ask for nothing further, in order
	hosts map[match.HostPattern]bool // those under which some of them stand
}

// hider is a route that hides the given one under each of its hosts, or none.
func (s *shadows) hider(route int32) int32 {
	by := none

	for _, host := range s.b.drafts[route].hosts {
		by = none

		for _, wide := range widened(host) {
			if !s.hosts[wide] {
				continue
			}

			if by = s.under(route, host, wide); by != none {
				break
			}
		}

		if by == none {
			return none
		}
	}

	return by
}

// under looks at routes under a host that takes all that route's own host takes.
func (s *shadows) under(route int32, own, host match.HostPattern) int32 {
	d := s.b.drafts[route]
	found := none

	try := func(kind kind, path string) {
		for _, other := range s.bold[place{host: host, kind: kind, path: path}] {
			if found == none && other != route && s.precedes(other, route, own == host) && s.b.drafts[other].takesAllOf(&d.rule) {
				found = other
			}
		}
	}

	try(d.kind, d.where(d.path))
	try(kindRest, "")
	try(kindPrefix, "/")

	if d.kind == kindPattern || d.kind == kindRest {
		return found
	}

	if d.kind == kindExact {
		try(kindPrefix, d.path)
	}

	for i := strings.LastIndexByte(d.path, '/'); i > 0 && found == none; i = strings.LastIndexByte(d.path[:i], '/') {
		try(kindPrefix, d.path[:i+1])
		try(kindPrefix, d.path[:i])
	}

	return found
}

// precedes reports that other goes before route for all that both take: by its
// priority, or under the same host by the order there. It asks only about pairs of
// which other takes every path of route.
func (s *shadows) precedes(other, route int32, sameHost bool) bool {
	o, r := s.b.drafts[other], s.b.drafts[route]

	switch {
	case o.priority != r.priority:
		return o.priority > r.priority
	case !sameHost || o.kind > r.kind:
		return false
	case o.kind < r.kind:
		return r.kind == kindPattern // "OPTIONS *" passes prefixes on the way to routes without a path
	}

	return o.path == r.path && s.at[other] < s.at[route]
}

// takesAllOf reports that r, which asks for nothing further, takes what s takes, as far as listener and method decide.
func (r *rule) takesAllOf(s *rule) bool {
	if r.listeners != nil {
		if s.listeners == nil {
			return false
		}

		for i, bits := range s.listeners {
			if i >= len(r.listeners) && bits != 0 || i < len(r.listeners) && bits&^r.listeners[i] != 0 {
				return false
			}
		}
	}

	if r.methods == nil {
		return true
	}

	for _, method := range s.methods {
		if !r.takesMethod([]byte(method)) {
			return false
		}
	}

	return s.methods != nil
}

// widened are the patterns that take all hosts of h, itself first.
func widened(h match.HostPattern) []match.HostPattern {
	all := []match.HostPattern{h}

	if h.Kind == match.HostExact || h.Kind == match.HostBelow {
		for rest, found := h.Name, true; found; {
			if _, rest, found = strings.Cut(rest, "."); found && rest != "" {
				all = append(all, match.HostPattern{Name: rest, Kind: match.HostBelow})
			}
		}
	}

	if h.Kind == match.HostExact || h.Kind == match.HostBeginning {
		for at := strings.LastIndexByte(h.Name, '.'); at > 0; at = strings.LastIndexByte(h.Name[:at], '.') {
			all = append(all, match.HostPattern{Name: h.Name[:at], Kind: match.HostBeginning})
		}
	}

	if h.Kind != match.HostAny {
		all = append(all, anyHost())
	}

	return all
}
