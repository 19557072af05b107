package engine

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// toHTTPSText is a listener that redirects beside one that does not.
func toHTTPSText(section string) string {
	return `
listeners: {web: {address: "127.0.0.1:0", redirect_https: {` + section + `}}, other: {address: "127.0.0.2:0"}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`
}

func TestListenerRedirectsToHTTPS(t *testing.T) {
	r := start(t, toHTTPSText(""), backend(t, echo)).at("web")
	for _, c := range []struct{ name, send, want string }{
		{"plain", "GET /a/b HTTP/1.1\r\nHost: a.test\r\n\r\n", "https://a.test/a/b"},
		{"port and query", "GET /a?b=c&d HTTP/1.1\r\nHost: a.test:8080\r\n\r\n", "https://a.test/a?b=c&d"},
		{"as it came", "GET /%2e%C3%A4//x;y HTTP/1.1\r\nHost: A.test\r\n\r\n", "https://A.test/%2e%C3%A4//x;y"},
		{"whole URL", "GET http://b.test:80/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", "https://b.test/x?y"},
		{"an address", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "https://[::1]/"},
		{"another authority in the path", "GET //evil.test HTTP/1.1\r\nHost: a.test\r\n\r\n", "https://a.test//evil.test"},
		{"body", "POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello", "https://a.test/p"},
		{"old client", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "https://127.0.0.1/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := r.dial()
			for range 2 {
				cl.send(c.send)
				got := cl.receive("GET")
				if got.StatusCode != 308 || got.Header.Get("Location") != c.want || got.body != "" {
					t.Errorf("got %d to %q with %q; want 308 to %q", got.StatusCode, got.Header.Get("Location"), got.body, c.want)
				}
			}
		})
	}
	cl := r.dial()
	cl.send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if got := cl.receive("OPTIONS"); got.StatusCode != 204 {
		t.Errorf("OPTIONS *: got %d; want 204", got.StatusCode)
	}
	cl.send("GET /%00 HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if got := cl.receive("GET"); got.StatusCode != 400 {
		t.Errorf("a bad path: got %d; want 400", got.StatusCode)
	}
	if got := r.at("other").dial().get("/"); got.StatusCode != 200 {
		t.Errorf("the other listener: got %d; want 200", got.StatusCode)
	}
	var page strings.Builder
	r.engine.registry.WriteMetrics(&page, "")
	if want := `isame_requests_total{listener="web",route="",code="308"} 16`; !strings.Contains(page.String(), want) {
		t.Errorf("the metrics lack %s", want)
	}
}

