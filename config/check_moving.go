package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// moving warns of what is valid here and means something else than where it was written
// first: in a configuration of nginx, HAProxy, Traefik or Caddy.
func (c *checker) moving() {
	c.clearText()
	c.shortTimeouts()
	c.sharedCookies()
	c.foreignWords()
	c.traps()
}

// clearText warns of listeners that serve in clear text what others serve by TLS: without
// listeners of its own a route answers on all of them.
func (c *checker) clearText() {
	var secure []string
	for _, name := range sortedNames(c.cfg.Listeners) {
		if c.cfg.Listeners[name].TLS != nil {
			secure = append(secure, name)
		}
	}
	if len(secure) == 0 {
		return
	}
	routes := sortedNames(c.cfg.Routes)
	for _, name := range sortedNames(c.cfg.Listeners) {
		if l := c.cfg.Listeners[name]; l.TLS != nil || l.RedirectHTTPS != nil {
			continue
		}
		if route, other := c.servedTwice(routes, name, secure); route != "" {
			c.warnf(joinPath("listeners", name), "serves routes.%s in clear text, which %s serves by TLS: redirect_https sends clients there, "+
				"and listeners of the route says where it is meant to be", route, joinPath("listeners", other))
		}
	}
}

// servedTwice is a route that is forwarded on a listener in clear text and on one with TLS.
func (c *checker) servedTwice(routes []string, bare string, secure []string) (route, other string) {
	redirected := c.redirected(bare)
	for _, name := range routes {
		r := c.cfg.Routes[name]
		if r.Pool == "" && len(r.Split) == 0 || !r.isOn(bare) || redirected.all(r.hostKeys()) {
			continue
		}
		if i := slices.IndexFunc(secure, r.isOn); i >= 0 {
			return name, secure[i]
		}
	}
	return "", ""
}

func (r *Route) isOn(listener string) bool {
	return len(r.Listeners) == 0 || slices.Contains(r.Listeners, listener)
}

// hostSet are what hostKeys makes of the hosts of routes.
type hostSet map[string]bool

// expressionMark begins a regular expression among hosts.
const expressionMark = "~"

// hostKeys are the hosts of a route in lower case, "*.example.org" as it stands and expressions
// with a mark; "" stands for every host.
func (p *Predicates) hostKeys() []string {
	keys := lowered(p.Hosts)
	for _, expression := range p.HostsRegex {
		keys = append(keys, expressionMark+expression)
	}
	if len(keys) == 0 {
		return []string{""}
	}
	return keys
}

func (h hostSet) add(keys []string) {
	for _, key := range keys {
		h[key] = true
	}
}

// all reports that every host of the keys is in the set. Of an expression nothing is known but
// what it is.
func (h hostSet) all(keys []string) bool {
	return h[""] || !slices.ContainsFunc(keys, func(key string) bool { return !h[key] && !h.isBelow(key) })
}

// isBelow reports that the set has a wildcard for all of a host.
func (h hostSet) isBelow(host string) bool {
	if strings.HasPrefix(host, expressionMark) {
		return false
	}
	rest := strings.TrimPrefix(host, "*.")
	for {
		_, above, below := strings.Cut(rest, ".")
		if !below {
			return false
		}
		if h["*."+above] {
			return true
		}
		rest = above
	}
}

// redirected are the hosts all of whose requests a route of the listener sends to https.
func (c *checker) redirected(listener string) hostSet {
	hosts := hostSet{}
	for _, r := range c.cfg.Routes {
		whole := r.isWhole() && !r.isNarrow() && r.isOn(listener) && r.Priority > 0
		if whole && r.Redirect != nil && strings.HasPrefix(r.Redirect.To, "https://") {
			hosts.add(r.hostKeys())
		}
	}
	return hosts
}

// shortTimeouts warns of pools that are given more time between two reads than their
// routes leave until the head of an answer.
func (c *checker) shortTimeouts() {
	long := map[string]string{} // pools that are given a time of their own: where it stands
	for name := range c.cfg.Pools {
		if at := joinPath("pools", name) + ".timeouts.read"; c.given(at) {
			long[name] = at
		}
	}
	if len(long) == 0 || c.given("defaults.timeout") {
		return
	}
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		if r.Timeout == 0 || c.given(joinPath("routes", name)+".timeout") {
			continue
		}
		for _, pool := range r.poolNames() {
			if at := long[pool]; at != "" && c.cfg.Pools[pool].Timeouts.Read > r.Timeout {
				c.warnf(at, "does not help answers that take longer than %s to begin: that is the timeout of routes.%s, which says none of its own",
					r.Timeout.Round(time.Millisecond), name)
			}
		}
	}
}

// poolNames are the pools that a route forwards to, sorted.
func (r *Route) poolNames() []string {
	names := sortedNames(r.Split)
	if r.Pool != "" {
		names = append(names, r.Pool)
	}
	return names
}

// sharedCookies warns of pools whose sticky cookies overwrite each other.
func (c *checker) sharedCookies() {
	first := map[string]string{}
	var hosts map[string]hostSet // of pools, once somebody asks
	for _, name := range sortedNames(c.cfg.Pools) {
		s := c.cfg.Pools[name].Sticky
		if s == nil || s.Cookie == "" {
			continue
		}
		was, twice := first[s.Cookie]
		if !twice {
			first[s.Cookie] = name
			continue
		}
		if hosts == nil {
			hosts = c.hostsOfPools()
		}
		if hosts[was].meets(hosts[name]) {
			c.warnf(joinPath("pools", name)+".sticky.cookie",
				"is the cookie of %s as well: on a host that both serve each overwrites the other's, and no client stays", joinPath("pools", was))
		}
	}
}

