package route

import (
	"strings"

	"github.com/isame-lb/isame-lb/engine/match"
)

// shadows finds routes that no request can reach, because another one takes all of
// theirs and comes first wherever they stand. It returns for each route the number of
// one that hides it, or none. What it knows are single routes that hide another one
// whole: a wider one of higher priority, one of the same host and path that asks for
// less, and the prefix "/" before the regular expressions of its host; covers decides
// about what they ask further. Hidden by several together it does not see.
//
// They are described, not refused: a route may be hidden for a while on purpose, by
// raising another one's priority. "OPTIONS *" does not count there: the engine answers
// it before it looks for a route.
func (b *builder) shadows() []int32 {
	s := shadows{
		b: b, at: make([]int, len(b.drafts)), picky: make(map[place][]int32),
		bold: make(map[place][]int32, len(b.drafts)), hosts: make(map[match.HostPattern]bool, len(b.drafts)),
	}

	for at, route := range b.order {
		s.at[route] = at
		d := b.drafts[route]

		list := s.bold
		if d.isPicky() {
			list = s.picky
		}

		for _, host := range d.hosts {
			p := place{host: host, kind: d.kind, path: d.where(d.path)}
			if at := list[p]; len(at) < boldMax {
				list[p], s.hosts[host] = append(at, route), true
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
// one: the first ones in order, of those that ask for nothing further and of others.
const boldMax = 8

// isPicky reports that a route asks for something further: it leaves some requests of its
// host, path, methods and listeners to others.
func (d *draft) isPicky() bool { return d.further.Count() > 0 || len(d.not) > 0 }

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
	b    *builder
	at   []int             // of each route in the order of precedence
	bold map[place][]int32 // routes that ask for nothing further, in order
	// picky are those that do. One that does not is never hidden by one of them.
	picky map[place][]int32
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

	look := func(list []int32) {
		for _, other := range list {
			if found == none && other != route && s.precedes(other, route, own == host) && s.b.drafts[other].takesAllOf(d) {
				found = other
			}
		}
	}

	try := func(kind kind, path string) {
		p := place{host: host, kind: kind, path: path}
		look(s.bold[p])

		if found == none && d.isPicky() {
			look(s.picky[p])
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

// takesAllOf reports that d takes what e takes, as far as listener, method and what they ask
// further decide.
func (d *draft) takesAllOf(e *draft) bool {
	return d.takesListenersOf(&e.rule) && d.takesMethodsOf(&e.rule) && covers(&d.own, &e.own) && excludesNothingOf(d.excluded, e.excluded)
}

func (r *rule) takesListenersOf(s *rule) bool {
	if r.listeners == nil {
		return true
	}

	for i, bits := range s.listeners {
		if i >= len(r.listeners) && bits != 0 || i < len(r.listeners) && bits&^r.listeners[i] != 0 {
			return false
		}
	}

	return s.listeners != nil
}

func (r *rule) takesMethodsOf(s *rule) bool {
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
