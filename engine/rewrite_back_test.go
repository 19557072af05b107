package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAnswersThatNameTheBackend: with answers they lead to the host of the request, whatever the
// backend is called, where they name it by the scheme that it is spoken to in.
func TestAnswersThatNameTheBackend(t *testing.T) {
	const named = "host: cdn.example.net"
	for _, tc := range []struct{ name, pool, keys, field, want string }{
		{"its address", "", "", "Location: http://BACKEND/x?y#z", "/x?y#z"},
		{"its address alone", "", "", "Location: http://BACKEND", "/"},
		{"its address and a query", "", "", "Location: http://BACKEND?x", "/?x"},
		{"its address without a scheme", "", "", "Location: //BACKEND/x", "/x"},
		{"its address as Host", "host: backend", "", "Location: HTTP://BACKEND/x", "/x"},
		{"its name", named, "", "Location: http://CDN.example.net/x", "/x"},
		{"its name and port", named, "", "Location: http://cdn.example.net:80/x", "/x"},
		{"its name without the port", "host: 'cdn.example.net:80'", "", "Location: http://cdn.example.net/x", "/x"},
		{"another port", named, "", "Location: http://cdn.example.net:8080/x", "http://cdn.example.net:8080/x"},
		{"another scheme", named, "", "Location: https://cdn.example.net/x", "https://cdn.example.net/x"},
		{"a user", named, "", "Location: http://cdn.example.net@evil.test/x", "http://cdn.example.net@evil.test/x"},
		{"a longer name", named, "", "Location: http://cdn.example.net.evil.test/x", "http://cdn.example.net.evil.test/x"},
		{"another host", named, "", "Location: http://other.test/x", "http://other.test/x"},
		{"nobody", named, "", "Location: http:///x", "http:///x"},
		{"what a stage has set", named, "host: app.internal", "Location: http://app.internal/x", "/x"},
		{"in place of what a stage has set", named, "host: app.internal", "Location: http://cdn.example.net/x", "http://cdn.example.net/x"},
		{"slashes are no host", named, "", "Location: http://cdn.example.net//evil.test", "/.//evil.test"},
		{"a backslash", named, "", `Location: http://cdn.example.net\evil.test`, `http://cdn.example.net\evil.test`},
		{"the prefix comes back", named, "strip_prefix: /a", "Location: http://cdn.example.net/x", "/a/x"},
		{"the prefix comes back, alone", named, "strip_prefix: /a", "Location: http://cdn.example.net", "/a"},
		{"not below the prefix", named, "strip_prefix: /b", "Location: http://cdn.example.net/x", "http://cdn.example.net/x"},
		{"what was added goes", named, "add_prefix: /v1", "Location: http://cdn.example.net/v1/x", "/x"},
		{"what was added goes, of a path", named, "add_prefix: /v1", "Location: /v1?x", "/?x"},
		{"what was added goes, of this host", named, "add_prefix: /v1", "Location: http://test/v1", "http://test/"},
		{"what was added goes, slashes", named, "add_prefix: /v1", "Location: /v1//evil.test", "/.//evil.test"},
		{"not below what was added", named, "add_prefix: /v1", "Location: http://cdn.example.net/x", "http://cdn.example.net/x"},
		{"behind an expression", named, `regex: "^/a(.*)", with: "/b$1"`, "Location: http://cdn.example.net/b/x", "/b/x"},
		{"Refresh", named, "", "Refresh: 0; url=http://cdn.example.net/x", "0; url=/x"},
		{"cookie", named, "", "Set-Cookie: c=1; Path=/x", "c=1; Path=/x"},
		{"cookie, what was added", named, "add_prefix: /v1", "Set-Cookie: c=1; Path=/v1", "c=1; Path=/"},
		{"cookie of all", named, "add_prefix: /v1", "Set-Cookie: c=1; Path=/", "c=1; Path=/"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			keys, pool := "type: rewrite, answers: true", ""
			if tc.keys != "" {
				keys += ", " + tc.keys
			}
			if tc.pool != "" {
				pool = ", " + tc.pool
			}
			address := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for readHead(in) != nil {
					field := strings.ReplaceAll(tc.field, "BACKEND", c.LocalAddr().String())
					_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\n"+field+"\r\nContent-Length: 0\r\n\r\n")
				}
			})
			name, was, _ := strings.Cut(tc.field, ": ")
			c := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [w]}, bare: {path_prefix: /bare, pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]`+pool+`}}
middleware: {w: {`+keys+`}}
`, address).dial()
			if got := c.get("/a/x").Header.Get(name); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
			if got, want := c.get("/bare").Header.Get(name), strings.ReplaceAll(was, "BACKEND", address); got != want {
				t.Errorf("without the stage: got %q; want %q", got, want)
			}
		})
	}
}

// TestAnswersThatNameABackendOfTLS counts https for it, and clear text for another one.
func TestAnswersThatNameABackendOfTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(s.Close)
	address := s.Listener.Addr().String()
	c := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [w]}}
pools: {p: {host: "app.example:443", backends: [{address: "{{backend}}"}], tls: {enabled: true, insecure_skip_verify: true}}}
middleware: {w: {type: rewrite, answers: true}}
`, address).dial()
	for to, want := range map[string]string{
		"https://" + address + "/x": "/x", "http://" + address + "/x": "http://" + address + "/x", "https://app.example/x": "/x", "//app.example/x": "/x",
	} {
		if got := c.get("/?to=" + to).Header.Get("Location"); got != want {
			t.Errorf("%s: got %q; want %q", to, got, want)
		}
	}
}
