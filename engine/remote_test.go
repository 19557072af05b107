package engine

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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

// behindH2 is a configuration whose backend is spoken to in HTTP/2 over TLS.
func behindH2(c *pair, protocol, address string) string {
	return strings.Replace(behindTLS(c, address), "backends:", "protocol: "+protocol+
		", health_check: {type: http, path: /health, interval: 100ms, timeout: 90ms}, backends:", 1)
}

func TestBackendsAreAskedInHTTP2OverTLS(t *testing.T) {
	c := newPair(t, tomorrow(), "a.test")
	for _, tc := range []struct {
		protocol string
		http2    bool
		proto    string // as the backend sees it; empty: it is not asked
	}{
		{"h2", true, "HTTP/2.0"}, {"auto", true, "HTTP/2.0"}, {"auto", false, "HTTP/1.1"}, {"h2", false, ""},
	} {
		t.Run(fmt.Sprintf("%s, offered %v", tc.protocol, tc.http2), func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				_, _ = io.WriteString(w, q.Proto)
			}))
			s.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}}
			s.EnableHTTP2 = tc.http2
			s.StartTLS()
			t.Cleanup(s.Close)
			text := behindH2(c, tc.protocol, s.Listener.Addr().String())
			if tc.proto == "" {
				text = strings.Replace(text, "health_check: {type: http, path: /health, interval: 100ms, timeout: 90ms}, ", "", 1)
			}
			r := start(t, text, "")
			cl := r.dial()
			for range 3 {
				a := cl.get("/")
				switch {
				case tc.proto == "" && (a.StatusCode != 502 || a.Header.Get("X-Isame-Error") != "tls_failed" && a.Header.Get("X-Isame-Error") != "connect_failed"):
					t.Errorf("got %d %s; want 502 and a failure to connect", a.StatusCode, a.Header.Get("X-Isame-Error"))
				case tc.proto != "" && a.body != tc.proto:
					t.Errorf("got %d %q; want %q", a.StatusCode, a.body, tc.proto)
				}
			}
			if tc.proto == "" {
				return
			}
			eventually(t, func() string { return "a good probe" }, func() bool {
				b := r.engine.Pools()[0].Backends[0]
				return b.Health == "healthy" && len(b.Probes) > 0
			})
		})
	}
}

// A backend that is replaced by one which has learnt HTTP/2, or has forgotten it, is
// asked anew.
func TestProtocolIsChosenAnew(t *testing.T) {
	c := newPair(t, tomorrow(), "a.test")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	serve := func(ln net.Listener, http2 bool) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			_, _ = io.WriteString(w, q.Proto)
		}))
		_ = s.Listener.Close()
		s.Listener = ln
		s.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}}
		s.EnableHTTP2 = http2
		s.StartTLS()
		return s
	}
	text := strings.Replace(behindTLS(c, address), "backends:", "protocol: auto, backends:", 1)
	s := serve(ln, false)
	r := start(t, text, "")
	cl := r.dial()
	for _, http2 := range []bool{false, true, false} {
		if http2 != s.EnableHTTP2 {
			s.CloseClientConnections()
			s.Close()
			if ln, err = net.Listen("tcp", address); err != nil {
				t.Fatal(err)
			}
			s = serve(ln, http2)
		}
		want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2]
		var got reply
		eventually(t, func() string { return fmt.Sprintf("got %d %q; want %s", got.StatusCode, got.body, want) }, func() bool {
			got = cl.get("/")
			return got.body == want
		})
	}
	s.Close()
}
