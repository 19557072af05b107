package engine

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// overH2C is a configuration whose backend is spoken to in HTTP/2.
const overH2C = `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
routes: {all: {pool: p}}
pools: {p: {protocol: h2c, backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`

// h2Backend is a server of HTTP/2 in clear text, and counts its connections.
func h2Backend(t testing.TB, connections *atomic.Int64, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols), ReadHeaderTimeout: 10 * time.Second}
	s.Protocols.SetUnencryptedHTTP2(true)
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew && connections != nil {
			connections.Add(1)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return ln.Addr().String()
}

func TestBackendsAreAskedInHTTP2(t *testing.T) {
	var connections atomic.Int64
	r := start(t, overH2C, h2Backend(t, &connections, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Seen", strings.Join([]string{
			q.Proto, q.Method, q.Host, q.RequestURI, q.Header.Get("Via"), q.Header.Get("Cookie"),
		}, "|"))
		if q.URL.Path == "/empty" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.Copy(w, q.Body)
	}))
	c := r.dial()
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for _, body := range []string{"", "hello", big} {
		for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), "Transfer-Encoding: chunked\r\n\r\n" + chunks(body)} {
			c.send("POST /a?b=c HTTP/1.1\r\nHost: example.com\r\nCookie: a=1; b=2\r\n" + framing)
			a := c.receive("POST")
			if a.StatusCode != 200 || a.body != body {
				t.Fatalf("got %d and %d bytes; want 200 and %d", a.StatusCode, len(a.body), len(body))
			}
			if want := "HTTP/2.0|POST|example.com|/a?b=c|1.1 isame|a=1; b=2"; a.Header.Get("X-Seen") != want {
				t.Errorf("the backend saw %q; want %q", a.Header.Get("X-Seen"), want)
			}
		}
	}
	if a := c.get("/empty"); a.StatusCode != 204 || a.body != "" {
		t.Errorf("got %d %q; want 204 without content", a.StatusCode, a.body)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("the backend saw %d connections; want 1", n)
	}
}

func chunks(body string) string {
	if body == "" {
		return "0\r\n\r\n"
	}
	return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

func TestStreamsToABackendRunSideBySide(t *testing.T) {
	var connections atomic.Int64
	var inside sync.WaitGroup
	const n = 50
	inside.Add(n)
	r := start(t, overH2C, h2Backend(t, &connections, func(w http.ResponseWriter, q *http.Request) {
		inside.Done()
		inside.Wait() // all of them at once
		_, _ = io.WriteString(w, q.URL.Path)
	}))
	c := r.h2Client()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			path := fmt.Sprintf("/%d", i)
			resp, err := c.Get("http://example.com" + path)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = resp.Body.Close() }()
			if b, err := io.ReadAll(resp.Body); err != nil || string(b) != path {
				t.Errorf("got %q, %v; want %q", b, err, path)
			}
		})
	}
	all.Wait()
	if n := connections.Load(); n != 1 {
		t.Errorf("the backend saw %d connections; want one, of the one shard that was asked", n)
	}
}
