package config

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker finds what is wrong with a decoded configuration as a whole: names
// that do not exist, combinations that make no sense, syntax inside of text.
type checker struct {
	*decoder
	cfg   *Config
	files []string // certificates and keys it looked at
	// used is what stages take from others, by the path of the stage.
	used map[string][]use
	// warnf notes what is valid and yet hardly meant.
	warnf func(path, format string, args ...any)
}

// defaults checks what routes inherit, once and where it stands.
func (c *checker) defaults() {
	if retry := c.cfg.Defaults.Retry; retry != nil {
		c.retry(defaultsRetry, &Route{Retry: *retry, Timeout: c.cfg.Defaults.Timeout})
	}
}

// check runs every check.
func (c *checker) check() {
	if len(c.cfg.Listeners) == 0 {
		c.reportf("listeners", "there is no listener, so nothing would be served")
	}
	for _, name := range sortedNames(c.cfg.Listeners) {
		l := c.cfg.Listeners[name]
		c.listener(joinPath("listeners", name), &l)
	}
	c.sameAddresses()
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		c.route(joinPath("routes", name), &r)
	}
	c.sameRoutes()
	for _, name := range sortedNames(c.cfg.Pools) {
		p := c.cfg.Pools[name]
		c.pool(joinPath("pools", name), &p)
	}
	c.stages()
	c.moving()
	c.checkLocal()
	c.metrics(&c.cfg.Metrics)
	c.push(&c.cfg.Metrics.OTLP)
	t := &c.cfg.Tracing
	c.collector("tracing", t.Enabled, t.Endpoint, t.Protocol)
}

// checkLocal runs the checks of what belongs to one instance.
func (c *checker) checkLocal() {
	c.admin(&c.cfg.Admin)
	c.state(&c.cfg.Admin, &c.cfg.State)
	c.source()
	c.access(&c.cfg.Log.Access)
}

func sortedNames[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// reportf notes a problem at the position of path, or of the nearest section
// around it that is present. Paths with a problem are not reported again.
func (c *checker) reportf(path, format string, args ...any) {
	if c.broken[path] {
		return
	}
	c.broken[path] = true
	c.problems.addf(c.position(path), path, format, args...)
}

// position is where a path, or what is around it, stands.
func (c *checker) position(path string) Origin { return nearestOrigin(c.where, path) }

// nearestOrigin is where a path, or the nearest section around it that is
// present, stands.
func nearestOrigin(where map[string]Origin, path string) Origin {
	for ; path != ""; path = parentPath(path) {
		if at, ok := where[path]; ok {
			return at
		}
	}
	return where[""]
}

// quote renders a value in a message; one with references stays as it is written.
func (c *checker) quote(path, value string) string {
	if raw, ok := c.raw[path]; ok {
		return strconv.Quote(raw)
	}
	return strconv.Quote(value)
}

// referTo checks that a name exists among those of a section.
func referTo[V any](c *checker, path, what, name string, known map[string]V) {
	if _, ok := known[name]; ok {
		return
	}
	meant := ""
	if !c.problems.full() {
		meant = nearest(name, slices.Sorted(maps.Keys(known)))
	}
	c.reportf(path, "there is no %s %s%s", what, c.quote(path, name), didYouMean(quoted(meant)))
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return strconv.Quote(text)
}

// noDuplicates reports items that stand twice in a list.
func (c *checker) noDuplicates(path string, items []string) {
	if len(items) < 2 {
		return
	}
	first := make(map[string]int, len(items))
	for i, item := range items {
		if was, twice := first[item]; twice {
			c.reportf(indexPath(path, i), "%s is given twice, first as item %d", c.quote(indexPath(path, i), item), was)
			continue
		}
		first[item] = i
	}
}

// plainText reports control characters.
func (c *checker) plainText(path, text string) bool {
	if keyIsPlain(text) {
		return true
	}
	c.reportf(path, "must not contain control characters")
	return false
}

// requestPath checks the path of a request.
func (c *checker) requestPath(path, text string) {
	switch {
	case !c.plainText(path, text):
	case !strings.HasPrefix(text, "/"):
		c.reportf(path, "%s must begin with /", c.quote(path, text))
	case strings.ContainsAny(text, " #?"):
		c.reportf(path, "%s must not contain a space, ? or #", c.quote(path, text))
	case slices.ContainsFunc(strings.Split(text, "/"), func(s string) bool { return s == "." || s == ".." }):
		c.reportf(path, "%s has the segment . or .., which are resolved before anything is matched", c.quote(path, text))
	}
}

// token reports what is not a token of RFC 9110 section 5.6.2, such as the
// name of a field, a cookie or a method.
func (c *checker) token(path, what, text string) bool {
	if isToken(text) {
		return true
	}
	c.reportf(path, "%s is not the name of a %s", c.quote(path, text), what)
	return false
}

func isToken(text string) bool {
	for i := range len(text) {
		if !isAlphanumeric(text[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", text[i]) < 0 {
			return false
		}
	}
	return text != ""
}

// status reads a status code.
func status(text string) (int, bool) {
	if len(text) != 3 {
		return 0, false
	}
	code, err := strconv.Atoi(text)
	return code, err == nil && code >= 100 && code <= 599
}

// network checks an address or a network in CIDR notation.
func (c *checker) network(path, text string) {
	if _, err := netip.ParsePrefix(text); err == nil {
		return
	}
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return
	}
	c.reportf(path, "%s is neither an address nor a network such as 10.0.0.0/8 or fd00::/8", c.quote(path, text))
}

// ordered reports a key whose duration must not be longer than that of another.
func (c *checker) ordered(path string, d time.Duration, other string, limit time.Duration) {
	if d > limit {
		c.reportf(path, "%s is longer than %s, which is %s", FormatDuration(d), other, FormatDuration(limit))
	}
}
