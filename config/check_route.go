package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// methodBytesMax is the longest method the engine reads.
const methodBytesMax = 32

// route checks one route.
func (c *checker) route(path string, r *Route) {
	c.predicates(path, &r.Predicates)
	c.excluded(path, r.Not)
	c.action(path, r)
	for i, name := range r.Listeners {
		referTo(c, indexPath(path+".listeners", i), "listener", name, c.cfg.Listeners)
	}
	c.noDuplicates(path+".listeners", r.Listeners)
	c.reachable(path, r)
	c.requested(path, r)
	for i, name := range r.Middleware {
		referTo(c, indexPath(path+".middleware", i), "middleware", name, c.cfg.Middleware)
	}
	c.noDuplicates(path+".middleware", r.Middleware)
	if !r.Retry.Default { // what nobody has written is right
		c.retry(path+".retry", r)
	}
	if r.Mirror != nil {
		referTo(c, path+".mirror.pool", "pool", r.Mirror.Pool, c.cfg.Pools)
	}
	if r.Hedge != nil {
		c.hedge(path+".hedge", r)
	}
	if r.Pool == "" && len(r.Split) == 0 {
		c.forwardsNothing(path, r)
	}
}

// forwardsNothing refuses what has an effect only on requests that are forwarded.
func (c *checker) forwardsNothing(path string, r *Route) {
	if r.Mirror != nil {
		c.reportf(path+".mirror", "has no effect on a route without pool or split")
	}
	if r.Hedge != nil {
		c.reportf(path+".hedge", "has no effect on a route without pool or split")
	}
	if !r.Retry.Default {
		c.warnf(path+".retry", "has no effect on a route without pool or split")
	}
}

// paths checks path, path_prefix and path_regex, of which there may be one.
func (c *checker) paths(path string, values [3]string) {
	keys := [3]string{wordPath, "path_prefix", "path_regex"}
	first := ""
	for i, value := range values {
		if value == "" {
			continue
		}
		at := path + "." + keys[i]
		switch {
		case first != "":
			c.reportf(at, "cannot stand beside %s: only one of path, path_prefix and path_regex may be given", first)
		case i == len(keys)-1:
			c.regex(at, value)
			c.neverBegins(at, value, '/', "paths begin with /")
		default:
			c.requestPath(at, value)
			c.paintedPath(at, value)
		}
		first = cmp.Or(first, keys[i])
	}
}

// regex checks an RE2 expression; nil is one that does not compile. An empty one is none.
func (c *checker) regex(path, text string) *regexp.Regexp {
	expression, err := regexp.Compile(text)
	if err == nil && text != "" {
		return expression
	}
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		if raw, masked := c.raw[path]; masked {
			why = raw
		}
		c.reportf(path, "is not a regular expression: %s", why)
	}
	return nil
}

// methods checks a list of methods.
func (c *checker) methods(path string, methods []string) {
	for i, method := range methods {
		c.method(indexPath(path, i), method)
	}
	c.noDuplicates(path, methods)
}

func lowered(texts []string) []string {
	low := make([]string, len(texts))
	for i, text := range texts {
		low[i] = strings.ToLower(text)
	}
	return low
}

// routeHost checks an exact host, or a wildcard for its first labels.
func (c *checker) routeHost(path, host string) {
	name, wild := strings.CutPrefix(host, "*.")
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	switch {
	case wild && isHostName(name), !wild && isHost(name):
	case host == "*":
		c.reportf(path, "\"*\" matches nothing: leave hosts out to match every host")
	case strings.Contains(name, "*"):
		c.reportf(path, "%s has a * elsewhere than in front, as in \"*.example.org\"", c.quote(path, host))
	case strings.Contains(host, ":"):
		c.reportf(path, "%s must be a host name without scheme and port", c.quote(path, host))
	default:
		c.reportf(path, "%s is not a host name", c.quote(path, host))
	}
}

// method checks a method, which is case-sensitive (RFC 9110 section 9.1).
func (c *checker) method(path, method string) {
	if len(method) > methodBytesMax {
		c.reportf(path, "%s is longer than %d characters", c.quote(path, method), methodBytesMax)
		return
	}
	if !c.token(path, "method", method) {
		return
	}
	standard := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
	if upper := strings.ToUpper(method); upper != method && slices.Contains(standard, upper) {
		c.reportf(path, "%s is not a method%s", c.quote(path, method), didYouMean(quoted(upper)))
	}
}

