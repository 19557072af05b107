package engine

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// isolationText is two pools over one backend, and a second one that nobody uses, so
// that the first may be ejected.
const isolationText = `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  a: {path_prefix: /a, pool: a, retry: {attempts: 1}}
  b: {path_prefix: /b, pool: b, retry: {attempts: 1}}
pools:
  a: {backends: [{address: "{{backend}}"}], timeouts: {read: 100ms}, circuit_breaker: {failures: 3, max_ejected_percent: 100}}
  b: {backends: [{address: "{{backend}}"}]SECTION}
shutdown: {drain: 5s}
`

// TestABreakerOfOnePoolOpensForNoOther: what fails below /a says nothing of what is
// asked below /b, over sockets and as metrics show it.
func TestABreakerOfOnePoolOpensForNoOther(t *testing.T) {
	for _, tc := range []struct {
		name string
		fail func(net.Conn, *bufio.Reader)
	}{
		{"503", func(c net.Conn, _ *bufio.Reader) {
			_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
		}},
		{"timeouts", func(_ net.Conn, r *bufio.Reader) { _, _ = r.Peek(1) }},
		{"resets", func(c net.Conn, _ *bufio.Reader) { breakOff(c) }},
	} {
		for _, section := range []string{"", ", circuit_breaker: {failures: 3, max_ejected_percent: 100}"} {
			t.Run(tc.name+section, func(t *testing.T) {
				r := start(t, strings.Replace(isolationText, "SECTION", section, 1), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for {
						q := readHead(in)
						if q == nil {
							return
						}
						if strings.HasPrefix(q.URL.Path, "/a") {
							tc.fail(c, in)
							if tc.name != "503" {
								return
							}
							continue
						}
						_, _ = io.WriteString(c, ok)
					}
				}))
				c := r.dial()
				for range 3 {
					if a := c.get("/a"); a.StatusCode < 500 {
						t.Fatalf("got %d from the failing part; want a failure", a.StatusCode)
					}
				}
				if a := c.get("/a"); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("X-Isame-Error") != "circuit_open" {
					t.Fatalf("got %d %s; want the breaker of a open", a.StatusCode, a.Header.Get("X-Isame-Error"))
				}
				if a := c.get("/b"); a.StatusCode != http.StatusOK {
					t.Errorf("got %d %s through the other pool; want 200", a.StatusCode, a.Header.Get("X-Isame-Error"))
				}
				var text bytes.Buffer
				r.engine.registry.WriteMetrics(&text, "")
				for _, want := range []string{`isame_breaker_state{pool="a"`, `isame_breaker_state{pool="b"`} {
					_, after, _ := strings.Cut(text.String(), want)
					line, _, _ := strings.Cut(after, "\n")
					if open := strings.HasSuffix(line, " 2"); open != strings.Contains(want, `"a"`) {
						t.Errorf("metric %s%s", want, line)
					}
				}
			})
		}
	}
}

// TestMaxRequestsOfOnePoolCountNoOther: the backend holds what is asked below /b.
func TestMaxRequestsOfOnePoolCountNoOther(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	r := start(t, strings.ReplaceAll(strings.Replace(isolationText, "SECTION", "", 1), `address: "{{backend}}"`, `address: "{{backend}}", max_requests: 1`),
		backend(t, func(_ http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/b" {
				held <- struct{}{}
				<-release
			}
		}))
	slow := r.dial()
	slow.send("GET /b HTTP/1.1\r\nHost: t\r\n\r\n")
	<-held
	if a := r.dial().get("/b"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d beyond max_requests; want 503", a.StatusCode)
	}
	if a := r.dial().get("/a"); a.StatusCode != http.StatusOK {
		t.Errorf("got %d %s from the pool that asks nothing; want 200", a.StatusCode, a.Header.Get("X-Isame-Error"))
	}
	close(release)
	if a := slow.receive("GET"); a.StatusCode != http.StatusOK {
		t.Errorf("the held request: got %d", a.StatusCode)
	}
}
