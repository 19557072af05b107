package engine

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// failing is a backend whose answer has the status that the path says, and counts its
// connections.
func failing(t testing.TB, connections chan<- net.Conn) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 0
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		h := w.Header()
		h.Set("X-Kept", "yes")
		h["Set-Cookie"] = []string{"a=1", "b=2"}
		h.Set("Retry-After", "7")
		h.Set("Etag", `"x"`)
		h.Set("Content-Language", "la")
		h.Set("Content-Type", "text/plain")
		if size := r.Header.Get("X-Size"); size == "large" {
			h.Set("Content-Length", "10000000")
		}
		w.WriteHeader(status)
		if status != 204 && status != 304 {
			_, _ = io.WriteString(w, "secrets of the backend")
		}
	}))
	t.Cleanup(s.Close)
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew && connections != nil {
			connections <- c
		}
	}
	s.Start()
	return s.Listener.Addr().String()
}

func paged(t *testing.T, backend, stages, more string) *rig {
	t.Helper()
	return start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  all: {pool: p, middleware: [e], timeout: 5s}
  none: {path_prefix: /none, pool: dead, middleware: [e]}
  said: {path: /said, respond: {status: 503, body: "as configured"}, middleware: [e]}
  bare: {path: /bare, respond: {status: 503}, middleware: [e]}
  denied: {path: /denied, respond: {status: 200, body: "unreached"}, middleware: [e, no]}
pools:
  p: {backends: [{address: "{{backend}}"}]}
  dead: {backends: [{address: "`+nobody(t)+`"}], circuit_breaker: {failures: 1, max_ejected_percent: 100}}
`+more+`
middleware:
  no: {type: deny, status: 503, body: "in its own words"}
  e: {type: error_pages, `+stages+`}
`, backend)
}

func TestErrorPages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sorry.html")
	if err := os.WriteFile(file, []byte("<h1>sorry</h1>"), 0o600); err != nil {
		t.Fatal(err)
	}
	const (
		page  = "<h1>sorry</h1>"
		their = "secrets of the backend"
	)
	html := "file: " + file
	for _, tc := range []struct {
		name, keys, method, target, accept string
		status                             int
		body                               string
		cause, kind                        string
	}{
		{"an error of ours", html, "GET", "/none", "", 502, page, "connect_refused", "text/html; charset=utf-8"},
		{"an error of the backend is not ours", html, "GET", "/500", "", 500, their, "", "text/plain"},
		{"from backend", html + ", from: backend", "GET", "/500", "", 500, page, "", "text/html; charset=utf-8"},
		{"from backend, ours", html + ", from: backend", "GET", "/none", "application/json", 502, "-", "connect_refused", "application/problem+json"},
		{"from both", html + ", from: both", "GET", "/503", "", 503, page, "", "text/html; charset=utf-8"},
		{"from both, ours", html + ", from: both", "GET", "/none", "", 502, page, "connect_refused", "text/html; charset=utf-8"},
		{"another status", html + ", from: both", "GET", "/404", "", 404, their, "", "text/plain"},
		{"listed", html + `, from: both, statuses: ["404", "410-420"]`, "GET", "/418", "", 418, page, "", "text/html; charset=utf-8"},
		{"not listed", html + `, from: both, statuses: ["404", "410-420"]`, "GET", "/503", "", 503, their, "", "text/plain"},
		{"status", html + ", from: both, status: 200", "GET", "/500", "", 200, page, "", "text/html; charset=utf-8"},
		{"content_type", html + ", from: both, content_type: text/x", "GET", "/500", "", 500, page, "", "text/x"},
		{"body", "from: both, body: sorry", "GET", "/500", "", 500, "sorry", "", "text/plain"},
		{"body stands as it is", `from: both, body: "{status}"`, "GET", "/500", "", 500, "{status}", "", "text/plain"},
		{"HEAD", html + ", from: both", "HEAD", "/500", "", 500, "", "", "text/plain"},
		{"HEAD of ours", html, "HEAD", "/none", "application/json", 502, "", "connect_refused", "application/problem+json"},
		{"a program", html + ", from: both", "GET", "/500", "application/json", 500, their, "", "text/plain"},
		{"a program that takes pages, too", html + ", from: both", "GET", "/500", "application/json, text/html;q=0.1", 500, their, "", "text/plain"},
		{"a person whose browser takes JSON, too", html + ", from: both", "GET", "/500", "text/html, application/json", 500, page, "", "text/html; charset=utf-8"},
		{"whoever takes anything", html + ", from: both", "GET", "/500", "*/*", 500, page, "", "text/html; charset=utf-8"},
		{"JSON for a program", `from: both, body: "{}", content_type: application/json`, "GET", "/500", "application/json", 500, "{}", "", "application/json"},
		{"words that were configured", html + ", from: both", "GET", "/said", "", 503, "as configured", "", "text/plain"},
		{"words of another stage", html + ", from: both", "GET", "/denied", "", 503, "in its own words", "denied", "text/plain"},
		{"no words", html, "GET", "/bare", "", 503, page, "", "text/html; charset=utf-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := paged(t, failing(t, nil), tc.keys, "")
			var lines []string
			if tc.accept != "" {
				lines = []string{"Accept: " + tc.accept}
			}
			resp, body := r.ask(tc.method, tc.target, lines...)
			h := resp.Header
			if resp.StatusCode != tc.status || body != tc.body && tc.body != "-" || h.Get("X-Isame-Error") != tc.cause || h.Get("Content-Type") != tc.kind {
				t.Errorf("got %d %q %v; want %d %q, %q and %q", resp.StatusCode, body, h, tc.status, tc.body, tc.cause, tc.kind)
			}
		})
	}
}

func TestErrorPagesKeepWhatIsNotOfTheContent(t *testing.T) {
	r := paged(t, failing(t, nil), "from: both, body: sorry", "")
	resp, _ := r.ask("GET", "/503")
	h := resp.Header
	cookies := h.Values("Set-Cookie")
	if h.Get("X-Kept") != "yes" || !slices.Equal(cookies, []string{"a=1", "b=2"}) || h.Get("Retry-After") != "7" {
		t.Errorf("got %v; want what the backend says beside its content", h)
	}
	if h.Get("Etag") != "" || h.Get("Content-Language") != "" || len(h.Values("Date")) != 1 || h.Get("Content-Length") != "5" {
		t.Errorf("got %v; want nothing of the content that nobody gets", h)
	}
	resp, _ = r.ask("GET", "/none")
	for range 8 { // the breaker opens: that answer has a Retry-After
		if resp.StatusCode == 503 {
			break
		}
		resp, _ = r.ask("GET", "/none")
	}
	if h = resp.Header; resp.StatusCode != 503 || h.Get("Retry-After") == "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v; want our Retry-After and Cache-Control to stay", resp.StatusCode, h)
	}
}

func TestErrorPagesGiveTheConnectionBack(t *testing.T) {
	connections := make(chan net.Conn, 100)
	r := paged(t, failing(t, connections), "from: both, body: sorry", "")
	for range 20 {
		if resp, body := r.ask("GET", "/500"); resp.StatusCode != 500 || body != "sorry" {
			t.Fatalf("got %d %q", resp.StatusCode, body)
		}
	}
	if n := len(connections); n > 2 { // of two shards
		t.Errorf("%d connections to the backend; want those that were used before", n)
	}
	if resp, body := r.ask("GET", "/500", "X-Size: large"); resp.StatusCode != 500 || body != "sorry" {
		t.Errorf("got %d %q; want the page without the rest of a large answer", resp.StatusCode, body)
	}
	if resp, body := r.ask("GET", "/200"); resp.StatusCode != 200 || body != "secrets of the backend" {
		t.Errorf("got %d %q; want the next answer", resp.StatusCode, body)
	}
}

func TestErrorPagesOfAPool(t *testing.T) {
	asked := make(chan string, 100)
	pages := backend(t, func(w http.ResponseWriter, q *http.Request) {
		asked <- q.RequestURI
		switch q.URL.Path {
		case "/500.html", "/504.html":
			w.Header().Set("Content-Type", "text/html; charset=x")
			_, _ = io.WriteString(w, "page of "+q.URL.Path)
		case "/501.html":
			_, _ = w.Write(make([]byte, 2<<20))
		case "/502.html":
			hijacked, _, _ := http.NewResponseController(w).Hijack()
			breakOff(hijacked)
		case "/503.html":
			<-q.Context().Done()
		default:
			http.NotFound(w, q)
		}
	})
	slow := backend(t, func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	keys := `from: both, pool: pages, path: "/{status}.html"`
	more := `
  pages: {backends: [{address: "` + nobody(t) + `"}, {address: "` + pages + `"}]}
  slow: {backends: [{address: "` + slow + `"}]}
`
	r := paged(t, failing(t, nil), keys, more)
	for _, tc := range []struct {
		name, method, target, accept string
		status                       int
		body, kind                   string
		asked                        int
	}{
		{"the page", "GET", "/500", "*/*", 500, "page of /500.html", "text/html; charset=x", 1},
		{"too large", "GET", "/501", "*/*", 501, "secrets of the backend", "text/plain", 1},
		{"broken", "GET", "/502", "*/*", 502, "secrets of the backend", "text/plain", 1},
		{"not there", "GET", "/505", "*/*", 505, "secrets of the backend", "text/plain", 1},
		{"silent", "GET", "/503", "*/*", 503, "secrets of the backend", "text/plain", 1},
		{"a program", "GET", "/500", "application/json", 500, "secrets of the backend", "text/plain", 0},
		{"HEAD", "HEAD", "/500", "*/*", 500, "", "text/plain", 0},
		{"no error", "GET", "/200", "*/*", 200, "secrets of the backend", "text/plain", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := r.ask(tc.method, tc.target, "Accept: "+tc.accept)
			if resp.StatusCode != tc.status || body != tc.body || resp.Header.Get("Content-Type") != tc.kind {
				t.Errorf("got %d %q %v; want %d %q", resp.StatusCode, body, resp.Header, tc.status, tc.body)
			}
			n := 0
			for ; len(asked) > 0; n++ {
				<-asked
			}
			if n != tc.asked && (tc.name != "broken" || n != 2) { // a connection that was used may be tried again
				t.Errorf("asked for %d pages; want %d", n, tc.asked)
			}
		})
	}
	if got := r.sample(`isame_middleware_total{middleware="e",outcome="failed"}`); got != "4" {
		t.Errorf("%q failures are counted; want 4", got)
	}
	eventually(t, func() string { return "nothing in flight" }, func() bool {
		n := int64(0)
		for _, p := range r.engine.Pools() {
			n += p.InFlight
		}
		return n == 0
	})
	late := start(t, strings.NewReplacer("MORE", more, "KEYS", keys).Replace(`
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: slow, middleware: [e], timeout: 100ms}}
pools:
MORE
middleware: {e: {type: error_pages, KEYS}}
`), "")
	began := time.Now()
	resp, body := late.ask("GET", "/")
	if resp.StatusCode != 504 || body != "page of /504.html" || resp.Header.Get("X-Isame-Error") != "timeout" {
		t.Errorf("got %d %q %v after %v; want a page when the time of the exchange is over, too", resp.StatusCode, body, resp.Header, time.Since(began))
	}
}

func TestErrorPagesOfAPoolEndWithTheClient(t *testing.T) {
	arrived := make(chan struct{}, 1)
	pages := backend(t, func(_ http.ResponseWriter, q *http.Request) { arrived <- struct{}{}; <-q.Context().Done() })
	r := paged(t, failing(t, nil), `from: both, pool: pages`, `  pages: {backends: [{address: "`+pages+`"}]}`)
	c := r.dial()
	c.send("GET /500 HTTP/1.1\r\nHost: t\r\n\r\n")
	<-arrived
	began := time.Now()
	breakOff(c.Conn)
	eventually(t, func() string { return "the end of the exchange; got " + r.ends() }, func() bool { return r.ends() != "" })
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("it took %v; want it to end with the client", took)
	}
}
