package config

import (
	"cmp"
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
	for _, name := range sortedNames(c.cfg.Listeners) {
		if l := c.cfg.Listeners[name]; l.TLS != nil || l.RedirectHTTPS != nil {
			continue
		}
		if route, secure := c.servedTwice(name); route != "" {
			c.warnf(joinPath("listeners", name), "serves routes.%s in clear text, which %s serves by TLS: redirect_https sends clients there, "+
				"and listeners of the route says where it is meant to be", route, joinPath("listeners", secure))
		}
	}
}

// servedTwice is a route that is forwarded on a listener in clear text and on one with TLS.
func (c *checker) servedTwice(bare string) (route, secure string) {
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		if r.Pool == "" && len(r.Split) == 0 || !r.isOn(bare) || c.redirected(bare, r.Hosts) {
			continue
		}
		for _, other := range sortedNames(c.cfg.Listeners) {
			if c.cfg.Listeners[other].TLS != nil && r.isOn(other) {
				return name, other
			}
		}
	}
	return "", ""
}

func (r *Route) isOn(listener string) bool {
	return len(r.Listeners) == 0 || slices.Contains(r.Listeners, listener)
}

// redirected reports that a route of a listener sends all requests for the hosts of
// another one to https.
func (c *checker) redirected(listener string, hosts []string) bool {
	for _, r := range c.cfg.Routes {
		all := r.Path == "" && r.PathRegex == "" && (r.PathPrefix == "" || r.PathPrefix == "/") && len(r.Methods) == 0
		if all && r.Redirect != nil && strings.HasPrefix(r.Redirect.To, "https://") && r.isOn(listener) && r.Priority > 0 &&
			(len(r.Hosts) == 0 || len(hosts) > 0 && containsAll(lowered(r.Hosts), lowered(hosts))) {
			return true
		}
	}
	return false
}

func containsAll(list, texts []string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return !slices.Contains(list, text) })
}

// shortTimeouts warns of pools that are given more time between two reads than their
// routes leave until the head of an answer.
func (c *checker) shortTimeouts() {
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		if c.given(joinPath("routes", name)+".timeout") || c.given("defaults.timeout") || r.Timeout == 0 {
			continue
		}
		for _, pool := range r.poolNames() {
			at := joinPath("pools", pool) + ".timeouts.read"
			if p, known := c.cfg.Pools[pool]; known && c.given(at) && p.Timeouts.Read > r.Timeout {
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
	for _, name := range sortedNames(c.cfg.Pools) {
		s := c.cfg.Pools[name].Sticky
		if s == nil || s.Cookie == "" {
			continue
		}
		if was, twice := first[s.Cookie]; twice && c.shareHost(was, name) {
			c.warnf(joinPath("pools", name)+".sticky.cookie",
				"is the cookie of %s as well: on a host that both serve each overwrites the other's, and no client stays", joinPath("pools", was))
		}
		first[s.Cookie] = cmp.Or(first[s.Cookie], name)
	}
}

// shareHost reports that both pools are forwarded to for one host.
func (c *checker) shareHost(a, b string) bool {
	ours, theirs := c.hostsOf(a), c.hostsOf(b)
	for host := range ours {
		if theirs[host] || theirs[""] {
			return true
		}
	}
	return ours[""] && len(theirs) > 0
}

// hostsOf are the hosts of the routes that forward to a pool; "" stands for every host.
func (c *checker) hostsOf(pool string) map[string]bool {
	hosts := map[string]bool{}
	for _, r := range c.cfg.Routes {
		if !slices.Contains(r.poolNames(), pool) {
			continue
		}
		for _, host := range lowered(slices.Concat(r.Hosts, r.HostsRegex)) {
			hosts[host] = true
		}
		if len(r.Hosts)+len(r.HostsRegex) == 0 {
			hosts[""] = true
		}
	}
	return hosts
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
			return true
		}
		text := s.v.String()
		if raw, masked := c.raw[s.path]; masked {
			text = raw
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
