package route

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

// covers reports that p holds for every request for which q holds, as far as their texts
// show it: false where that cannot be told.
func covers(p, q *config.Predicates) bool {
	return coversHosts(p, q) && coversPath(p, q) && coversMethods(p.Methods, q.Methods) &&
		coversValues(loweredNames(p.Headers), loweredNames(q.Headers)) && coversValues(p.Query, q.Query) &&
		coversClients(p.ClientIPs, q.ClientIPs) && coversNames(p.SNI, q.SNI) && coversWords(p.Protocol, q.Protocol)
}

// excludesNothingOf reports that whatever sections of not exclude is excluded by others, too.
func excludesNothingOf(sections, others []config.Predicates) bool {
	for i := range sections {
		if !match.IsBlank(&sections[i]) && !excludes(others, &sections[i]) {
			return false
		}
	}

	return true
}

// excludes reports that one of the sections of a not excludes all that p asks for.
func excludes(sections []config.Predicates, p *config.Predicates) bool {
	return slices.ContainsFunc(sections, func(s config.Predicates) bool { return !match.IsBlank(&s) && covers(&s, p) })
}

// dead says why a route can take no request: a section of its not excludes all that it asks
// for.
func dead(r *config.Route) string {
	if excludes(r.Not, &r.Predicates) {
		return "its not excludes all that it takes"
	}

	return ""
}

func coversHosts(p, q *config.Predicates) bool {
	if len(p.Hosts)+len(p.HostsRegex) == 0 {
		return true
	}

	if len(q.Hosts)+len(q.HostsRegex) == 0 {
		return slices.Contains(p.Hosts, "*")
	}

	for _, text := range q.HostsRegex {
		if !slices.Contains(p.HostsRegex, text) && !slices.Contains(p.Hosts, "*") {
			return false
		}
	}

	return len(q.Hosts) == 0 || len(p.Hosts) > 0 && coversNames(p.Hosts, q.Hosts)
}

// coversNames is coversHosts for lists of names, of which none takes all.
func coversNames(p, q []string) bool {
	if len(p) == 0 {
		return true
	}

	var wide []match.HostPattern

	for _, text := range p {
		if h, err := match.ParseHost(text); err == nil {
			wide = append(wide, h)
		}
	}

	for _, text := range q {
		h, err := match.ParseHost(text)
		if err != nil || !slices.ContainsFunc(widened(h), func(w match.HostPattern) bool { return slices.Contains(wide, w) }) {
			return false
		}
	}

	return len(q) > 0
}

func coversPath(p, q *config.Predicates) bool {
	switch {
	case p.Path != "":
		return samePath(p.Path, q.Path)
	case p.PathPrefix != "":
		return isUnder(q.Path, p.PathPrefix) || isUnder(q.PathPrefix, p.PathPrefix)
	case p.PathRegex != "":
		return p.PathRegex == q.PathRegex
	}

	return true
}

func samePath(p, q string) bool {
	a, errA := match.Path(p)
	b, errB := match.Path(q)

	return errA == nil && errB == nil && a == b
}

// isUnder reports that a path, or a prefix, is a prefix or below it.
func isUnder(path, prefix string) bool {
	path, errA := match.Path(path)
	prefix, errB := match.Path(prefix)

	if errA != nil || errB != nil || !strings.HasPrefix(path, prefix) {
		return false
	}

	return len(path) == len(prefix) || strings.HasSuffix(prefix, "/") || path[len(prefix)] == '/'
}

func coversMethods(p, q []string) bool {
	if len(p) == 0 {
		return true
	}

	for _, method := range q {
		if !slices.Contains(p, method) && (method != "HEAD" || !slices.Contains(p, "GET")) {
			return false
		}
	}

	return len(q) > 0
}

func coversValues(p, q map[string]config.Match) bool {
	for name, asked := range p {
		other, there := q[name]
		if !there || asked != other && (asked.Is != "*" || other.Absent) {
			return false
		}
	}

	return true
}

func loweredNames(m map[string]config.Match) map[string]config.Match {
	low := make(map[string]config.Match, len(m))
	for name, value := range m {
		low[strings.ToLower(name)] = value
	}

	return low
}

func coversClients(p, q []string) bool {
	if len(p) == 0 {
		return true
	}

	wide := networks(p)
	for _, inner := range networks(q) {
		if !slices.ContainsFunc(wide, func(w netip.Prefix) bool { return w.Bits() <= inner.Bits() && w.Contains(inner.Addr()) }) {
			return false
		}
	}

	return len(q) > 0
}

// networks are those of a list that package config has checked.
func networks(list []string) []netip.Prefix {
	all := make([]netip.Prefix, 0, len(list))

	for _, text := range list {
		if n, err := netip.ParsePrefix(text); err == nil {
			all = append(all, n.Masked())
		} else if ip, err := netip.ParseAddr(text); err == nil {
			all = append(all, netip.PrefixFrom(ip, ip.BitLen()))
		}
	}

	return all
}

func coversWords(p, q []string) bool {
	if len(p) == 0 {
		return true
	}

	for _, word := range q {
		if !slices.Contains(p, word) {
			return false
		}
	}

	return len(q) > 0
}

// widened are the patterns that take all hosts of h, itself first.
func widened(h match.HostPattern) []match.HostPattern {
	all := []match.HostPattern{h}

	if h.Kind == match.HostExact || h.Kind == match.HostBelow {
		for rest, found := h.Name, true; found; {
			if _, rest, found = strings.Cut(rest, "."); found && rest != "" {
				all = append(all, match.HostPattern{Name: rest, Kind: match.HostBelow})
			}
		}
	}

	if h.Kind == match.HostExact || h.Kind == match.HostBeginning {
		for at := strings.LastIndexByte(h.Name, '.'); at > 0; at = strings.LastIndexByte(h.Name[:at], '.') {
			all = append(all, match.HostPattern{Name: h.Name[:at], Kind: match.HostBeginning})
		}
	}

	if h.Kind != match.HostAny {
		all = append(all, anyHost())
	}

	return all
}
