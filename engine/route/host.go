package route

import "github.com/isame-lb/isame-lb/engine/match"

// hasUpper reports whether a byte of b is an ASCII capital.
func hasUpper(b []byte) bool {
	for _, c := range b {
		if c-'A' < 26 {
			return true
		}
	}

	return false
}

// anyHost is the pattern of a route without hosts.
func anyHost() match.HostPattern { return match.HostPattern{Kind: match.HostAny} }

// siteKey is where routes of a pattern stand: those with expressions all stand in
// one site, as path and further predicates decide between them.
func siteKey(h match.HostPattern) match.HostPattern {
	if h.Kind == match.HostExpression {
		h.Name = ""
	}

	return h
}
