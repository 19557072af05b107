package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// answersWith is a backend that answers with these field lines.
func answersWith(t testing.TB, lines string) string {
	t.Helper()
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for readHead(in) != nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+lines+"Content-Length: 0\r\n\r\n")
		}
	})
}

// TestSecurityHeaders: hsts, content_type_nosniff, frame, referrer_policy, csp and
// permissions_policy, in place of what the backend says, and nothing that is not configured.
func TestSecurityHeaders(t *testing.T) {
	const theirs = "X-Frame-Options: ALLOWALL\r\nx-content-type-options: sniff\r\nStrict-Transport-Security: max-age=1\r\nReferrer-Policy: origin\r\n"
	names := []string{
		"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "Permissions-Policy",
	}
	for _, tc := range []struct{ name, keys, proto, want, ours string }{
		{"alone", "", "http", "max-age=1|nosniff|ALLOWALL|origin||", "|nosniff||||"},
		{"nosniff off", "content_type_nosniff: false, frame: DENY", "http", "max-age=1|sniff|DENY|origin||", "||DENY|||"},
		{
			"all", `frame: SAMEORIGIN, referrer_policy: same-origin, csp: "default-src 'self'", permissions_policy: "camera=()"`, "http",
			"max-age=1|nosniff|SAMEORIGIN|same-origin|default-src 'self'|camera=()", "|nosniff|SAMEORIGIN|same-origin|default-src 'self'|camera=()",
		},
		{
			"hsts", "hsts: {max_age: 8761h, include_subdomains: true, preload: true}", "https",
			"max-age=31539600; includeSubDomains; preload|nosniff|ALLOWALL|origin||", "max-age=31539600; includeSubDomains; preload|nosniff||||",
		},
		{"hsts where clients speak http", "hsts: {}", "http", "|nosniff|ALLOWALL|origin||", "|nosniff||||"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := start(t, `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}}
routes:
  all: {pool: p, middleware: [s]}
  ours: {path: /ours, respond: {status: 404}, middleware: [s]}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {s: {type: security_headers, `+tc.keys+`}}
`, answersWith(t, theirs)).dial()
			for path, want := range map[string]string{"/": tc.want, "/ours": tc.ours} {
				c.send("GET " + path + " HTTP/1.1\r\nHost: t\r\nX-Forwarded-Proto: " + tc.proto + "\r\n\r\n")
				answer, got := c.receive("GET"), make([]string, len(names))
				for i, name := range names {
					got[i] = strings.Join(answer.Header.Values(name), "+")
				}
				if strings.Join(got, "|") != want {
					t.Errorf("%s: got %q; want %q", path, strings.Join(got, "|"), want)
				}
			}
		})
	}
}

func TestHSTSOfAStageStandsInPlaceOfTheListeners(t *testing.T) {
	text := tlsText(", hsts: {max_age: 2h}", "", newPair(t, tomorrow(), "a.test"))
	text = strings.Replace(text, "all: {pool: p}", "all: {pool: p, middleware: [s]}\n  ok: {path: /ok, respond: {body: ok}, middleware: [s]}", 1)
	r := start(t, text+"\nmiddleware: {s: {type: security_headers, hsts: {max_age: 3h}}}\n", answersWith(t, "Strict-Transport-Security: max-age=1\r\n"))
	for _, path := range []string{"/", "/ok"} {
		c, _ := r.mustDialTLS(nil)
		c.send("GET " + path + " HTTP/1.1\r\nHost: a.test\r\n\r\n")
		if got := strings.Join(c.receive("GET").Header.Values("Strict-Transport-Security"), "+"); got != "max-age=10800" {
			t.Errorf("%s: got %q; want that of the stage", path, got)
		}
	}
}

