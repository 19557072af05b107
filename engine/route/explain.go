package route

import (
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Verdict is what became of one candidate.
type Verdict string

// The verdicts of a Step.
const (
	// Won is the route the request takes: the first whose predicates all hold.
	Won Verdict = "won"
	// Failed is a route one of whose predicates does not hold.
	Failed Verdict = "failed"
	// Lost is the route the request would take without the winner.
	Lost Verdict = "lost"
)

// Step is one candidate of a lookup: a route whose host and, unless it is a
// regular expression, path match.
type Step struct {
	// Route is its number.
	Route int `json:"-"`
	// Name is its name.
	Name string `json:"route"`
	// Host is the pattern the request's host matched.
	Host string `json:"host"`
	// Path is the rule for the path: "/exact", "/prefix/*", "~regex" or "*".
	Path string `json:"path"`
	// Verdict is what became of it.
	Verdict Verdict `json:"verdict"`
	// Predicate is the key of the one that failed, Value what the request has in its place.
	Predicate string `json:"predicate,omitempty"`
	Value     string `json:"value,omitempty"`
	// Reason says which predicate failed, or why the winner goes before the next.
	Reason string `json:"reason"`

	site int32
}

// explainStepsMax bounds the candidates visited, where thousands of routes
// share host and path. The winner may be beyond it; then no step has won.
const explainStepsMax = 1000

// Explain visits every candidate in the order Lookup tries them, up to the
// first one after the winner that would match as well, and returns what Lookup
// returns. It walks and checks with Lookup's code. It allocates; it is meant
// for the admin API.
func (x *Index) Explain(q *Query, visit func(Step)) int {
	if x == nil || len(x.sites) == 0 {
		return int(none)
	}

	for _, step := range x.explain(q) {
		visit(step)
	}

	return x.Lookup(q)
}

func (x *Index) explain(q *Query) []Step {
	t, host := x, wire.AppendLower(nil, match.HostOf(q.Host))
	c := newCursor(t, host, q)
	winner := -1

	var steps []Step

	for len(steps) < explainStepsMax {
		e, ok := c.next(t, q)
		if !ok {
			if t = t.lower; t == nil {
				break
			}

			c = newCursor(t, host, q)

			continue
		}

		route := e.route()
		if winner >= 0 && steps[winner].Route == int(route) {
			continue // The winner again, under a wider host.
		}

		steps = append(steps, t.step(int(route), c.site))
		step := &steps[len(steps)-1]
		failed, which := x.drafts[route].check(q, c.site != t.matched)

		switch {
		case failed != nothing:
			f := x.failure(q, int(route), failed, which)
			step.Verdict = Failed
			step.Predicate, step.Value, step.Reason = f.Predicate, f.Value, f.Reason
		case winner < 0:
			winner = len(steps) - 1
			step.Verdict = Won
			step.Reason = "the only route that matches"
		default:
			step.Verdict = Lost
			step.Reason = "matches as well, but comes later"
			steps[winner].Reason = fmt.Sprintf("goes before route %q: %s", step.Name, x.why(&steps[winner], step))

			return steps
		}
	}

	return steps
}

func (x *Index) step(route int, at int32) Step {
	return Step{
		Route:   route,
		Name:    x.names[route],
		Host:    x.siteHosts[at],
		Path:    x.descriptions[route].pathText(),
		Verdict: Failed,
		Reason:  "",
		site:    at,
	}
}

// failure says what a predicate asks for and what the request has.
func (x *Index) failure(q *Query, route int, failed predicate, which int) match.Failure {
	r, d := x.drafts[route], x.descriptions[route]

	switch failed {
	case byListener:
		name := x.listenerName(q.Listener)

		return match.Failure{
			Predicate: "listeners", Value: strings.Trim(name, `"`),
			Reason: fmt.Sprintf("listener %s is not one of %s", name, strings.Join(d.Listeners, ", ")),
		}
	case byMethod:
		return match.Failure{
			Predicate: "methods", Value: string(q.Method),
			Reason: fmt.Sprintf("method %q is not one of %s", q.Method, strings.Join(r.methods, ", ")),
		}
	case byPattern:
		return match.Failure{
			Predicate: "path_regex", Value: string(q.Path),
			Reason: fmt.Sprintf("path %q does not match %q", q.Path, d.PathRegex),
		}
	case byHosts:
		host := match.HostOf(q.Host)

		return match.Failure{
			Predicate: "hosts_regex", Value: string(host),
			Reason: fmt.Sprintf("host %q matches none of %s", host, strings.Join(d.Hosts, ", ")),
		}
	case byNot:
		return match.Failure{Predicate: "not", Reason: fmt.Sprintf("it is what section %d of not excludes", which+1)}
	case further:
		return r.further.Failure(&q.Request)
	case nothing:
	}

	return match.Failure{}
}

func (x *Index) listenerName(number int) string {
	if number < 0 || number >= len(x.listeners) {
		return fmt.Sprintf("number %d", number)
	}

	return fmt.Sprintf("%q", x.listeners[number])
}

// why names the first point of the order of precedence that tells two
// candidates apart.
func (x *Index) why(first, second *Step) string {
	r, s := x.drafts[first.Route], x.drafts[second.Route]
	d, e := x.descriptions[first.Route], x.descriptions[second.Route]

	switch {
	case d.Priority != e.Priority:
		return fmt.Sprintf("priority %d is higher than %d", d.Priority, e.Priority)
	case first.site != second.site:
		return fmt.Sprintf("host %q is more specific than %q", first.Host, second.Host)
	case d.kind() != e.kind():
		return d.kind().String() + " goes before " + e.kind().String()
	case d.PathPrefix != e.PathPrefix:
		return fmt.Sprintf("prefix %q is longer than %q", d.PathPrefix, e.PathPrefix)
	case r.count() != s.count():
		return fmt.Sprintf("it has %d further predicates, not %d", r.count(), s.count())
	case r.viaGet != s.viaGet:
		return "it names HEAD, the other one takes it because of GET"
	default:
		return "equally specific, so the name decides"
	}
}
