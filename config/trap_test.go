package config

import (
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	trapListener = "listeners: {web: {address: ':0'}}\n"
	trapTrusting = "listeners: {web: {address: ':0', trusted_proxies: [10.0.0.0/8]}}\n"
	trapPool     = "pools: {p: {backends: [{address: 'a:1'}]}}\n"
)

// trapStage is a route with one stage.
func trapStage(listener, keys string) string {
	return listener + trapPool + "routes: {all: {middleware: [s], pool: p}}\nmiddleware: {s: {" + keys + "}}\n"
}

// trap is a configuration that is valid, and what is said of it; empty is nothing.
type trap struct{ name, text, want string }

func warnOf(t *testing.T, traps []trap) {
	t.Helper()
	for _, tc := range traps {
		t.Run(tc.name, func(t *testing.T) { warnsOnly(t, tc.text, tc.want) })
	}
}

// TestRefusalsWithoutHosts lose to routes with a host, which nobody expects of what is meant for all.
func TestRefusalsWithoutHosts(t *testing.T) {
	routes := func(text string) string { return trapListener + trapPool + "routes: {" + text + "}\n" }
	const lost = "routes.git: warning: is not asked for the hosts of routes.site, which comes first as it has some, and forwards these requests: a deny stage"
	const site = ", site: {hosts: [shop.test], pool: p}"
	git := func(keys string) string { return "git: {" + keys + ", respond: {status: 403}}" }
	warnOf(t, []trap{
		{"a prefix", routes(git("path_prefix: /.git") + site), lost},
		{"a path", routes(git("path: /.env") + site), lost},
		{"an expression", routes(git(`path_regex: '/\.git'`) + site), lost},
		{"not found", routes("git: {path_prefix: /.git, respond: {status: 404}}" + site), lost},
		{"with a field as well", routes(git("path_prefix: /.git, headers: {X-A: b}") + site), lost},
		{"below a prefix of the host", routes(git("path_prefix: /a/.git") + ", site: {hosts: [shop.test], path_prefix: /a, pool: p}"), lost},
		{"all hosts of a domain", routes(git("path_prefix: /.git") + ", site: {hosts: ['*.test'], pool: p}"), lost},
		{"a split", routes(git("path_prefix: /.git") + ", site: {hosts: [shop.test], split: {p: 1}}"), lost},
		{"of the same priority", routes(git("path_prefix: /.git, priority: 1") + ", site: {hosts: [shop.test], priority: 1, pool: p}"), lost},
		{"refused for another host", routes(git("path_prefix: /.git") + site + ", own: {hosts: [b.test], path_prefix: /.git, respond: {status: 403}}"), lost},
		{"refused for less", routes(git("path_prefix: /.git") + site + ", own: {hosts: [shop.test], path_prefix: /.git/x, respond: {status: 403}}"), lost},
		{"first", routes(git("path_prefix: /.git, priority: 1") + site), ""},
		{"refused for the host, too", routes(git("path_prefix: /.git") + site + ", own: {hosts: [Shop.test], path_prefix: /.git, respond: {status: 404}}"), ""},
		{"refused for the host by the same expression", routes(git(`path_regex: '/\.git'`) + site + `, own: {hosts: [shop.test], path_regex: '/\.git', priority: 1, respond: {status: 404}}`), ""},
		{"by a stage of the host", routes(git("path_prefix: /.git")+", site: {hosts: [shop.test], middleware: [d], pool: p}") + "middleware: {d: {type: deny, when: {path_prefix: /.git}}}\n", ""},
		{"what other hosts get", routes("rest: {respond: {status: 404}}" + site), ""},
		{"what other hosts get below /", routes("rest: {path_prefix: /, respond: {status: 404}}" + site), ""},
		{"an answer", routes("git: {path: /health, respond: {status: 200}}" + site), ""},
		{"the host has other paths", routes(git("path_prefix: /.git") + ", site: {hosts: [shop.test], path_prefix: /shop, pool: p}"), ""},
		{"the host has other methods", routes(git("path_prefix: /.git") + ", site: {hosts: [shop.test], methods: [POST], pool: p}"), ""},
		{"the host leaves it out", routes(git("path_prefix: /.git") + ", site: {hosts: [shop.test], not: {path_prefix: /.git}, pool: p}"), ""},
		{"the host answers itself", routes(git("path_prefix: /.git") + ", site: {hosts: [shop.test], respond: {status: 200}}"), ""},
		{
			"on another listener", "listeners: {web: {address: ':0'}, other: {address: '127.0.0.1:0'}}\n" + trapPool +
				"routes: {" + git("path_prefix: /.git, listeners: [other]") + ", site: {hosts: [shop.test], listeners: [web], pool: p}}\n", "",
		},
	})
}

