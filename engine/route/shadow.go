package route

// shadows finds routes that no request can reach, because another one that asks
// for nothing more comes first wherever they stand. It returns for each route
// the number of one that hides it, or none. It knows the two cases people run
// into: a list in which something stands after a route that takes everything,
// and regular expressions of a host whose prefix "/" takes everything.
//
// They are described, not refused: a route may be hidden for a while on
// purpose, by raising another one's priority.
func (b *builder) shadows() []int32 {
	s := shadows{b: b, hiddenBy: make([]int32, len(b.drafts)), open: make([]bool, len(b.drafts))}
	for i := range s.hiddenBy {
		s.hiddenBy[i] = none
	}

	for i := range b.nodes {
		n := &b.nodes[i]
		s.see(n.exact, none)
		s.see(n.prefix, none)
		s.see(n.below, none)
	}

	for i := range b.sites {
		d := &b.sites[i]
		s.see(d.rest, none)
		s.see(d.patterns, s.root(d))
	}

	for i, open := range s.open {
		if open {
			s.hiddenBy[i] = none
		}
	}

	return s.hiddenBy
}

// shadows is the state of one search.
type shadows struct {
	b        *builder
	hiddenBy []int32 // where a route is hidden somewhere, what hides it there
	open     []bool  // the route can be reached somewhere
}

// see looks at one list, which comes after a route that takes everything where
// hider is not none.
func (s *shadows) see(list []int32, hider int32) {
	for _, route := range list {
		if hider == none {
			s.open[route] = true
		} else {
			s.hiddenBy[route] = hider
		}

		if hider == none && !s.b.drafts[route].asks() {
			hider = route
		}
	}
}

// root returns a route of a site that takes every path beginning with "/", as
// every path does but that of "OPTIONS *"; or none.
func (s *shadows) root(d *draftSite) int32 {
	if d.root == none {
		return none
	}

	for _, route := range s.b.nodes[d.root].below {
		if !s.b.drafts[route].asks() {
			return route
		}
	}

	return none
}
