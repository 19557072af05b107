package engine

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// serveErrors is a backend that does what the path says.
func serveErrors(_ int64, c net.Conn, in *bufio.Reader) {
	for q := readHead(in); q != nil; q = readHead(in) {
		switch q.URL.Path {
		case "/reset":
			return
		case "/cut":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
			return
		case "/503", "/404":
			_, _ = io.WriteString(c, "HTTP/1.1 "+q.URL.Path[1:]+" As Asked\r\nContent-Length: 0\r\n\r\n")
		case "/inner":
			_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nProxy-Status: inner; error=dns_error\r\nContent-Length: 0\r\n\r\n")
		default:
			_, _ = io.WriteString(c, ok)
		}
	}
}

// proxyStatusRoutes are a pool, answers of the proxy's own, and stages that change answers.
const proxyStatusRoutes = `
routes:
  all: {pool: p, retry: {attempts: 1}}
  here: {path: /here, respond: {status: 200, body: "here"}}
  to: {path: /to, redirect: {to: "/here"}}
  denied: {path: /denied, middleware: [deny], pool: p}
  other: {path: /503, middleware: [page], pool: p}
  nobody: {path: /nobody, pool: none}
  refused: {path: /refused, pool: gone, retry: {attempts: 1}}
middleware:
  deny: {type: deny}
  page: {type: headers, response: {set: {X-Seen: "1"}}}
pools:
  p: {backends: [{address: "{{backend}}"}]}
  none: {discovery: {dns: {name: none.invalid, port: 80, resolver: "127.0.0.1:1"}}}
  gone: {backends: [{address: "{{gone}}"}]}
shutdown: {drain: 5s}
`

// TestProxyStatus looks at answers of our own and of backends, over every protocol.
func TestProxyStatus(t *testing.T) {
	rows := []struct{ path, want string }{
		{"/", "isame-lb; received-status=200"},
		{"/404", "isame-lb; received-status=404"},
		{"/503", "isame-lb; received-status=503"},
		{"/inner", "inner; error=dns_error, isame-lb; received-status=502"},
		{"/here", "isame-lb; error=proxy_internal_response"},
		{"/to", "isame-lb; error=proxy_internal_response"},
		{"/denied", `isame-lb; error=http_request_denied; details="denied"`},
		{"/nobody", `isame-lb; error=destination_unavailable; details="no_backends"`},
		{"/refused", `isame-lb; error=connection_refused; details="connect_refused"`},
		{"/reset", `isame-lb; error=connection_terminated; details="reset"`},
		{"/bad%2", `isame-lb; error=http_request_error; details="bad_path"`},
	}
	pair := newPair(t, tomorrow(), "a.test")
	tls, _, _ := strings.Cut(tlsText("", ", http3: true", pair), "routes:")
	for _, tc := range []struct {
		name, listeners, url string
		client               func(r *rig) *http.Client
	}{
		{"HTTP/1.1", "listeners: {web: {address: \"127.0.0.1:0\"}}\n", "http://a.test", func(r *rig) *http.Client {
			return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", r.address)
			}}}
		}},
		{"HTTP/2", "listeners: {web: {address: \"127.0.0.1:0\", h2c: true}}\n", "http://a.test", (*rig).h2Client},
		{"HTTP/3", tls, "https://a.test", func(r *rig) *http.Client {
			c, tr := r.h3Client()
			t.Cleanup(func() { _ = tr.Close() })
			return c
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			text := strings.Replace(tc.listeners+proxyStatusRoutes, "{{gone}}", nobody(t), 1)
			address := scripted(t, serveErrors)
			r := startLogged(t, &log, text+"proxy_status: true\n", address)
			c := tc.client(r)
			c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			ask := func(path string) string {
				t.Helper()
				q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tc.url, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				q.URL.Opaque = strings.TrimPrefix(tc.url, q.URL.Scheme+":") + path
				if tc.name == "HTTP/3" || tc.name == "HTTP/2" {
					q.URL.Opaque = path
				}
				resp, err := c.Do(q)
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if cause := resp.Header.Get("X-Isame-Error"); cause != "" && !strings.Contains(resp.Header.Get("Proxy-Status"), `details="`+cause+`"`) && r.engine.Config().ProxyStatus {
					t.Errorf("%s: X-Isame-Error is %s, and Proxy-Status %q", path, cause, resp.Header["Proxy-Status"])
				}
				return strings.Join(resp.Header.Values("Proxy-Status"), ", ")
			}
			for _, row := range rows {
				if got := ask(row.path); got != row.want {
					t.Errorf("%s: got %q; want %q", row.path, got, row.want)
				}
			}
			r.apply(text, address)
			for _, path := range []string{"/", "/here", "/reset"} {
				if got := ask(path); got != "" {
					t.Errorf("%s without proxy_status: got %q", path, got)
				}
			}
			if got := ask("/inner"); got != "inner; error=dns_error" {
				t.Errorf("/inner without proxy_status: got %q; want it as the backend has sent it", got)
			}
		})
	}
}

// A switch of protocols says it, and what is refused before there is a request.
func TestProxyStatusAtTheEdges(t *testing.T) {
	const more = "proxy_status: true\n"
	r := start(t, strings.Replace(plain, `127.0.0.1:0"`, `127.0.0.1:0", limits: {connections: 1}`, 1)+more, switched(t, upgradeAnswer, echoBack))
	c := r.dial()
	c.send(upgradeRequest)
	if a, err := http.ReadResponse(c.r, nil); err != nil || a.Header.Get("Proxy-Status") != "isame-lb; received-status=101" {
		t.Errorf("got %v, %v", a, err)
	}
	second := r.dial()
	want := `isame-lb; error=http_request_denied; details="connection_limit"`
	if a := second.receive("GET"); a.Header.Get("Proxy-Status") != want {
		t.Errorf("got %v; want %s", a.Header, want)
	}
}
