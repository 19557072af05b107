package config

import (
	"slices"
	"strings"
)

// requested warns of what a route asks for and no request on its listeners has, so that it
// takes none.
func (c *checker) requested(path string, r *Route) {
	names := r.Listeners
	if len(names) == 0 {
		names = sortedNames(c.cfg.Listeners)
	}
	on := make([]Listener, 0, len(names))
	for _, name := range names {
		if l, known := c.cfg.Listeners[name]; known { // else that is said elsewhere
			on = append(on, l)
		}
	}
	if len(on) == 0 {
		return
	}
	if len(r.SNI) > 0 && !slices.ContainsFunc(on, func(l Listener) bool { return l.TLS != nil }) {
		c.warnf(path+".sni", "no request reaches the route: names are asked for in TLS, and %s", haveNone(names, "tls"))
	}
	if len(r.Protocol) > 0 && !slices.ContainsFunc(on, func(l Listener) bool { return slices.ContainsFunc(r.Protocol, l.speaks) }) {
		c.warnf(path+".protocol", "no request reaches the route: %s", haveNone(names, strings.Join(sorted(r.Protocol), ", ")))
	}
	if len(r.Methods) > 0 && !slices.ContainsFunc(r.Methods, func(method string) bool { return method != "TRACE" }) {
		c.warnf(path+".methods", "no request is forwarded: TRACE is answered 405")
	}
}

func haveNone(names []string, what string) string {
	if len(names) == 1 {
		return "its listener " + names[0] + " has no " + what
	}
	return "none of its listeners " + strings.Join(names, ", ") + " has " + what
}

// speaks reports that requests of a listener may come as a word of protocol says.
func (l Listener) speaks(word string) bool {
	two := l.TLS != nil && l.HTTP2 || l.TLS == nil && l.H2C
	switch word {
	case "http1", "websocket":
		return true
	case "h2":
		return two
	case "h3":
		return l.HTTP3
	}
	return two || l.HTTP3 // calls of gRPC
}