// TestManyRefusalsAreLookedForInTime has more pairs of routes than anybody would wait for.
func TestManyRefusalsAreLookedForInTime(t *testing.T) {
	h := &hosted{refusers: map[string][]*Route{}, steps: refusalStepsMax}
	for range 2000 {
		h.add("f", &Route{Predicates: Predicates{Hosts: []string{"a.test"}}, Pool: "p"})
		h.add("r", &Route{Predicates: Predicates{Hosts: []string{"a.test"}, Path: "/x"}, Respond: &Respond{Status: 403}})
	}
	c := &checker{cfg: &Config{}}
	r := &Route{Predicates: Predicates{Path: "/y"}, Respond: &Respond{Status: 403}}
	h.refusers[hostsKey(h.routes[0])] = append(h.refusers[hostsKey(h.routes[0])], r) // the last one refuses it
	if i := c.losesTo(h, r); i >= 0 || h.steps >= 0 {
		t.Errorf("got route %d with %d steps left; want none, and no steps", i, h.steps)
	}
}

// TestFieldsOfProxiesInFront has what is asked, or said, by fields that nobody is believed in.
func TestFieldsOfProxiesInFront(t *testing.T) {
	const toHTTPS = trapPool + "routes: {s: {headers: {x-forwarded-proto: http}, redirect: {to: 'https://{host}{uri}'}}, a: {pool: p}}\n"
	set := func(listener, value string) string {
		return trapStage(listener, "type: headers, request: {set: {X-A: '"+value+"'}}")
	}
	warnOf(t, []trap{
		{"a scheme that is asked for", trapListener + toHTTPS, "routes.s.headers.x-forwarded-proto: warning: is what any client may say, and backends are told another scheme"},
		{"of those who are believed", trapTrusting + toHTTPS, ""},
		{"another field", trapListener + trapPool + "routes: {s: {headers: {X-Env: http}, redirect: {to: 'https://{host}{uri}'}}, a: {pool: p}}\n", ""},
		{"a field that is dropped", set(trapListener, "{header.X-Forwarded-For}"), "request.set.X-A: warning: {header.X-Forwarded-For} is always empty: no listener has trusted_proxies"},
		{"in other letters", set(trapListener, "a {header.x-real-ip|escape}"), "{header.x-real-ip} is always empty"},
		{"of a redirect", trapListener + "routes: {r: {redirect: {to: '/{header.X-Forwarded-Host}'}}}\n", "routes.r.redirect.to: warning: {header.X-Forwarded-Host} is always empty"},
		{"of those who are believed, as a value", set(trapTrusting, "{header.X-Forwarded-For}"), ""},
		{"a field of clients", set(trapListener, "{header.X-Forwarded-User}"), ""},
		{"braces in two", set(trapListener, "{{header.X-Forwarded-For}"), ""},
		{
			"what a stage has set", trapListener + trapPool + "routes: {all: {middleware: [a, b], pool: p}}\nmiddleware: {" +
				"a: {type: headers, request: {set: {x-forwarded-port: '1'}}}, b: {type: headers, request: {set: {X-A: '{header.X-Forwarded-Port}'}}}}\n", "",
		},
		{"what it adds itself", trapStage(trapListener, "type: headers, request: {forwarded: [port], set: {X-A: '{header.X-Forwarded-Port}'}}"), ""},
	})
}