func TestRedirectToAnotherPortAndStatus(t *testing.T) {
	address := backend(t, echo)
	r := start(t, toHTTPSText("port: 8443, status: 301"), address).at("web")
	c := r.dial()
	c.send("GET /a HTTP/1.1\r\nHost: a.test:80\r\n\r\n")
	if got := c.receive("GET"); got.StatusCode != 301 || got.Header.Get("Location") != "https://a.test:8443/a" {
		t.Errorf("got %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	r.apply(strings.Replace(toHTTPSText(""), ", redirect_https: {}", "", 1), address)
	if got := c.get("/a").StatusCode; got != 200 {
		t.Errorf("after a reload: got %d; want 200", got)
	}
}

// TestRedirectExcept has requests that go on to the routes, and neighbours of theirs.
func TestRedirectExcept(t *testing.T) {
	address := backend(t, echo)
	text := toHTTPSText("except: {hosts: [Health.test, \"*.probe.test\", \"[::1]\"], path_prefixes: [/.well-known/acme-challenge, /below/]}")
	r := start(t, text, address).at("web")
	c := r.dial()
	ask := func(host, target string) int {
		t.Helper()
		c.send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		return c.receive("GET").StatusCode
	}
	for _, tc := range []struct {
		host, target string
		want         int
	}{
		{"health.test", "/", 200},
		{"HEALTH.test:8080", "/a", 200},
		{"health.test.", "/", 200},
		{"x.probe.test", "/", 200},
		{"y.x.probe.test", "/", 200},
		{"[::1]:80", "/", 200},
		{"a.test", "/", 308},
		{"probe.test", "/", 308},
		{"xhealth.test", "/", 308},
		{"health.test.a.test", "/", 308},
		{"a.test", "/.well-known/acme-challenge/x", 200},
		{"a.test", "/.well-known/acme-challenge", 200},
		{"a.test", "//.well-known//acme-challenge/x?y", 200},
		{"a.test", "/x/../.well-known/%61cme-challenge/y", 200},
		{"a.test", "http://b.test/.well-known/acme-challenge/x", 200},
		{"a.test", "/.well-known/acme-challenges", 308},
		{"a.test", "/.well-known/acme-challenge/../x", 308},
		{"a.test", "/.well-known/acme-challenge/%2e%2e/x", 308},
		{"a.test", "/.well-known/acme-challenge%2Fx", 308},
		{"a.test", "/.well-known", 308},
		{"a.test", "/below/x", 200},
		{"a.test", "/below", 308},
	} {
		if got := ask(tc.host, tc.target); got != tc.want {
			t.Errorf("%s%s: got %d; want %d", tc.host, tc.target, got, tc.want)
		}
	}
	r.apply(toHTTPSText(""), address)
	if got := ask("health.test", "/"); got != 308 {
		t.Errorf("without the section: got %d; want 308", got)
	}
}

// TestHSTSOnEveryAnswer asks for answers of backends and of the proxy itself.
func TestHSTSOnEveryAnswer(t *testing.T) {
	secure := tlsText(", hsts: {max_age: 2h, include_subdomains: true}", ", limits: {body_bytes: 10B}", newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "b.test"))
	secure = strings.Replace(secure, "all: {pool: p}", "all: {path_prefix: /p, pool: p}\n  ok: {path: /ok, respond: {body: ok}}", 1)
	address := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/p/own" {
			w.Header()["STRICT-transport-security"] = []string{"max-age=0", "max-age=1"}
		}
		w.Header().Set("X-Kept", "1")
		_, _ = io.WriteString(w, "x")
	})
	r := start(t, secure, address)
	const want = "max-age=7200; includeSubDomains"
	for _, tc := range []struct {
		name, send string
		status     int
	}{
		{"backend", "GET /p HTTP/1.1\r\nHost: a.test\r\n\r\n", 200},
		{"backend that has its own", "GET /p/own HTTP/1.1\r\nHost: a.test\r\n\r\n", 200},
		{"redirect", "GET /away HTTP/1.1\r\nHost: a.test\r\n\r\n", 308},
		{"respond", "GET /ok HTTP/1.1\r\nHost: a.test\r\nX-Isame-Attempts: 1\r\n\r\n", 200},
		{"no route", "GET /none HTTP/1.1\r\nHost: a.test\r\nX-Isame-Attempts: 1\r\n\r\n", 404},
		{"misdirected", "GET /p HTTP/1.1\r\nHost: b.test\r\n\r\n", 421},
		{"too large", "POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n", 413},
		{"not HTTP", "GET\r\n\r\n", 400},
		{"about the proxy", "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", 204},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := r.mustDialTLS(nil)
			c.send(tc.send)
			got := c.receive("GET")
			if sts := got.Header.Values("Strict-Transport-Security"); got.StatusCode != tc.status || !slices.Equal(sts, []string{want}) {
				t.Errorf("got %d with %q; want %d with %q", got.StatusCode, sts, tc.status, want)
			}
			if got.StatusCode == 200 && tc.name != "respond" && got.Header.Get("X-Kept") != "1" {
				t.Error("another field of the backend is missing")
			}
		})
	}
	if got := r.dial().get("/p"); got.StatusCode != 400 || got.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("in clear text: got %d, %q; want no such field", got.StatusCode, got.Header.Get("Strict-Transport-Security"))
	}
	kept, _ := r.mustDialTLS(nil)
	kept.get("/p")
	r.apply(strings.Replace(secure, "hsts: {max_age: 2h, include_subdomains: true}", "hsts: {include_subdomains: true, preload: true}", 1), address)
	if got := kept.get("/p").Header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains; preload" {
		t.Errorf("after a reload: got %q", got)
	}
	r.apply(strings.Replace(secure, ", hsts: {max_age: 2h, include_subdomains: true}", "", 1), address)
	kept.send("GET /p/own HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if got := kept.receive("GET").Header.Values("Strict-Transport-Security"); !slices.Equal(got, []string{"max-age=0", "max-age=1"}) {
		t.Errorf("without the section: got %q; want the backend's", got)
	}
}
