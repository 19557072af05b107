package route

import (
	"regexp"

	"github.com/isame-lb/isame-lb/engine/match"
)

// rule is what a route asks of a request beyond host and path.
type rule struct {
	listeners []uint64 // a bit for each listener; nil: all
	methods   []string // HEAD included where GET stands; nil: all
	pattern   *regexp.Regexp
	further   match.Predicates   // without hosts, path and methods
	not       []match.Predicates // none of them may hold
	viaGet    bool               // takes HEAD only because it lists GET
	// expressions are those of hosts, by their number in the tier.
	expressions []uint16
}

// count is the number of predicates beyond host and path, point 4 of the order
// of precedence.
func (r *rule) count() int {
	n := r.further.Count() + len(r.not)
	if r.listeners != nil {
		n++
	}

	if r.methods != nil {
		n++
	}

	return n
}

// asks reports whether there is any predicate at all.
func (r *rule) asks() bool { return r.pattern != nil || r.expressions != nil || r.count() > 0 }

// predicate is one of the questions a rule asks.
type predicate uint8

const (
	nothing predicate = iota // every predicate holds
	byHosts
	byListener
	byMethod
	byPattern
	further // what failed of them is match.Predicates.Failed
	byNot
)

// check returns the first predicate that does not hold, or nothing; of those in
// not also which one. known: the host is one of the route's own whatever its
// expressions say.
func (r *rule) check(q *Query, known bool) (failed predicate, which int) {
	switch {
	case !known && q.hosts.first(r.expressions) < 0:
		return byHosts, 0
	case r.listeners != nil && !r.takesListener(q.Listener):
		return byListener, 0
	case r.methods != nil && !r.takesMethod(q.Method):
		return byMethod, 0
	case r.pattern != nil && !r.pattern.Match(q.Path):
		return byPattern, 0
	case !r.further.Holds(&q.Request):
		return further, 0
	}

	if which = match.Any(r.not, &q.Request); which >= 0 {
		return byNot, which
	}

	return nothing, 0
}

func (r *rule) takesListener(number int) bool {
	return number >= 0 && number/64 < len(r.listeners) && r.listeners[number/64]&(1<<(number%64)) != 0
}

func (r *rule) takesMethod(method []byte) bool {
	for i := range r.methods { //nolint:modernize // slices.Contains needs a string, and making one copies.
		if r.methods[i] == string(method) {
			return true
		}
	}

	return false
}

// kind is how a route matches the path, the most specific first.
type kind uint8

const (
	kindExact kind = iota
	kindPrefix
	kindPattern
	kindRest
)

func (k kind) String() string {
	return [...]string{"an exact path", "a path prefix", "a regular expression", "a route without a path"}[k]
}
