package sim

import (
	"fmt"
	"slices"
)

// Scenario is a kind of pool and what happens to it half-way. The zero value
// is a pool of equal backends where nothing happens.
type Scenario struct {
	// Name is for the command line, Title for people.
	Name  string
	Title string
	// mixed: half of the backends have speed 1, a quarter is twice and a quarter
	// half as fast. weighted says so to the balancer.
	mixed, weighted bool
	// slower is by what one backend's speed is divided from half-way on; 0: not.
	slower float64
	// failing is the share of that backend's answers that are errors from then on.
	failing float64
	// breaker: each proxy has one for each backend.
	breaker bool
	// hot is the rate of one key, in fair shares of a backend.
	hot float64
}

// Scenarios returns all of them, in the order of the documentation.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "even", Title: "all backends alike"},
		{Name: "mixed", Title: "a quarter twice as fast, a quarter half as fast, equal weights", mixed: true},
		{Name: "weighted", Title: "the same with weights 4, 2 and 1", mixed: true, weighted: true},
		{Name: "hot", Title: "one key has three times the fair share of a backend", hot: 3},
		{Name: "slow", Title: "one turns 100 times slower half-way", slower: 100},
		{Name: "failing", Title: "one fails half of its answers, fast, from half-way on", failing: 0.5},
		{Name: "breaker", Title: "the same with circuit breakers", failing: 0.5, breaker: true},
	}
}

// FindScenarios returns those with the names, all of them for no name.
func FindScenarios(names []string) ([]Scenario, error) {
	all := Scenarios()
	if len(names) == 0 {
		return all, nil
	}
	var out []Scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("cannot find the scenario %q", name)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// hasOdd says whether one backend goes wrong.
func (s *Scenario) hasOdd() bool { return s.slower > 0 || s.failing > 0 }

// speed and weight of backend i. Quarters are interleaved, so that neighbours
// differ.
func (s *Scenario) speed(i int) float64 {
	switch {
	case s.mixed && i%4 == 0:
		return 2
	case s.mixed && i%4 == 3:
		return 0.5
	}
	return 1
}

func (s *Scenario) weight(i int) uint32 {
	if !s.weighted {
		return 1
	}
	return uint32(s.speed(i) * 2)
}
