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
		if r.Pool == "" && len(r.Split) == 0 || !r.isOn(bare) || redirected.all(r.Hosts) {
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

// hostSet are hosts in lower case; "" stands for every host.
type hostSet map[string]bool

func (h hostSet) add(hosts []string) {
	for _, host := range lowered(hosts) {
		h[host] = true
	}
	if len(hosts) == 0 {
		h[""] = true
	}
}

// all reports that all of the hosts are in the set; none stands for every host.
func (h hostSet) all(hosts []string) bool {
	if h[""] || len(h) == 0 {
		return h[""]
	}
	return len(hosts) > 0 && !slices.ContainsFunc(lowered(hosts), func(host string) bool { return !h[host] })
}

// redirected are the hosts all of whose requests a route of the listener sends to https.
func (c *checker) redirected(listener string) hostSet {
	hosts := hostSet{}
	for _, r := range c.cfg.Routes {
		whole := r.Path == "" && r.PathRegex == "" && (r.PathPrefix == "" || r.PathPrefix == "/") && len(r.Methods) == 0
		if whole && r.Redirect != nil && strings.HasPrefix(r.Redirect.To, "https://") && r.isOn(listener) && r.Priority > 0 {
			hosts.add(r.Hosts)
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
			all[pool].add(slices.Concat(r.Hosts, r.HostsRegex))
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

// foreign are words of other proxies for what variables are here.
var foreign = map[string]string{
	"remote_addr": "{client_ip}", "host": "{host}", "http_host": "{host}", "request_uri": "{uri}", "uri": varPath, "document_uri": varPath,
	"args": "{query}", "query_string": "{query}", "scheme": "{scheme}", "request_method": "{method}", "server_port": "{port}",
	"server_protocol": "{protocol}", "request_id": "{request_id}", "status": "{status}", "ssl_server_name": "{tls.sni}",
	"ssl_client_s_dn": "{tls.subject}",
}

var (
	dollar  = regexp.MustCompile(`\$([a-z][a-z_]+)`)
	percent = regexp.MustCompile(`%\[[a-z_.]+`)
	shouted = regexp.MustCompile(`(?:^|[^$])\$\{([A-Z][A-Z0-9_]*)\}`)
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
		if !strings.ContainsAny(text, "$%") {
			return true
		}
		if m := shouted.FindStringSubmatch(text); m != nil {
			c.warnf(s.path, "${%s} is text here: ${ENV:%s} is the environment variable", m[1], m[1])
		}
		if s.field.vars == "" && s.pattern != "routes.*.redirect.to" {
			return true
		}
		if m := percent.FindString(text); m != "" {
			c.warnf(s.path, "%s] is text here: variables stand in braces, as {client_ip} does", m)
		}
		for _, m := range dollar.FindAllStringSubmatch(text, -1) {
			if ours, known := ofNginx(m[1]); known && !s.field.groups {
				c.warnf(s.path, "$%s is text here: %s is the variable", m[1], ours)
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