// TestRequestIDs: header, format and trust. The backend, the client and what is logged have
// the same id.
func TestRequestIDs(t *testing.T) {
	const hex, uuid = "[0-9a-f]{32}", "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
	for _, tc := range []struct{ name, keys, trusted, sent, header, want string }{
		{"hex", "", "[]", "", "X-Request-Id", hex},
		{"uuid7", "format: uuid7", "[]", "", "X-Request-Id", uuid},
		{"a stranger's", "", "[]", "X-Request-Id: evil", "X-Request-Id", hex},
		{"of a trusted peer", "", "[127.0.0.1]", "X-Request-Id: theirs", "X-Request-Id", "theirs"},
		{"of a trusted peer, too long", "", "[127.0.0.1]", "X-Request-Id: " + strings.Repeat("x", 129), "X-Request-Id", hex},
		{"of a trusted peer, not an id", "", "[127.0.0.1]", "X-Request-Id: a b", "X-Request-Id", hex},
		{"trust always", "trust: always", "[]", "X-Request-Id: theirs", "X-Request-Id", "theirs"},
		{"trust never", "trust: never", "[127.0.0.1]", "X-Request-Id: theirs", "X-Request-Id", hex},
		{"header", "header: X-Trace, format: uuid7", "[]", "X-Trace: evil", "X-Trace", uuid},
		{"header, trusted", "header: X-Trace, trust: always", "[]", "x-trace: theirs", "X-Trace", "theirs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: `+tc.trusted+`}}
routes: {all: {pool: p, middleware: [i, h]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  i: {type: request_id, `+tc.keys+`}
  h: {type: headers, request: {set: {X-Variable: "{request_id}"}}}
`, mirrorBackend(t))
			var lines []string
			if tc.sent != "" {
				lines = append(lines, tc.sent)
			}
			resp, body := r.ask("GET", "/", lines...)
			id := resp.Header.Get(tc.header)
			if !regexp.MustCompile("^" + tc.want + "$").MatchString(id) {
				t.Errorf("got %q; want %s", id, tc.want)
			}
			for _, line := range []string{tc.header, "X-Variable"} {
				if !strings.Contains(body, "\n"+line+": "+id+"\r") {
					t.Errorf("the backend sees\n%s; want %s: %s", body, line, id)
				}
			}
			if n := strings.Count(body, id); n != 2 || tc.header != "X-Request-Id" && strings.Contains(body, "X-Request-Id") {
				t.Errorf("the backend sees\n%s; want one id", body)
			}
			if again, _ := r.ask("GET", "/"); again.Header.Get(tc.header) == id {
				t.Errorf("two requests have the id %s", id)
			}
		})
	}
}

func TestRequestIDIsLogged(t *testing.T) {
	var log lockedBuffer
	r := startLogged(t, &log, `
listeners: {web: {address: "127.0.0.1:0"}}
log: {access: {enabled: true}}
routes: {all: {pool: p, middleware: [i]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {i: {type: request_id, format: uuid7, header: X-Trace}}
`, mirrorBackend(t))
	resp, _ := r.ask("GET", "/")
	want := `"request_id":"` + resp.Header.Get("X-Trace") + `"`
	eventually(t, func() string { return log.String() + " with " + want }, func() bool { return strings.Contains(log.String(), want) })
}

// TestTimeoutStage: timeout stands in place of the route's, longer or shorter; 0 is none.
func TestTimeoutStage(t *testing.T) {
	begun, late := make(chan struct{}, 4), make(chan struct{})
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  shorter: {path: /shorter, pool: p, timeout: 60s, middleware: [short]}
  longer: {path: /longer, pool: p, timeout: 20ms, middleware: [long]}
  none: {path: /none, pool: p, timeout: 20ms, middleware: [long, none]}
  route: {path: /route, pool: p, timeout: 20ms}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  short: {type: timeout, timeout: 20ms}
  long: {type: timeout, timeout: 60s}
  none: {type: timeout, timeout: 0s}
`, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		readHead(in)
		begun <- struct{}{}
		<-late
		_, _ = io.WriteString(c, ok)
	}))
	var clients []*client
	for _, path := range []string{"/longer", "/none", "/shorter", "/route"} {
		c := r.dial()
		c.send("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n")
		<-begun
		clients = append(clients, c)
	}
	for i, want := range map[int]int{2: 504, 3: 504} {
		if answer := clients[i].receive("GET"); answer.StatusCode != want {
			t.Errorf("%d: got %d; want %d", i, answer.StatusCode, want)
		}
	}
	close(late) // the time of the route is over: it was that of the last one
	for _, c := range clients[:2] {
		if answer := c.receive("GET"); answer.StatusCode != 200 {
			t.Errorf("got %d; want 200", answer.StatusCode)
		}
	}
}

// TestBufferLimit: the body_bytes of the last stage count, more or less than the listener's.
func TestBufferLimit(t *testing.T) {
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0", limits: {body_bytes: 10B}}}
defaults: {middleware: [five]}
routes:
  five: {pool: p}
  listener: {path: /listener, pool: p, skip: [five]}
  twenty: {path: /twenty, pool: p, middleware: [twenty]}
  none: {path: /none, pool: p, middleware: [twenty, none]}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  five: {type: buffer_limit, body_bytes: 5B}
  twenty: {type: buffer_limit, body_bytes: 20B}
  none: {type: buffer_limit, body_bytes: 0B}
`, backend(t, echo))
	for path, most := range map[string]int{"/": 5, "/listener": 10, "/twenty": 20, "/none": 1 << 20} {
		for _, size := range []int{most, most + 1} {
			body := strings.Repeat("x", size)
			for _, framed := range []string{
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, body),
				fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, body),
			} {
				c := r.dial()
				c.send("POST " + path + " HTTP/1.1\r\nHost: t\r\n" + framed)
				want := http.StatusOK
				if size > most && path != "/none" {
					want = http.StatusRequestEntityTooLarge
				}
				if answer := c.receive("POST"); answer.StatusCode != want {
					t.Errorf("%s: %d bytes, %.20q: got %d; want %d", path, size, framed, answer.StatusCode, want)
				}
			}
		}
	}
}

// TestMaintenance: enabled, allow, status, retry_after, file and body.
func TestMaintenance(t *testing.T) {
	for _, tc := range []struct{ name, keys, want string }{
		{"alone", "", "503 600 application/problem+json"},
		{"enabled: false", "enabled: false", "200  text/plain; charset=utf-8"},
		{"body", "body: back soon, status: 500, retry_after: 0s", "500  text/plain back soon"},
		{"file", "file: testdata/denied.html, retry_after: 90s", "503 90 text/html; charset=utf-8 <p>denied</p>"},
		{"allow", "allow: [10.0.0.0/8, 127.0.0.0/8]", "200  text/plain; charset=utf-8"},
		{"allow others", "allow: [10.0.0.0/8]", "503 600 application/problem+json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := staged(t, "m: {type: maintenance, "+tc.keys+"}", "middleware: [m]").ask("GET", "/")
			got := fmt.Sprintf("%d %s %s", resp.StatusCode, resp.Header.Get("Retry-After"), resp.Header.Get("Content-Type"))
			if !strings.Contains(got, "problem") && resp.StatusCode != 200 {
				got += " " + strings.TrimSpace(body)
			}
			if cause := resp.Header.Get("X-Isame-Error"); got != tc.want || resp.StatusCode != 200 && cause != "maintenance" {
				t.Errorf("got %q, %q; want %q", got, cause, tc.want)
			}
		})
	}
}

// TestCookies: set, remove, path, domain, same_site and secure.
func TestCookies(t *testing.T) {
	const theirs = "Set-Cookie: a=1; path=/x; HttpOnly\r\nSet-Cookie: b=2; SECURE; Domain=old.example; SameSite=None\r\nSet-Cookie: __Host-c=3; Path=/; Secure\r\n"
	const a, b, c = "a=1; path=/x; HttpOnly", "b=2; SECURE; Domain=old.example; SameSite=None", "__Host-c=3; Path=/; Secure"
	for _, tc := range []struct {
		name, keys string
		want       []string
	}{
		{"path", "path: /y", []string{"a=1; HttpOnly; Path=/y", b + "; Path=/y", c}},
		{"domain", "domain: example.com", []string{a + "; Domain=example.com", "b=2; SECURE; SameSite=None; Domain=example.com", c}},
		{"same_site", "same_site: lax", []string{a + "; SameSite=Lax", "b=2; SECURE; Domain=old.example; SameSite=Lax", c + "; SameSite=Lax"}},
		{"secure", "secure: true", []string{a + "; Secure", "b=2; Domain=old.example; SameSite=None; Secure", c}},
		{"remove", "remove: [a, x]", []string{b, c}},
		{"remove is exact", "remove: [A]", []string{a, b, c}},
		{"set", `set: {d: "{status}"}`, []string{a, b, c, "d=200; Path=/"}},
		{"set in place", `set: {a: x}, path: /y, secure: true`, []string{
			"b=2; Domain=old.example; SameSite=None; Path=/y; Secure", "__Host-c=3; Path=/; Secure", "a=x; Path=/y; Secure",
		}},
		{"set by a client", `set: {d: "{query.q}"}`, []string{a, b, c, "d=x%3B%20Domain=evil%2C%22; Path=/"}},
		{"set for the host", `set: {__Host-d: x}, secure: true, domain: e.example, path: /y, remove: [a, b, __Host-c]`, []string{"__Host-d=x; Path=/; Secure"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [c]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {c: {type: cookies, `+tc.keys+`}}
`, answersWith(t, theirs)).dial()
			got := conn.get(`/?q=x;%20Domain=evil,"`).Header.Values("Set-Cookie")
			if want := strings.Join(tc.want, "\n"); strings.Join(got, "\n") != want {
				t.Errorf("got\n%s; want\n%s", strings.Join(got, "\n"), want)
			}
		})
	}
}

// TestMaintenanceLetsTheBelievedClientPass: who stands behind a trusted proxy, not the proxy.
func TestMaintenanceLetsTheBelievedClientPass(t *testing.T) {
	c := start(t, `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}}
routes: {all: {pool: p, middleware: [m]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {m: {type: maintenance, allow: [192.0.2.0/24, "2001:db8::/32"]}}
`, mirrorBackend(t)).dial()
	for client, want := range map[string]int{"192.0.2.1": 200, "::ffff:192.0.2.1": 200, "2001:db8::1": 200, "198.51.100.1": 503, "127.0.0.1": 503} {
		c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: " + client + "\r\n\r\n")
		if answer := c.receive("GET"); answer.StatusCode != want {
			t.Errorf("%s: got %d; want %d", client, answer.StatusCode, want)
		}
	}
}
