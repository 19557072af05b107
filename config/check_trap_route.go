package config

import (
	"slices"
	"strings"
)

// traps warns of further things that mean something else elsewhere: see moving. What a careful
// file may hold on purpose is not among them.
func (c *checker) traps() {
	c.lostRefusals()
	c.unbelievedSchemes()
	c.droppedFields()
	c.silentHSTS()
	c.strangePorts()
	c.hiddenAdmin()
}

// Bounds of the search for refusals that lose: routes that refuse, and steps in all.
const (
	refusalsMax     = 100
	refusalStepsMax = 1_000_000
)

// hosted are routes with hosts, by name, those that refuse also by their hosts.
type hosted struct {
	names    []string
	routes   []*Route
	refusers map[string][]*Route
	steps    int // that are left
}

func (h *hosted) add(name string, r *Route) {
	h.names, h.routes = append(h.names, name), append(h.routes, r)
	if r.refuses() && !r.isNarrow() {
		key := hostsKey(r)
		h.refusers[key] = append(h.refusers[key], r)
	}
}

// hostsKey is the same for routes of the same hosts.
func hostsKey(r *Route) string { return strings.Join(sorted(lowered(r.Hosts)), " ") }

// lostRefusals warns of routes without hosts that refuse a path which routes with a host, that
// come first, forward: what other proxies ask of every request.
func (c *checker) lostRefusals() {
	h := &hosted{refusers: map[string][]*Route{}, steps: refusalStepsMax}
	var refusals []string
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		switch {
		case len(r.Hosts) > 0:
			h.add(name, &r)
		case len(r.HostsRegex) == 0 && r.refuses() && !r.isWhole() && len(refusals) < refusalsMax:
			refusals = append(refusals, name)
		}
	}
	for _, name := range refusals {
		r := c.cfg.Routes[name]
		if i := c.losesTo(h, &r); i >= 0 {
			c.warnf(joinPath("routes", name), "is not asked for the hosts of routes.%s, which comes first as it has some, and forwards these "+
				"requests: a deny stage in defaults.middleware is for every route, and a higher priority puts this one first", h.names[i])
		}
	}
}

// losesTo is the first route with hosts that forwards what r is meant to refuse; -1 without.
func (c *checker) losesTo(h *hosted, r *Route) int {
	for i, other := range h.routes {
		h.steps--
		if h.steps < 0 {
			return -1
		}
		if other.takesFrom(r) && !h.refusedBefore(other, r) && !c.denies(h.names[i]) {
			return i
		}
	}
	return -1
}

// refuses reports a route that answers with an error of its own.
func (r *Route) refuses() bool { return r.Respond != nil && r.Respond.Status >= 400 }

// forwards reports a route whose requests are for somebody, or for a folder.
func (r *Route) forwards() bool { return r.Pool != "" || len(r.Split) > 0 || r.Files != nil }

// isWhole reports that a route takes every path of its hosts.
func (p *Predicates) isWhole() bool {
	return p.Path == "" && p.PathRegex == "" && (p.PathPrefix == "" || p.PathPrefix == "/")
}

// isNarrow reports predicates beside hosts and paths.
func (p *Predicates) isNarrow() bool {
	return len(p.Methods)+len(p.Headers)+len(p.Query)+len(p.ClientIPs)+len(p.SNI)+len(p.Protocol) > 0
}

// takesFrom reports that a route with hosts forwards all that r, which has none, is meant for.
func (r *Route) takesFrom(of *Route) bool {
	return r.forwards() && r.Priority >= of.Priority && !r.isNarrow() && len(r.Not) == 0 && r.covers(of) && meetOn(r, of)
}

// denies reports that a route runs a stage that may refuse what others are meant to.
func (c *checker) denies(route string) bool {
	return slices.ContainsFunc(c.cfg.Links(route), func(l Link) bool {
		_, denies := c.cfg.Middleware[l.Name].Stage.(*StageDeny)
		return denies
	})
}

// covers reports that a route takes every path that r takes; what it cannot tell is no.
func (p *Predicates) covers(r *Route) bool {
	switch {
	case p.isWhole():
		return true
	case p.PathPrefix == "":
		return p.Path != "" && p.Path == r.Path
	}
	path := r.Path + r.PathPrefix // one of the two
	return path != "" && isUnder(path, p.PathPrefix)
}

// meetOn reports that both routes are on a listener.
func meetOn(a, b *Route) bool {
	return len(a.Listeners) == 0 || slices.ContainsFunc(a.Listeners, b.isOn)
}

// refusedBefore reports that a route of the same hosts as one that forwards refuses what r is
// meant to refuse, and comes first.
func (h *hosted) refusedBefore(forwarding, r *Route) bool {
	for _, other := range h.refusers[hostsKey(forwarding)] {
		h.steps--
		if other.Priority >= forwarding.Priority && (other.covers(r) || r.PathRegex != "" && other.PathRegex == r.PathRegex) {
			return true
		}
	}
	return false
}

// believes reports that a listener of a route believes what peers say of clients.
func (c *checker) believes(r *Route) bool {
	for name, l := range c.cfg.Listeners {
		if r.isOn(name) && len(l.TrustedProxies) > 0 {
			return true
		}
	}
	return false
}

// forwardedProto is the field by which a proxy in front says what its client speaks.
const forwardedProto = "x-forwarded-proto"

// unbelievedSchemes warns of routes that ask for X-Forwarded-Proto where nobody is believed:
// every client may say so, and backends are told the scheme of the connection.
func (c *checker) unbelievedSchemes() {
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		for _, field := range sortedNames(r.Headers) { // few have any
			if strings.EqualFold(field, forwardedProto) && !c.believes(&r) {
				c.warnf(joinPath(joinPath("routes", name)+".headers", field), "is what any client may say, and backends are told another scheme: "+
					"no listener of the route has trusted_proxies")
			}
		}
	}
}
