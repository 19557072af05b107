package config

import (
	"slices"
	"strings"
)

// redirectExcept checks what redirect_https leaves to the routes.
func (c *checker) redirectExcept(path string, e *RedirectExcept) {
	for i, host := range e.Hosts {
		c.routeHost(indexPath(path+".hosts", i), host)
	}
	c.noDuplicates(path+".hosts", lowered(e.Hosts))
	for i, prefix := range e.PathPrefixes {
		at := indexPath(path+".path_prefixes", i)
		c.requestPath(at, prefix)
		c.paintedPath(at, prefix)
		if prefix == "/" {
			c.reportf(at, "excepts every request: leave redirect_https out")
		}
	}
	c.noDuplicates(path+".path_prefixes", e.PathPrefixes)
}

// reachable refuses a route whose every request is answered with a redirect to https, on
// all of its listeners.
func (c *checker) reachable(path string, r *Route) {
	names, excepting := r.Listeners, false
	if len(names) == 0 {
		names = sortedNames(c.cfg.Listeners)
	}
	for _, name := range names {
		l, known := c.cfg.Listeners[name]
		if !known || l.RedirectHTTPS == nil || l.TLS != nil || l.RedirectHTTPS.Except.meets(r) {
			return
		}
		excepting = excepting || !l.RedirectHTTPS.Except.isEmpty()
	}
	switch {
	case excepting:
		c.reportf(path, "is never asked: redirect_https answers all of its requests on %s, and except names none of them",
			strings.Join(names, ", "))
	case len(names) > 0:
		c.reportf(path, "is never asked: redirect_https answers every request of %s", strings.Join(names, ", "))
	}
}

func (e *RedirectExcept) isEmpty() bool { return len(e.Hosts)+len(e.PathPrefixes) == 0 }

// meets reports that a request may be excepted and of the route. What it cannot tell, of
// regular expressions for instance, it takes for yes.
func (e *RedirectExcept) meets(r *Route) bool {
	meetsHost := func(host string) bool {
		return len(r.HostsRegex) > 0 || len(r.Hosts) == 0 || slices.ContainsFunc(r.Hosts, func(of string) bool { return hostsMeet(host, of) })
	}
	return slices.ContainsFunc(e.Hosts, meetsHost) || slices.ContainsFunc(e.PathPrefixes, r.meetsPrefix)
}

// meetsPrefix reports that the route may take a path below a prefix.
func (r *Route) meetsPrefix(prefix string) bool {
	switch {
	case r.Path != "":
		return isUnder(r.Path, prefix)
	case r.PathPrefix != "":
		return isUnder(r.PathPrefix, prefix) || isUnder(prefix, r.PathPrefix)
	}
	return true
}

// isUnder reports that a path is a prefix, or below it: whole segments.
func isUnder(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || strings.HasSuffix(prefix, "/") || rest[0] == '/')
}

// hostsMeet reports that a host may be one of both patterns.
func hostsMeet(a, b string) bool {
	a, b = strings.TrimSuffix(strings.ToLower(a), "."), strings.TrimSuffix(strings.ToLower(b), ".")
	if !strings.HasPrefix(b, "*") {
		a, b = b, a
	}
	below, wild := strings.CutPrefix(b, "*")
	switch {
	case strings.Contains(strings.TrimPrefix(a, "*")+below, "*"):
		return true // a star elsewhere than in front
	case !wild:
		return a == b
	}
	return strings.HasSuffix(a, below) || strings.HasPrefix(a, "*") && strings.HasSuffix(below, a[1:])
}
