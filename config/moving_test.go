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
		{"a redirect of nginx", one + "routes: {all: {redirect: {to: 'https://$host$request_uri'}}}\n", "$host is text here: {host} is the variable"},
		{"an environment variable as others write it", "listeners: {web: {address: ':0'}}\npools: {p: {backends: [{address: 'a:1', zone: '${ZONE}'}]}}\nroutes: {all: {pool: p}}\n", "zone: warning: ${ZONE} is text here: ${ENV:ZONE} is the environment variable"},
		{"an error file of HAProxy", stage("{type: error_pages, file: '" + message + "'}"), "file: warning: begins with a status line"},
		{"a page", stage("{type: error_pages, file: '" + page + "'}"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			warnsOnly(t, c.text, c.want)
		})
	}
}