// hostsOfPools are the hosts of the routes that forward to each pool.
func (c *checker) hostsOfPools() map[string]hostSet {
	all := map[string]hostSet{}
	for _, r := range c.cfg.Routes {
		for _, pool := range r.poolNames() {
			if all[pool] == nil {
				all[pool] = hostSet{}
			}
			all[pool].add(r.hostKeys())
		}
	}
	return all
}

// meets reports that a host is in both.
func (h hostSet) meets(other hostSet) bool {
	for host := range h {
		if other[host] || other[""] {
			return true
		}
	}
	return h[""] && len(other) > 0
}

// varPath is the variable.
const varPath = "{path}"

// foreign are words of other proxies for what variables are here, or what is done without one.
var foreign = map[string]string{
	"remote_addr": "{client_ip}", "host": "{host}", "http_host": "{host}", "request_uri": "{uri}", "uri": varPath, "document_uri": varPath,
	"args": "{query}", "query_string": "{query}", "scheme": "{scheme}", "request_method": "{method}", "server_port": "{port}",
	"server_protocol": "{protocol}", "request_id": "{request_id}", "status": "{status}", "ssl_server_name": "{tls.sni}",
	"ssl_client_s_dn": "{tls.subject}", "server_name": "{host}", "binary_remote_addr": "{client_ip}", "upstream_addr": "{backend}",
	"proxy_add_x_forwarded_for": "the proxy writes X-Forwarded-For itself", "proxy_host": "pools.*.host names the backend",
	"connection_upgrade": "the proxy writes Connection and Upgrade itself", "is_args": "{uri} has the question mark",
}

var (
	dollar  = regexp.MustCompile(`\$([a-z][a-z_]+)`)
	percent = regexp.MustCompile(`%\[[a-z_.]+`)
	// Environment variables as Traefik, Caddy and Go templates write them; Caddy's may have a default.
	ofTraefik = regexp.MustCompile(`(?:^|[^$])(\$\{([A-Z][A-Z0-9_]*)\})`)
	ofCaddy   = regexp.MustCompile(`(\{(?:\$|env\.)([A-Za-z_][A-Za-z0-9_]*)(?::[^{}]*)?\})`)
	ofGo      = regexp.MustCompile(`(\{\{-?\s*env\s+["\x60]([A-Za-z_][A-Za-z0-9_]*)["\x60][^{}]*\}\})`)
)

// foreignWords warns of variables of other proxies, which are text here.
func (c *checker) foreignWords() {
	v := &visitor{schema: c.schema}
	v.visit = func(s step) bool {
		if s.v.Kind() != reflect.String || s.field.key == wordBody {
			return c.mayHoldWords(&s)
		}
		text := s.v.String()
		if raw, masked := c.raw[s.path]; masked {
			text = raw
		}
		if !strings.ContainsAny(text, "$%{") {
			return true
		}
		for _, written := range []*regexp.Regexp{ofTraefik, ofCaddy, ofGo} {
			m := written.FindStringSubmatch(text)
			if m != nil && !s.field.groups && (written != ofCaddy || s.field.vars == "") { // there it is a group, or braces in two
				c.warnf(s.path, "%s is text here: ${ENV:%s} is the environment variable", m[1], m[2])
			}
		}
		if s.field.vars == "" {
			return true
		}
		if m := percent.FindString(text); m != "" {
			c.warnf(s.path, "%s] is text here: variables stand in braces, as {client_ip} does", m)
		}
		for _, m := range dollar.FindAllStringSubmatch(text, -1) {
			if ours, known := ofNginx(m[1]); known && !s.field.groups {
				if strings.HasPrefix(ours, "{") && !strings.Contains(ours, " ") {
					ours += " is the variable"
				}
				c.warnf(s.path, "$%s is text here: %s", m[1], ours)
				break
			}
		}
		return true
	}
	v.section(reflect.ValueOf(c.cfg).Elem(), "", "")
}

// mayHoldWords reports that a text below a section may have one of these words in it. Of
// thousands of routes few do.
func (c *checker) mayHoldWords(s *step) bool {
	top, rest, _ := strings.Cut(s.pattern, ".")
	switch {
	case rest != "" && rest != "*":
		return true
	case c.worded["defaults"] && (top == "routes" || top == "pools"):
		return true
	}
	return c.worded[s.path]
}

// ofNginx is our variable for one of nginx.
func ofNginx(name string) (ours string, known bool) {
	for prefix, kind := range map[string]string{"http_": "header", "arg_": "query", "cookie_": "cookie", "sent_http_": "response.header"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && foreign[name] == "" {
			if kind != "query" && kind != "cookie" {
				rest = strings.ReplaceAll(rest, "_", "-")
			}
			return "{" + kind + "." + rest + "}", true
		}
	}
	ours, known = foreign[name]
	return ours, known
}

// isHTTPMessage reports that a page begins as a message of HTTP does: HAProxy's error files
// hold a status line and fields.
func isHTTPMessage(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false // said elsewhere
	}
	defer func() { _ = f.Close() }()
	begin := make([]byte, len("HTTP/1."))
	n, _ := f.Read(begin)
	return string(begin[:n]) == "HTTP/1."
}
