package engine

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// corsLines are the fields of an answer that are about other origins, sorted, with Vary.
func corsLines(r reply) string {
	var lines []string
	for name, values := range r.Header {
		short, about := strings.CutPrefix(name, "Access-Control-")
		if about || name == "Vary" {
			lines = append(lines, short+": "+strings.Join(values, " + "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// TestCORS: allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials and
// max_age, in answers and in those to preflights.
func TestCORS(t *testing.T) {
	const from, preflight = "Origin: https://a.example\r\n", "OPTIONS|Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: X-A, x-b\r\n"
	for _, tc := range []struct{ name, keys, asked, want string }{
		{"allowed", "allow_origins: [https://a.example]", "GET|" + from, "200 Allow-Origin: https://a.example; Vary: Accept, Origin"},
		{"not allowed", "allow_origins: [https://b.example]", "GET|" + from, "200 Vary: Accept, Origin"},
		{"no origin", "allow_origins: [https://a.example]", "GET|", "200 Vary: Accept, Origin"},
		{"another scheme", "allow_origins: [http://a.example]", "GET|" + from, "200 Vary: Accept, Origin"},
		{"another port", `allow_origins: ["https://a.example:444"]`, "GET|" + from, "200 Vary: Accept, Origin"},
		{"all", `allow_origins: ["*"]`, "GET|" + from, "200 Allow-Origin: *; Vary: Accept"},
		{"all, no origin", `allow_origins: ["*"]`, "GET|", "200 Allow-Origin: *; Vary: Accept"},
		{"null", `allow_origins: ["null"]`, "GET|Origin: null\r\n", "200 Allow-Origin: null; Vary: Accept, Origin"},
		{"below", `allow_origins: ["https://*.example"]`, "GET|" + from, "200 Allow-Origin: https://a.example; Vary: Accept, Origin"},
		{"below, deeper", `allow_origins: ["https://*.example"]`, "GET|Origin: https://x.a.example\r\n", "200 Allow-Origin: https://x.a.example; Vary: Accept, Origin"},
		{"not itself", `allow_origins: ["https://*.a.example"]`, "GET|" + from, "200 Vary: Accept, Origin"},
		{"not another ending", `allow_origins: ["https://*.a.example"]`, "GET|Origin: https://xa.example\r\n", "200 Vary: Accept, Origin"},
		{"no other host in front", `allow_origins: ["https://*.example"]`, "GET|Origin: https://evil.test/.example\r\n", "200 Vary: Accept, Origin"},
		{"no port in front", `allow_origins: ["https://*.example"]`, "GET|Origin: https://evil.test:80.example\r\n", "200 Vary: Accept, Origin"},
		{"below with a port", `allow_origins: ["https://*.example:8443"]`, "GET|Origin: https://a.example:8443\r\n", "200 Allow-Origin: https://a.example:8443; Vary: Accept, Origin"},
		{
			"credentials and exposed fields", "allow_origins: [https://A.example], allow_credentials: true, expose_headers: [ETag, X-B]", "GET|" + from,
			"200 Allow-Credentials: true; Allow-Origin: https://a.example; Expose-Headers: ETag, X-B; Vary: Accept, Origin",
		},
		{"without allow_origins the backend speaks", "allow_methods: [PUT]", "GET|" + from, "200 Allow-Origin: *; Expose-Headers: X-Backend; Vary: Accept"},
		{"without allow_origins no preflight is answered", "allow_methods: [PUT]", preflight + from, "200 Allow-Origin: *; Expose-Headers: X-Backend; Vary: Accept"},
		{
			"preflight", "allow_origins: [https://a.example]", preflight + from,
			"204 Allow-Methods: GET, HEAD, POST; Allow-Origin: https://a.example; Max-Age: 600; Vary: Origin",
		},
		{"preflight from elsewhere", "allow_origins: [https://b.example], allow_credentials: true", preflight + from, "204 Vary: Origin"},
		{
			"preflight with lists", "allow_origins: [https://a.example], allow_methods: [PUT, DELETE], allow_headers: [X-A], max_age: 0s", preflight + from,
			"204 Allow-Headers: X-A; Allow-Methods: PUT, DELETE; Allow-Origin: https://a.example; Max-Age: 0; Vary: Origin",
		},
		{
			"preflight for all", `allow_origins: ["*"], allow_methods: ["*"], allow_headers: ["*"]`, preflight + from,
			"204 Allow-Headers: *, Authorization; Allow-Methods: *; Allow-Origin: *; Max-Age: 600",
		},
		{
			"preflight with credentials echoes", `allow_origins: [https://a.example], allow_methods: ["*"], allow_headers: ["*"], allow_credentials: true`,
			preflight + from,
			"204 Allow-Credentials: true; Allow-Headers: X-A, x-b; Allow-Methods: PUT; Allow-Origin: https://a.example; Max-Age: 600; " +
				"Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
		},
		{"OPTIONS of another kind", "allow_origins: [https://a.example]", "OPTIONS|" + from, "200 Allow-Origin: https://a.example; Vary: Accept, Origin"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [c]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {c: {type: cors, `+tc.keys+`}}
`, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for readHead(in) != nil {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\naccess-control-expose-headers: X-Backend\r\n"+
						"Vary: Accept\r\nContent-Length: 0\r\n\r\n")
				}
			}))
			method, lines, _ := strings.Cut(tc.asked, "|")
			c := r.dial()
			for range 2 { // on one connection: nothing is left over
				c.send(method + " / HTTP/1.1\r\nHost: t\r\n" + lines + "\r\n")
				answer := c.receive(method)
				if got := strings.TrimSpace(answer.Status[:4] + corsLines(answer)); got != tc.want {
					t.Errorf("got\n%s; want\n%s", got, tc.want)
				}
			}
		})
	}
}

// TestPreflightsAreAnsweredFirst: before a stage that refuses, wherever they stand, and what
// is refused says who may read that.
func TestPreflightsAreAnsweredFirst(t *testing.T) {
	c := staged(t, `
no: {type: deny, status: 401}
c: {type: cors, allow_origins: [https://a.example]}
`, "middleware: [no, c]").dial()
	c.send("OPTIONS / HTTP/1.1\r\nHost: t\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n\r\n")
	if answer := c.receive("OPTIONS"); answer.StatusCode != 204 || answer.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("got %d %v; want 204", answer.StatusCode, answer.Header)
	}
	c.send("GET / HTTP/1.1\r\nHost: t\r\nOrigin: https://a.example\r\n\r\n")
	if answer := c.receive("GET"); answer.StatusCode != 401 || corsLines(answer) != "Allow-Origin: https://a.example; Vary: Origin" {
		t.Errorf("got %d %v; want 401 that the origin may read", answer.StatusCode, answer.Header)
	}
}

func TestCORSOfAnswersWithoutABackend(t *testing.T) {
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [c]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {c: {type: cors, allow_origins: [https://a.example]}}
`, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		readHead(in)
		_, _ = io.WriteString(c, "nonsense\r\n\r\n")
	}))
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nOrigin: https://a.example\r\nContent-Length: 0\r\n\r\n")
	if answer := c.receive("POST"); answer.StatusCode != 502 || corsLines(answer) != "Allow-Origin: https://a.example; Vary: Origin" {
		t.Errorf("got %d %v; want 502 that the origin may read", answer.StatusCode, answer.Header)
	}
}
