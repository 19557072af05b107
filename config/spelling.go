package config

import (
	"fmt"
	"strings"
)

// Spelling is the same text for predicates that ask the same, in whatever order and case
// they do.
func (p *Predicates) Spelling() string {
	return fmt.Sprintf("%q %q %q %q %q %q %+v %+v %q %q %q", sorted(lowered(p.Hosts)), sorted(p.HostsRegex), p.Path, p.PathPrefix, p.PathRegex,
		sorted(p.Methods), loweredKeys(p.Headers), p.Query, sorted(p.ClientIPs), sorted(lowered(p.SNI)), sorted(p.Protocol))
}

// SpellingOfNot is that of sections of not.
func SpellingOfNot(sections []Predicates) string {
	texts := make([]string, len(sections))
	for i := range sections {
		texts[i] = sections[i].Spelling()
	}
	return fmt.Sprintf("%q", sorted(texts))
}

func loweredKeys(m map[string]Match) map[string]Match {
	low := make(map[string]Match, len(m))
	for name, value := range m {
		low[strings.ToLower(name)] = value
	}
	return low
}
