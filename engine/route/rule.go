package route

import "regexp"

// rule is what a route asks of a request beyond host and path.
type rule struct {
	listeners []uint64 // a bit for each listener; nil: all
	methods   []string // HEAD included where GET stands; nil: all
	pattern   *regexp.Regexp
	headers   []want // names in lower case, in order of name
	params    []want // in order of name
	viaGet    bool   // takes HEAD only because it lists GET
}

// count is the number of predicates beyond host and path, point 4 of the order
// of precedence.
func (r *rule) count() int {
	n := len(r.headers) + len(r.params)
	if r.listeners != nil {
		n++
	}

	if r.methods != nil {
		n++
	}

	return n
}

// asks reports whether there is any predicate at all.
func (r *rule) asks() bool { return r.pattern != nil || r.count() > 0 }

// predicate is one of the questions a rule asks.
type predicate uint8

const (
	nothing predicate = iota // every predicate holds
	byListener
	byMethod
	byPattern
	byHeader
	byParam
)

// check returns the first predicate that does not hold, or nothing; for a
// header or parameter also which one.
func (r *rule) check(q *Query) (failed predicate, which int) {
	if r.listeners != nil && !r.takesListener(q.Listener) {
		return byListener, 0
	}

	if r.methods != nil && !r.takesMethod(q.Method) {
		return byMethod, 0
	}

	if r.pattern != nil && !r.pattern.Match(q.Path) {
		return byPattern, 0
	}

	for i := range r.headers {
		if !hasField(q.Head, &r.headers[i]) {
			return byHeader, i
		}
	}

	for i := range r.params {
		if !hasParam(q.RawQuery, &r.params[i]) {
			return byParam, i
		}
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
