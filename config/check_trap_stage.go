package config

import (
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

var readsForwarded = regexp.MustCompile(`(?i)(?:^|[^{])\{header\.(x-forwarded-(?:for|proto|host|port)|x-real-ip|forwarded)[|}]`)

// droppedFields warns of variables that are always empty: what clients say in these fields is
// dropped where nobody is believed.
func (c *checker) droppedFields() {
	for _, l := range c.cfg.Listeners {
		if len(l.TrustedProxies) > 0 {
			return
		}
	}
	if c.setsForwarded() {
		return
	}
	v := &visitor{schema: c.schema}
	v.visit = func(s step) bool {
		if s.v.Kind() != reflect.String || s.field.vars == "" {
			return c.mayHoldWords(&s)
		}
		if m := readsForwarded.FindStringSubmatch(s.v.String()); m != nil {
			c.warnf(s.path, "{header.%s} is always empty: no listener has trusted_proxies, so that what clients say there is dropped", m[1])
		}
		return true
	}
	v.section(reflect.ValueOf(c.cfg).Elem(), "", "")
}

// setsForwarded reports that a stage writes such fields, for others to read.
func (c *checker) setsForwarded() bool {
	for _, m := range c.cfg.Middleware {
		if _, own := m.Stage.(*StageHandler); own {
			return true // it may
		}
		s, ok := m.Stage.(*StageHeaders)
		if !ok {
			continue
		}
		for _, fields := range []map[string]string{s.Request.Set, s.Request.Add, s.Request.Default} {
			for name := range fields {
				if readsForwarded.MatchString("{header." + name + "}") {
					return true
				}
			}
		}
		if len(s.Request.Forwarded) > 0 {
			return true
		}
	}
	return false
}

// silentHSTS warns of a stage that promises https to clients who are never believed to speak it.
func (c *checker) silentHSTS() {
	runs := map[string]bool{} // stages with hsts that a route runs: whether one is for https
	for _, route := range sortedNames(c.cfg.Routes) {
		for _, link := range c.cfg.Links(route) {
			s, ok := c.cfg.Middleware[link.Name].Stage.(*StageSecurityHeaders)
			if ok && s.HSTS != nil {
				r := c.cfg.Routes[route]
				runs[link.Name] = runs[link.Name] || c.believes(&r) || c.isSecure(&r)
			}
		}
	}
	for _, name := range sortedNames(runs) {
		if !runs[name] {
			c.warnf(joinPath("middleware", name)+".hsts", "is never sent: its routes are served in clear text, and trusted_proxies of no "+
				"listener says who may tell that a client speaks https")
		}
	}
}

// isSecure reports that a route is on a listener with TLS.
func (c *checker) isSecure(r *Route) bool {
	for name, l := range c.cfg.Listeners {
		if l.TLS != nil && r.isOn(name) {
			return true
		}
	}
	return false
}

// neverBegins warns of an expression that is anchored to a begin which what it is asked of
// never has: what says how that begins.
func (c *checker) neverBegins(path, regex string, begin rune, what string) {
	re, err := syntax.Parse(regex, syntax.Perl)
	if err != nil || regex == "" {
		return // said elsewhere
	}
	if first := anchored(re); len(first) > 0 && !slices.ContainsFunc(first, func(r rune) bool { return r == begin }) {
		c.warnf(path, "never matches: %s", what)
	}
}

// anchored are the characters, in lower case, with which a text has to begin that an expression
// matches; nil where others may stand there.
func anchored(re *syntax.Regexp) []rune {
	switch re.Op { //nolint:exhaustive // all others may begin anywhere
	case syntax.OpCapture:
		return anchored(re.Sub[0])
	case syntax.OpAlternate:
		return ofAll(re.Sub, anchored)
	case syntax.OpConcat:
		if re.Sub[0].Op == syntax.OpBeginText {
			return opening(&syntax.Regexp{Op: syntax.OpConcat, Sub: re.Sub[1:]})
		}
		return anchored(re.Sub[0])
	}
	return nil
}

// opening are the characters with which a match begins; nil where that may be any, or is empty.
func opening(re *syntax.Regexp) []rune {
	switch re.Op { //nolint:exhaustive // all others may be anything
	case syntax.OpLiteral:
		return []rune(strings.ToLower(string(re.Rune[:1])))
	case syntax.OpCapture, syntax.OpPlus:
		return opening(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return opening(re.Sub[0])
		}
	case syntax.OpAlternate:
		return ofAll(re.Sub, opening)
	case syntax.OpConcat:
		if len(re.Sub) > 0 {
			return opening(re.Sub[0])
		}
	}
	return nil
}

// ofAll are the characters of all alternatives; nil where one may begin with any.
func ofAll(subs []*syntax.Regexp, of func(*syntax.Regexp) []rune) (all []rune) {
	for _, sub := range subs {
		one := of(sub)
		if len(one) == 0 {
			return nil
		}
		all = append(all, one...)
	}
	return all
}

// paintedPath warns of a path that holds what is a pattern elsewhere.
func (c *checker) paintedPath(path, text string) {
	below, star := strings.CutSuffix(text, "/*")
	switch {
	case star && !strings.ContainsAny(below, "*{}"):
		c.warnf(path, "the asterisk is text here: the prefix %s is all that lies below it", c.quote(path, below+"/"))
	case strings.Contains(text, "*"):
		c.warnf(path, "the asterisk is text here: path_regex takes patterns")
	case strings.ContainsAny(text, "{}"):
		c.warnf(path, "braces are text here: path_regex takes patterns")
	}
}

// accelFields are fields by which a proxy tells an application that it sends files in its place.
func accelFields() []string { return []string{"x-sendfile-type", "x-accel-mapping"} }

// accelerated warns of fields that an application answers with nothing but the name of a file.
func (c *checker) accelerated(path string, fields map[string]string) {
	for _, name := range sortedNames(fields) {
		if fields[name] != "" && slices.Contains(accelFields(), strings.ToLower(name)) {
			c.warnf(joinPath(path, name), "has applications answer with X-Accel-Redirect or X-Sendfile, "+
				"which mean nothing here: downloads would be empty")
		}
	}
}

// messageFile warns of a page that is a whole message: HAProxy's error files hold a status line and fields.
func (c *checker) messageFile(path, file string) {
	if file != "" && isHTTPMessage(file) {
		c.warnf(path, "begins with a status line, as HAProxy's error files do: all of it would be the page, the fields too")
	}
}
