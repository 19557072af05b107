package route

import (
	"fmt"
	"regexp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

// builder is the state of one Build.
type builder struct {
	routes     map[string]config.Route
	names      []string
	listeners  map[string]int
	drafts     []*draft // by route number
	kept       []int32  // by route number, its number in the index before: see Rebuild
	order      []int32  // all routes by priority, then by precedence within equal host and path
	signatures []string // by route number, where somebody has asked
	patterns   map[string]compiled
	known      map[string]compiled // patterns of the index before
	errs       []error

	// Of the tier under work:
	expressions []*regexp.Regexp // of hosts, each once
	numbers     map[string]int   // of them, by their text
	sites       []draftSite
	siteOf      map[match.HostPattern]int32
	nodes       []draftNode
	seen        map[edgeKey]int32
}

func (b *builder) fail(field string, err error) {
	b.errs = append(b.errs, fmt.Errorf("%s: %w", field, err))
}

func (b *builder) failValue(field, value string, err error) {
	b.errs = append(b.errs, fmt.Errorf("%s: %q %w", field, value, err))
}

// draft is a route while the index is built. It is not changed afterwards: lookups read
// its rule, and a build that follows takes it over where the route asks the same.
type draft struct {
	rule
	hosts     []match.HostPattern
	path      string
	kind      kind
	beginning string // literal beginning of a regular expression
	priority  int
	own       config.Predicates   // as configured, without hosts, path and methods
	excluded  []config.Predicates // likewise, of not
}

// compiled is a regular expression, shared by the routes that write it alike.
type compiled struct {
	re        *regexp.Regexp
	beginning string
}

// draftSite is a site while the index is built; its lists are in order.
type draftSite struct {
	host     match.HostPattern
	root     int32
	patterns []int32
	rest     []int32
}

// draftNode is a node while the index is built; its lists are in order.
type draftNode struct {
	parent  int32
	fan     int32
	segment string // of the edge that leads to it
	matched bool   // it stands in the site of expressions
	exact   []int32
	prefix  []int32
	below   []int32
}

// edgeKey finds a child.
type edgeKey struct {
	node    int32
	segment string
}