// TestHSTSThatIsNeverSent has listeners in clear text, one that is told of https, and one with TLS.
func TestHSTSThatIsNeverSent(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a")
	secure := "listeners: {web: {address: ':0', redirect_https: {}}, tls: {address: ':1', tls: {certificates: [{cert_file: '" + filepath.Join(dir, "a.pem") +
		"', key_file: '" + filepath.Join(dir, "a.key") + "'}]}}}\n"
	const never = "middleware.s.hsts: warning: is never sent: its routes are served in clear text"
	warnOf(t, []trap{
		{"in clear text", trapStage(trapListener, "type: security_headers, hsts: {}"), never},
		{"other fields", trapStage(trapListener, "type: security_headers, frame: DENY"), ""},
		{"behind somebody who is believed", trapStage(trapTrusting, "type: security_headers, hsts: {}"), ""},
		{"by TLS", trapStage(secure, "type: security_headers, hsts: {}"), ""},
		{
			"on the other listener", strings.Replace(secure, ", redirect_https: {}", "", 1) + trapPool +
				"routes: {all: {listeners: [web], middleware: [s], pool: p}, rest: {listeners: [tls], pool: p}}\nmiddleware: {s: {type: security_headers, hsts: {}}}\n", never,
		},
	})
}

// TestPatternsThatAreText has paths as Caddy and Traefik write them.
func TestPatternsThatAreText(t *testing.T) {
	route := func(keys string) string { return trapListener + trapPool + "routes: {a: {" + keys + ", pool: p}}\n" }
	warnOf(t, []trap{
		{"all below", route("path_prefix: '/api/*'"), `routes.a.path_prefix: warning: the asterisk is text here: the prefix "/api/" is all that lies below it`},
		{"all", route("path: '/*'"), `routes.a.path: warning: the asterisk is text here: the prefix "/" is all`},
		{"inside", route("path: '/a*/b'"), "routes.a.path: warning: the asterisk is text here: path_regex takes patterns"},
		{"two", route("path_prefix: '/*/a/*'"), "path_regex takes patterns"},
		{"a name", route("path_prefix: '/users/{id}'"), "routes.a.path_prefix: warning: braces are text here: path_regex takes patterns"},
		{"a condition", trapStage(trapListener, "type: deny, when: {path_prefix: '/a/*'}"), "middleware.s.when[0].path_prefix: warning: the asterisk is text here"},
		{"what is not meant", route("not: {path: '/a/*'}"), "routes.a.not[0].path: warning: the asterisk is text here"},
		{"what is taken off", trapStage(trapListener, "type: rewrite, strip_prefix: '/api/*'"), "middleware.s.strip_prefix: warning: the asterisk is text here"},
		{"an exception", "listeners: {web: {address: ':0', redirect_https: {except: {path_prefixes: ['/a/*']}}}}\n" + trapPool + "routes: {a: {pool: p}}\n", "except.path_prefixes[0]: warning: the asterisk is text here"},
		{"an expression", route("path_regex: '^/api/(.*){2}'"), ""},
		{"a prefix", route("path_prefix: /api/"), ""},
	})
}