// action checks that a route does exactly one thing.
func (c *checker) action(path string, r *Route) {
	var actions []string
	for _, a := range []struct {
		key   string
		given bool
	}{
		{"pool", r.Pool != "" || c.broken[path+".pool"]},
		{"split", c.given(path + ".split")},
		{"redirect", r.Redirect != nil},
		{"respond", r.Respond != nil},
		{"files", r.Files != nil},
	} {
		if a.given {
			actions = append(actions, a.key)
		}
	}
	if len(actions) == 0 {
		c.reportf(path, "does nothing: it needs one of pool, split, redirect, respond and files")
	}
	if len(actions) > 1 {
		c.reportf(path+"."+actions[1], "cannot stand beside %s: a route has one of pool, split, redirect, respond and files", actions[0])
	}
	if r.Pool != "" {
		referTo(c, path+".pool", "pool", r.Pool, c.cfg.Pools)
	}
	if c.given(path + ".split") {
		c.split(path+".split", r.Split)
	}
	c.splitOn(path, r)
	if r.Redirect != nil {
		c.redirect(path+".redirect", r.Redirect)
	}
	if r.Respond != nil {
		c.respond(path+".respond", r.Respond)
	}
	if r.Files != nil {
		c.served(path+".files", r.Files)
	}
}

func (c *checker) split(path string, split map[string]int) {
	total, broken := 0, false
	for _, name := range sortedNames(split) {
		referTo(c, joinPath(path, name), "pool", name, c.cfg.Pools)
		total += split[name]
		broken = broken || c.broken[joinPath(path, name)]
	}
	if total == 0 && !broken {
		c.reportf(path, "no pool has a weight above 0, so no request could be served")
	}
}

// redirect checks where a route leads. That may be //, another host by the client's scheme.
func (c *checker) redirect(path string, r *Redirect) {
	if at := path + ".to"; r.To != "" && c.plainText(at, r.To) {
		c.reference(at, r.To, c.template(at, r.To, c.vocabulary(varsRequest)))
	}
}

// retry checks when and how often attempts are repeated.
func (c *checker) retry(path string, r *Route) {
	causes := []string{"connect_failure", "reset", "timeout"}
	for i, cause := range r.Retry.On {
		at := indexPath(path+".on", i)
		code, isStatus := status(cause)
		if !slices.Contains(causes, cause) && (!isStatus || code < 500) {
			c.reportf(at, "%s is none of connect_failure, reset, timeout and a status from 500 to 599%s",
				c.quote(at, cause), DidYouMean(cause, causes))
		}
	}
	c.noDuplicates(path+".on", r.Retry.On)
	c.methods(path+".methods", r.Retry.Methods)
	// An inherited one may be longer than the timeout of a route that says only that.
	if r.Timeout > 0 && (path == defaultsRetry || c.where[path+".per_try_timeout"] != c.where[defaultsRetry+".per_try_timeout"]) {
		c.ordered(path+".per_try_timeout", r.Retry.PerTryTimeout, "the route's timeout", r.Timeout)
	}
	c.ordered(path+".backoff.initial", r.Retry.Backoff.Initial, "max", r.Retry.Backoff.Max)
}

func (c *checker) hedge(path string, r *Route) {
	if r.Hedge.After == "p95" {
		return
	}
	after, err := time.ParseDuration(r.Hedge.After)
	if err != nil || after <= 0 {
		c.reportf(path+".after", "%s is neither a duration such as 50ms nor p95", c.quote(path+".after", r.Hedge.After))
		return
	}
	if r.Timeout > 0 {
		c.ordered(path+".after", after, "the route's timeout", r.Timeout)
	}
}

// sameRoutes reports routes of which one can never be reached, because another
// one takes exactly the same requests.
func (c *checker) sameRoutes() {
	first := map[string]string{}
	alike := make(map[likeness]int, len(c.cfg.Routes))
	for _, r := range c.cfg.Routes {
		alike[likenessOf(&r)]++
	}
	if len(alike) == len(c.cfg.Routes) {
		return
	}
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		if alike[likenessOf(&r)] < 2 {
			continue
		}
		matcher := fmt.Sprintf("%d %q %s %s", r.Priority, sorted(r.Listeners), r.Spelling(), SpellingOfNot(r.Not))
		if was, twice := first[matcher]; twice {
			c.reportf(joinPath("routes", name), "takes the same requests as %s: change what it matches, or its priority", joinPath("routes", was))
			continue
		}
		first[matcher] = name
	}
}

// likeness is what is quickly compared of routes that take the same requests: two with
// different ones do not.
type likeness struct {
	priority            int
	path, prefix, regex string
	hosts               int
	host                string // the first one in the order of their spelling
}

func likenessOf(r *Route) likeness {
	l := likeness{priority: r.Priority, path: r.Path, prefix: r.PathPrefix, regex: r.PathRegex, hosts: len(r.Hosts)}
	for i, host := range r.Hosts {
		if low := strings.ToLower(host); i == 0 || low < l.host {
			l.host = low
		}
	}
	return l
}

func sorted(texts []string) []string {
	return slices.SortedFunc(slices.Values(texts), cmp.Compare[string])
}
