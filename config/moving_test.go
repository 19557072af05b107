package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWhatMovesAndMeansSomethingElse has configurations that are valid, and what is said of
// them to people who wrote them for another proxy.
func TestWhatMovesAndMeansSomethingElse(t *testing.T) {
	dir := t.TempDir()
	page, message := filepath.Join(dir, "page.html"), filepath.Join(dir, "503.http")
	writePair(t, dir, "a")
	cert, key := filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key")
	for file, text := range map[string]string{page: "<p>sorry", message: "HTTP/1.0 503 Service Unavailable\r\n\r\nsorry"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const one = "listeners: {web: {address: ':0'}}\npools: {p: {backends: [{address: 'a:1'}]}}\n"
	two := "pools: {p: {backends: [{address: 'a:1'}]}}\nlisteners:\n  tls: {address: ':1', tls: {certificates: [{cert_file: '" + cert + "', key_file: '" + key + "'}]}}\n"
	stage := func(text string) string {
		return one + "routes: {all: {middleware: [s], pool: p}}\nmiddleware: {s: " + text + "}\n"
	}
	sticky := func(a, b, routes string) string {
		return "listeners: {web: {address: ':0'}}\npools: {a: {backends: [{address: 'a:1'}], sticky: {" + a + "}}, b: {backends: [{address: 'b:1'}], sticky: {" + b + "}}}\nroutes: {" + routes + "}\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"one of two listeners in clear text", two + "  web: {address: ':0'}\nroutes: {all: {pool: p}}\n", "listeners.web: warning: serves routes.all in clear text, which listeners.tls serves"},
		{"which redirects", two + "  web: {address: ':0', redirect_https: {}}\nroutes: {all: {pool: p}}\n", ""},
		{"each its own", two + "  web: {address: ':0'}\nroutes: {a: {pool: p, listeners: [web]}, b: {pool: p, listeners: [tls]}}\n", ""},
		{"a redirect that comes first", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, listeners: [web], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [h]}}\n", ""},
		{"a redirect that loses to a host", two + "  web: {address: ':0'}\nroutes: {r: {listeners: [web], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [h]}}\n", "listeners.web: warning: serves routes.a"},
		{"a redirect of one host by an expression", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, hosts_regex: ['^other'], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [h]}}\n", "listeners.web: warning: serves routes.a"},
		{"a redirect of one host by an expression, and all", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, hosts_regex: ['^other'], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p}}\n", "listeners.web: warning: serves routes.a"},
		{"a redirect by the same expression", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, hosts_regex: ['^Other'], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts_regex: ['^Other']}}\n", ""},
		{"a redirect of all, before an expression", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts_regex: ['^other']}}\n", ""},
		{"a redirect of the host, beside an expression", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, hosts: [h], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [h], hosts_regex: ['^other']}}\n", "listeners.web: warning: serves routes.a"},
		{"a redirect of the domain", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, hosts: ['*.h.test'], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [A.b.h.test, '*.c.h.test']}}\n", ""},
		{"a redirect of what is below", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, hosts: ['*.h.test'], redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [h.test]}}\n", "listeners.web: warning: serves routes.a"},
		{"a redirect of some requests", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, query: {a: b}, redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [h]}}\n", "listeners.web: warning: serves routes.a"},
		{"a redirect of all but a challenge", two + "  web: {address: ':0'}\nroutes: {r: {priority: 9, not: {path_prefix: /.well-known/acme-challenge}, redirect: {to: 'https://{host}{uri}'}}, a: {pool: p, hosts: [h]}}\n", ""},
		{"only clear text", one + "routes: {all: {pool: p}}\n", ""},
		{"more time to read than the route has", "listeners: {web: {address: ':0'}}\npools: {p: {backends: [{address: 'a:1'}], timeouts: {read: 900s}}}\nroutes: {all: {pool: p}}\n", "pools.p.timeouts.read: warning: does not help answers that take longer than 30s to begin"},
		{"and a route that says its own", "listeners: {web: {address: ':0'}}\npools: {p: {backends: [{address: 'a:1'}], timeouts: {read: 900s}}}\nroutes: {all: {pool: p, timeout: 30s}}\n", ""},
		{"one cookie of two pools", sticky("cookie: lb", "cookie: lb", "x: {pool: a, path_prefix: /a}, y: {pool: b, path_prefix: /b}"), "pools.b.sticky.cookie: warning: is the cookie of pools.a as well"},
		{"on two hosts", sticky("cookie: lb", "cookie: lb", "x: {pool: a, hosts: [a.test]}, y: {pool: b, hosts: [b.test]}"), ""},
		{"on a host and all", sticky("cookie: lb", "cookie: lb", "x: {pool: a, hosts: [a.test]}, y: {pool: b}"), "pools.b.sticky.cookie: warning"},
		{"names of their own", sticky("", "", "x: {pool: a, path_prefix: /a}, y: {pool: b, path_prefix: /b}"), ""},
		{"a variable of nginx", stage("{type: headers, request: {set: {X-A: \"$remote_addr\"}}}"), "X-A: warning: $remote_addr is text here: {client_ip} is the variable"},
		{"a field of nginx", stage("{type: headers, request: {set: {X-A: \"$http_x_real_ip\"}}}"), "{header.x-real-ip}"},
		{"a price", stage("{type: headers, request: {set: {X-A: \"$price 5\"}}}"), ""},
		{"a group", stage("{type: rewrite, regex: '^/(?P<host>.*)$', with: '/$host'}"), ""},
		{"a sample of HAProxy", stage("{type: headers, request: {set: {X-A: '%[src]'}}}"), "%[src] is text here"},
		{"a group in capitals", stage("{type: rewrite, regex: '^/(?P<NAME>.*)$', with: '/${NAME}'}"), ""},
		{"X-Forwarded-For of nginx", stage("{type: headers, request: {set: {X-A: $proxy_add_x_forwarded_for}}}"), "X-A: warning: $proxy_add_x_forwarded_for is text here: the proxy writes X-Forwarded-For itself"},
		{"a question mark of nginx", stage("{type: headers, request: {set: {X-A: '$is_args'}}}"), "$is_args is text here: {uri} has the question mark"},
		{"a redirect of nginx", one + "routes: {all: {redirect: {to: 'https://$host$request_uri'}}}\n", "$host is text here: {host} is the variable"},
		{"an environment variable as others write it", "listeners: {web: {address: ':0'}}\npools: {p: {backends: [{address: 'a:1', zone: '${ZONE}'}]}}\nroutes: {all: {pool: p}}\n", "zone: warning: ${ZONE} is text here: ${ENV:ZONE} is the environment variable"},
		{"an environment variable of Caddy", "listeners: {web: {address: ':0'}}\npools: {p: {backends: [{address: 'a:1', zone: '{$ZONE:a}'}]}}\nroutes: {all: {pool: p}}\n", "zone: warning: {$ZONE:a} is text here: ${ENV:ZONE} is the environment variable"},
		{"one at run time", "listeners: {web: {address: ':0'}}\npools: {p: {backends: [{address: 'a:1', zone: '{env.ZONE}'}]}}\nroutes: {all: {pool: p}}\n", "zone: warning: {env.ZONE} is text here"},
		{"one of a Go template", stage("{type: headers, request: {set: {X-A: '{{ env \"ZONE\" }}'}}}"), "X-A: warning: {{ env \"ZONE\" }} is text here: ${ENV:ZONE} is the environment variable"},
		{"braces in two", stage("{type: headers, request: {set: {X-A: '{{env.ZONE}', X-B: '{{$ZONE}'}}}"), ""},
		{"an error file of HAProxy", stage("{type: error_pages, file: '" + message + "'}"), "file: warning: begins with a status line"},
		{"a page", stage("{type: error_pages, file: '" + page + "'}"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			warnsOnly(t, c.text, c.want)
		})
	}
}
