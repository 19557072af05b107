package replay

import (
	"maps"
	"slices"
	"strconv"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/sample"
)

// Blind are the predicates of configurations that look at a value which the sample does not
// keep; only whether it is there is known of it.
func Blind(all ...*config.Config) []string {
	found := map[string]bool{}
	for _, c := range all {
		for name, r := range c.Routes {
			at := config.JoinPath("routes", name)
			blindIn(found, at, &r.Predicates)
			for i := range r.Not {
				blindIn(found, at+".not["+strconv.Itoa(i)+"]", &r.Not[i])
			}
		}
		for name, m := range c.Middleware {
			at := config.JoinPath("middleware", name)
			blindInAll(found, at+".when", m.When)
			blindInAll(found, at+".unless", m.Unless)
		}
	}
	list := slices.Sorted(maps.Keys(found))
	return list[:min(len(list), explain.BlindMax)]
}

func blindInAll(found map[string]bool, at string, sections []config.Condition) {
	for i := range sections {
		c := &sections[i]
		section := at + "[" + strconv.Itoa(i) + "]"
		blindIn(found, section, &c.Predicates)
		for j := range c.Not {
			blindIn(found, section+".not["+strconv.Itoa(j)+"]", &c.Not[j])
		}
	}
}

func blindIn(found map[string]bool, at string, p *config.Predicates) {
	for name, m := range p.Headers {
		if sample.IsSensitive([]byte(name)) && looksAtValue(m) {
			found[config.JoinPath(at+".headers", name)] = true
		}
	}
	for name, m := range p.Query {
		if looksAtValue(m) {
			found[config.JoinPath(at+".query", name)] = true
		}
	}
}

func looksAtValue(m config.Match) bool { return m.Regex != "" || !m.Absent && m.Is != "*" }
