package config

import (
	"reflect"
	"slices"
	"strings"
)

// inOrder checks that what a stage takes from others is there when it runs.
func (c *checker) inOrder(route string, links []Link) {
	r := c.cfg.Routes[route]
	claims, keys := false, false
	for _, link := range links {
		stage := c.cfg.Middleware[link.Name].Stage
		switch stage.(type) {
		case *StageJWT:
			claims = true
		case *StageAPIKey:
			keys = true
		}
		path := joinPath("middleware", link.Name)
		for _, use := range c.uses(path, stage) {
			if use.claim && !claims {
				c.reportf(use.path, "takes a claim, and no stage of type jwt runs before it on %s", joinPath("routes", route))
			}
			if use.key && !keys {
				c.reportf(use.path, "takes the name of a key, and no stage of type api_key runs before it on %s", joinPath("routes", route))
			}
		}
		if _, ok := stage.(*StageMirror); ok && r.Mirror != nil {
			c.reportf(joinPath("routes", route)+".mirror", "cannot stand beside the stage %q, which is a mirror too", link.Name)
		}
	}
	if !claims {
		c.ownClaims(route)
	}
}

// ownClaims reports claims in what a route says itself, where no stage has any.
func (c *checker) ownClaims(route string) {
	r, path := c.cfg.Routes[route], joinPath("routes", route)
	if r.Redirect == nil && r.Respond == nil {
		return
	}
	said := map[string]string{}
	if r.Redirect != nil {
		said[path+".redirect.to"] = r.Redirect.To
	}
	if r.Respond != nil {
		for name, value := range r.Respond.Headers {
			said[joinPath(path+".respond.headers", name)] = value
		}
	}
	for at, text := range said {
		if strings.Contains(text, "{claim.") && c.takesClaim(text) {
			c.reportf(at, "takes a claim, and no stage of type jwt runs before it on %s", path)
		}
	}
}

// use is a value that takes something from a stage before.
type use struct {
	path       string
	claim, key bool
}

// uses are the values of a stage that take a claim or the name of a key.
func (c *checker) uses(path string, stage any) []use {
	found, known := c.used[path]
	if stage == nil || known {
		return found
	}
	v := &visitor{schema: c.schema}
	v.visit = func(s step) bool {
		if s.v.Kind() != reflect.String {
			return true
		}
		u := use{path: s.path}
		switch text := s.v.String(); {
		case s.field.vars != "":
			u.claim = strings.Contains(text, "{claim.") && (s.field.groups || c.takesClaim(text))
		case s.field.key == "key" && s.field.typ.Kind() == reflect.Slice:
			u.claim, u.key = strings.HasPrefix(text, "claim:"), text == "api_key"
		}
		if u.claim || u.key {
			found = append(found, u)
		}
		return true
	}
	v.section(reflect.ValueOf(stage).Elem(), path, "")
	c.used[path] = found
	return found
}

// takesClaim reports whether a template names a claim.
func (c *checker) takesClaim(text string) bool {
	parts, err := c.vocabulary(varsAnswer).Parse(text)
	return err == nil && slices.ContainsFunc(parts, func(p Part) bool { return p.Variable == wordClaim })
}

// always reports that a stage runs for every request of the routes it is on.
func (c *checker) always(link Link) bool {
	for _, name := range append([]string{link.Name}, link.Chains...) {
		m := c.cfg.Middleware[name]
		if m.When != nil || m.Unless != nil {
			return false
		}
	}
	return true
}

// answersAll reports that a stage lets nothing pass where it runs.
func answersAll(stage any) bool {
	switch s := stage.(type) {
	case *StageDeny:
		return true
	case *StageRedirect:
		return s.Regex == "" && s.To != ""
	case *StageMaintenance:
		return s.Enabled && len(s.Allow) == 0
	case *StageFault:
		return s.Percent == 100 && (s.Abort != 0 || s.Reset)
	default:
		return false
	}
}

// reached warns of stages of a route that can never run, or have nothing left to do.
func (c *checker) reached(route string, links []Link) {
	var wall, compress string
	rewritten := false
	c.overridden(route, links)
	for _, link := range links {
		at := c.placeOf(route, link)
		stage := c.cfg.Middleware[link.Name].Stage
		if _, preflight := stage.(*StageCORS); wall != "" && !preflight {
			c.warnf(at, "%q can never run: %q answers every request before it", link.Name, wall)
			continue
		}
		always := c.always(link)
		if answersAll(stage) && always {
			wall = link.Name
		}
		switch s := stage.(type) {
		case *StageCompress:
			if compress != "" {
				c.warnf(at, "%q has nothing to do beside %q, which compresses the same answers", link.Name, compress)
			} else if always {
				compress = link.Name
			}
		case *StageRewrite:
			if !rewritten {
				c.prefixFits(at, route, link.Name, s)
			}
			rewritten = true
		}
		c.forwardedOnly(at, route, link.Name, stage)
	}
}

// overridden warns of stages of which the last one of a route counts, and is not the last.
func (c *checker) overridden(route string, links []Link) {
	last := map[string]string{}
	for _, link := range slices.Backward(links) {
		m := c.cfg.Middleware[link.Name]
		switch m.Stage.(type) {
		case *StageBufferLimit, *StageTimeout, *StageRequestID:
			if by := last[m.Type]; by != "" {
				c.warnf(c.placeOf(route, link), "%q has no effect: %q behind it says something else", link.Name, by)
			} else if c.always(link) {
				last[m.Type] = link.Name
			}
		}
	}
}

// placeOf is the path of the item by which a stage came into the list of a route.
func (c *checker) placeOf(route string, link Link) string {
	first := link.Name
	if len(link.Chains) > 0 {
		first = link.Chains[0]
	}
	if link.own {
		return indexPath(joinPath("routes", route)+".middleware", slices.Index(c.cfg.Routes[route].Middleware, first))
	}
	return indexPath("defaults.middleware", slices.Index(c.cfg.Defaults.Middleware, first))
}

// prefixFits warns of a prefix that no path of the route has.
func (c *checker) prefixFits(at, route, name string, s *StageRewrite) {
	r := c.cfg.Routes[route]
	strip := strings.TrimSuffix(s.StripPrefix, "/") + "/"
	path := r.Path + r.PathPrefix // one of the two
	if s.StripPrefix == "" || path == "" || strings.HasPrefix(path+"/", strip) {
		return
	}
	if r.PathPrefix != "" && strings.HasPrefix(strip, strings.TrimSuffix(r.PathPrefix, "/")+"/") {
		return // some of its paths have it
	}
	c.warnf(at, "%q can never strip its prefix from a path of this route, which begins with another one", name)
}

// forwardedOnly warns of stages that only change what is forwarded, on a route that forwards nothing.
func (c *checker) forwardedOnly(at, route, name string, stage any) {
	r := c.cfg.Routes[route]
	if r.Pool != "" || len(r.Split) > 0 || r.Redirect == nil && r.Respond == nil && r.Files == nil {
		return
	}
	if _, names := stage.(*StageRewrite); names && r.Files != nil {
		return // it changes the name of the file
	}
	switch stage.(type) {
	case *StageMirror, *StageAffinity, *StageBuffer, *StageRewrite, *StageTimeout:
		if !strings.HasPrefix(at, "defaults.") {
			c.warnf(at, "%q has no effect on a route without pool or split", name)
		}
	}
}