// TestExpressionsThatNeverMatch are asked of something else than they were written for.
func TestExpressionsThatNeverMatch(t *testing.T) {
	redirect := func(regex string) string {
		return trapStage(trapListener, "type: redirect, regex: '"+regex+"', to: /new")
	}
	rewrite := func(regex string) string {
		return trapStage(trapListener, "type: rewrite, regex: '"+regex+"', with: /new")
	}
	route := func(regex string) string {
		return trapListener + trapPool + "routes: {a: {path_regex: '" + regex + "', pool: p}}\n"
	}
	const ofURL = "middleware.s.regex: warning: never matches: it is asked of the whole URL, which begins with http:// or https://"
	const ofPath = "middleware.s.regex: warning: never matches: it is asked of the path, which begins with /"
	warnOf(t, []trap{
		{"a redirect of paths", redirect("^/old/(.*)$"), ofURL},
		{"of several", redirect("^(/a|/b)/"), ofURL},
		{"of hosts", redirect(`^(?:www\.)+a`), ofURL},
		{"a redirect of URLs", redirect("^https?://a/old"), ""},
		{"in other letters", redirect("(?i)^HTTP://a/old"), ""},
		{"of some of both", redirect("^(/a|https://b)"), ""},
		{"anywhere", redirect("/old/"), ""},
		{"of lines", redirect("(?m)^/old/"), ""},
		{"of everything", redirect("^(.*)$"), ""},
		{"a rewrite without the slash", rewrite("^old/(.*)"), ofPath},
		{"of URLs", rewrite("^http://[^/]*/(.*)"), ofPath},
		{"a rewrite", rewrite("^/old/(.*)"), ""},
		{"with or without", rewrite("^/?old"), ""},
		{"a class", rewrite("^[/a]old"), ""},
		{"a route", route("^api/"), "routes.a.path_regex: warning: never matches: paths begin with /"},
		{"a route of paths", route("^/(api|v1)"), ""},
	})
}

// FuzzAnchored: what an expression matches begins as is said of it.
func FuzzAnchored(f *testing.F) {
	for _, regex := range []string{"^/a", "^(/a|b)", "(^x)", "^(?i:Straße)", "^a+b", "^a{2,}", "^(?:ab|ac)*d", "^^/a", "^a|^b", "", "^(|a)b", `\Aa`, "^a?b"} {
		f.Add(regex, "/a")
		f.Add(regex, "abc")
	}
	f.Fuzz(func(t *testing.T, regex, text string) {
		parsed, err := syntax.Parse(regex, syntax.Perl)
		if err != nil {
			return
		}
		first := anchored(parsed)
		compiled, err := regexp.Compile(regex)
		if err != nil || len(first) == 0 || !compiled.MatchString(text) {
			return
		}
		r, n := utf8.DecodeRuneInString(text)
		if n == 0 || !slices.ContainsFunc(first, func(of rune) bool { return strings.EqualFold(string(of), string(r)) }) {
			t.Fatalf("%q matches %q; want one of %q at its begin", regex, text, string(first))
		}
	})
}

