package observe

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// routeRun are the cells of one route, on all its listeners.
type routeRun struct {
	name  string
	cells []listenerCells
}

type listenerCells struct {
	listener string
	cells    *routeCells
}

// runs are the routes that took traffic or exist, by name.
func (s *scraping) runs() []routeRun {
	keys := slices.SortedFunc(maps.Keys(s.routes), safely.InTurns(func(a, b routeKey) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.listener, b.listener))
	}))
	runs := make([]routeRun, 0, len(s.existing)+1)
	all := make([]listenerCells, 0, len(keys))
	for i := 0; i < len(keys); {
		from, name := len(all), keys[i].route
		for ; i < len(keys) && keys[i].route == name; i++ {
			all = append(all, listenerCells{keys[i].listener, s.routes[keys[i]]})
		}
		runs = append(runs, routeRun{name, all[from:len(all):len(all)]})
	}
	counted := len(runs)
	for i := range s.existing {
		if _, is := slices.BinarySearchFunc(runs[:counted], s.existing[i].Name, compareRun); !is {
			runs = append(runs, routeRun{name: s.existing[i].Name})
		}
	}
	slices.SortFunc(runs, safely.InTurns(func(a, b routeRun) int { return cmp.Compare(a.name, b.name) }))
	return runs
}

func compareRun(run routeRun, name string) int { return cmp.Compare(run.name, name) }

// classNames are the values of the label class, by the hundreds of a code.
var classNames = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"} //nolint:gochecknoglobals // read-only table

// classes counts by class.
type classes [len(classNames)]uint64

// add counts n of a code; one that is of no class counts as none.
func (c *classes) add(code int, n uint64) {
	if class := code / 100; class < len(c) {
		c[class] += n
		return
	}
	c[0] += n
}

// writeRoutes writes what routes have counted.
func (s *scraping) writeRoutes() {
	runs := s.runs()
	byClass := make([]classes, len(runs))
	s.Begin(&familyRequests)
	for i := range runs {
		for _, on := range runs[i].cells {
			on.cells.codes.Each(func(code int, n uint64) {
				byClass[i].add(code, n)
				s.Count(n, on.listener, runs[i].name, codeText(code))
			})
		}
	}
	s.Begin(&familyResponses)
	for i := range runs {
		for class, n := range &byClass[i] {
			s.Count(n, runs[i].name, classNames[class])
		}
	}
	s.Begin(&familyRequestDuration)
	for i := range runs {
		if len(runs[i].cells) == 0 {
			continue
		}
		var sum stat.Snapshot
		for _, on := range runs[i].cells {
			on.cells.durations.AddTo(&sum)
		}
		s.Histogram(&sum, s.examples[runs[i].name], runs[i].name)
	}
}

// codeTexts are the codes as text.
var codeTexts = func() (all [600]string) { //nolint:gochecknoglobals // read-only table
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}()

func codeText(code int) string {
	if code < len(codeTexts) {
		return codeTexts[code]
	}
	return strconv.Itoa(code)
}

// writePaths writes what is counted of exchanges of all routes together.
func (s *scraping) writePaths(r *Registry) {
	s.Begin(&familyMethods)
	for v, name := range protocolNames {
		for m, method := range methodNames {
			s.Count(r.Methods[v][m].Sum(), name, method)
		}
	}
	s.Begin(&familyPhaseDuration)
	for p, h := range r.Phases {
		sum := h.Snapshot()
		s.Histogram(&sum, nil, Phase(p).String())
	}
	r.Ends.write(s.Page)
}

// write writes every end, those that were not met as 0: a counter that begins at
// 1 hides its first step from rate().
func (s *EndStats) write(p *expose.Page) {
	p.Begin(&familyEnds)
	for e := range end.Ends {
		for phase := range e.Under() {
			p.Count(s.counters[e][phase].Sum(), e.Word(), e.Side().String(), phase.String())
		}
	}
}

// retryFamilies are those of RetryStats.
var retryFamilies = [...]*expose.Family{ //nolint:gochecknoglobals // read-only table
	familyOfRetries: &familyRetriesMade, familyRefused: &familyRetriesRefused,
	familyOfHedges: &familyHedges, familyFallbacks: &familySplitFallbacks,
}

// writeRetries writes what may come to count of the routes that exist, and what else was
// counted: of routes that are gone, and by a policy that is.
func (s *scraping) writeRetries() {
	written := make(map[retryKey]bool, len(s.retries))
	for family, f := range retryFamilies {
		s.Begin(f)
		for i := range s.existing {
			for _, of := range s.existing[i].handles(retryFamily(family)) {
				if of == nil {
					continue
				}
				counter := s.retries[of.key]
				switch {
				case counter != nil:
					written[of.key] = true
					s.Count(counter.Sum(), of.key.route, of.key.reason)
				case of.expected:
					s.Count(0, of.key.route, of.key.reason)
				}
			}
		}
		for key, counter := range s.retries {
			if key.family == retryFamily(family) && !written[key] {
				s.Count(counter.Sum(), key.route, key.reason)
			}
		}
	}
}