// TestPagesThatAreMessages has an error file of HAProxy wherever a page may stand.
func TestPagesThatAreMessages(t *testing.T) {
	dir := t.TempDir()
	page, message := filepath.Join(dir, "page.html"), filepath.Join(dir, "503.http")
	for file, text := range map[string]string{page: "<p>sorry", message: "HTTP/1.0 503 Service Unavailable\r\n\r\nsorry"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	respond := func(file string) string {
		return trapListener + "routes: {a: {respond: {status: 503, file: '" + file + "'}}}\n"
	}
	const begins = "file: warning: begins with a status line, as HAProxy's error files do"
	warnOf(t, []trap{
		{"respond", respond(message), "routes.a.respond." + begins},
		{"deny", trapStage(trapListener, "type: deny, when: {path: /a}, file: '"+message+"'"), "middleware.s." + begins},
		{"maintenance", trapStage(trapListener, "type: maintenance, allow: [10.0.0.1], file: '"+message+"'"), "middleware.s." + begins},
		{"a page", respond(page), ""},
	})
}

// TestFieldsThatEmptyDownloads tell applications of what only nginx does.
func TestFieldsThatEmptyDownloads(t *testing.T) {
	warnOf(t, []trap{
		{"the type", trapStage(trapListener, "type: headers, request: {set: {X-Sendfile-Type: X-Accel-Redirect}}"), "request.set.X-Sendfile-Type: warning: has applications answer with X-Accel-Redirect or X-Sendfile"},
		{"the folders", trapStage(trapListener, "type: headers, request: {add: {x-accel-mapping: /srv=/files}}"), "request.add.x-accel-mapping: warning: has applications"},
		{"nothing", trapStage(trapListener, "type: headers, request: {set: {X-Sendfile-Type: ''}}"), ""},
		{"of an answer", trapStage(trapListener, "type: headers, response: {set: {X-Sendfile-Type: a}}"), ""},
	})
}

// TestPortsOfAnotherProtocol has members that other proxies speak to by a scheme of their own.
func TestPortsOfAnotherProtocol(t *testing.T) {
	pool := func(keys string) string {
		return trapListener + "routes: {a: {pool: p}}\npools: {p: {" + keys + "}}\n"
	}
	warnOf(t, []trap{
		{"https as a backup", pool("backends: [{address: 'a.test:80'}, {address: 'b.test:443', backup: true}]"), "pools.p.backends[1].address: warning: 443 is the port of https, and the pool speaks clear text"},
		{"https", pool("backends: [{address: 'b.test:443'}], tls: {enabled: true}"), ""},
		{"http beside https", pool("backends: [{address: 'b.test:443'}, {address: 'a.test:80'}], tls: {enabled: true}"), "pools.p.backends[1].address: warning: 80 is the port of clear text, and the pool speaks TLS"},
		{"another port", pool("backends: [{address: 'b.test:8443'}, {address: 'unix:/run/a.sock'}]"), ""},
	})
}

// TestHostsThatTheAdminEndpointRefuses has routes to it.
func TestHostsThatTheAdminEndpointRefuses(t *testing.T) {
	admin := func(more, pool, route string) string {
		return trapListener + more + "pools: {p: {" + pool + "}}\nroutes: {a: {" + route + ", pool: p}}\n"
	}
	const at, refused = "backends: [{address: '127.0.0.1:9901'}]", "routes.a.hosts[0]: warning: is refused by the admin endpoint, to which pools.p leads: it has to stand in admin.allowed_hosts"
	warnOf(t, []trap{
		{"a name", admin("", at, "hosts: [lb.test]"), refused},
		{"by another name of the machine", admin("", "backends: [{address: 'localhost:9901'}]", "hosts: [lb.test]"), refused},
		{"one of two", admin("admin: {allowed_hosts: [lb.test]}\n", at, "hosts: [b.test, lb.test]"), refused},
		{"a name that is allowed", admin("admin: {allowed_hosts: [LB.test]}\n", at, "hosts: [lb.test.]"), ""},
		{"its own", admin("", at, "hosts: [localhost, 127.0.0.1, '[::1]']"), ""},
		{"any below a domain", admin("", at, "hosts: ['*.lb.test']"), ""},
		{"no host", admin("", at, "path: /a"), ""},
		{"the backend's", admin("", at+", host: backend", "hosts: [lb.test]"), ""},
		{"one that a stage sets", admin("middleware: {h: {type: rewrite, host: localhost}}\n", at, "hosts: [lb.test], middleware: [h]"), ""},
		{"one that headers set", admin("middleware: {h: {type: headers, request: {set: {host: localhost}}}}\n", at, "hosts: [lb.test], middleware: [h]"), ""},
		{"another port", admin("", "backends: [{address: '127.0.0.1:9902'}]", "hosts: [lb.test]"), ""},
		{"another machine", admin("", "backends: [{address: '10.0.0.1:9901'}]", "hosts: [lb.test]"), ""},
		{"no endpoint", admin("admin: {address: ''}\n", at, "hosts: [lb.test]"), ""},
		{"by a socket", admin("admin: {address: 'unix:/run/a.sock'}\n", "backends: [{address: 'unix:/run/a.sock'}]", "hosts: [lb.test]"), ""},
	})
}

// TestHashesFromLabels have each dollar twice.
func TestHashesFromLabels(t *testing.T) {
	_, err := Load(Options{Data: []byte(trapStage(trapListener, "type: basic_auth, users: ['a:$$2y$$05$$3/RHqkpZ0fdTlbrWnXexu']")), File: "isame.yaml"})
	if err == nil || !strings.Contains(err.Error(), "middleware.s.users[0]: the password's hash is one with its dollars doubled, as labels of containers need them") {
		t.Errorf("got %v", err)
	}
}
