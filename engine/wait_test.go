package engine

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// silentBackend takes connections and says nothing.
func silentBackend(t *testing.T) string {
	t.Helper()
	return scripted(t, func(_ int64, _ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) })
}

// waitingFor is a configuration of a route and a pool with these options, and a limit
// that shows what is in progress.
func waitingFor(route, pool string) string {
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, ` + route + `}}
pools: {p: {backends: [{address: "{{backend}}"}], timeouts: {connect: 20s}, concurrency: {max_requests: 100}, ` + pool + `}}
shutdown: {drain: 5s}
`
}

// dials are the ways in which a connection to a backend may not come about.
func dials(t *testing.T) []struct{ name, pool, address string } {
	t.Helper()
	silent := silentBackend(t)
	return []struct{ name, pool, address string }{
		{"nobody accepts", "", blackHole(t)},
		{"nobody accepts, for one request", "proxy_protocol: v2", blackHole(t)},
		{"no TLS handshake", "tls: {enabled: true}", silent},
		{"no TLS handshake for HTTP/2", "protocol: h2, tls: {enabled: true}", silent},
		{"no first word of HTTP/2", "protocol: h2c", silent},
	}
}

// A connection that does not come about is waited for as long as the exchange may take,
// and not as long as its pool would wait.
func TestDialEndsWithTheExchange(t *testing.T) {
	t.Parallel()
	for _, d := range dials(t) {
		for _, tc := range []struct{ name, route string }{
			{"timeout", "timeout: 300ms, retry: {attempts: 1}"},
			{"per_try_timeout", "retry: {attempts: 1, per_try_timeout: 300ms}"},
		} {
			t.Run(d.name+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				r := start(t, waitingFor(tc.route, d.pool), d.address)
				began := time.Now()
				var all []*client
				for range 2 { // the second one may wait for the first one's dial
					c := r.dial()
					c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
					all = append(all, c)
				}
				for _, c := range all {
					a := c.receive("POST")
					if a.StatusCode != 504 || a.Header.Get("X-Isame-Error") != "connect_timeout" {
						t.Errorf("got %d %q; want 504 connect_timeout", a.StatusCode, a.Header.Get("X-Isame-Error"))
					}
				}
				if took := time.Since(began); took < 300*time.Millisecond || took > faultLate {
					t.Errorf("took %v; want 300ms", took)
				}
			})
		}
	}
}

// The pool's own limit is for all that comes before the first request together.
func TestBackendThatSaysNothingInTimeIsLate(t *testing.T) {
	t.Parallel()
	for _, d := range dials(t) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(waitingFor("retry: {attempts: 1}", d.pool), "connect: 20s", "connect: 300ms", 1)
			r := start(t, text, d.address)
			began := time.Now()
			if a := r.dial().get("/"); a.StatusCode != 504 || a.Header.Get("X-Isame-Error") != "connect_timeout" {
				t.Errorf("got %d %q; want 504 connect_timeout", a.StatusCode, a.Header.Get("X-Isame-Error"))
			}
			if took := time.Since(began); took > faultLate {
				t.Errorf("took %v; want 300ms", took)
			}
		})
	}
}

// Whatever an exchange waits for: a client that leaves ends it, and what it held is
// given back.
func TestWaitEndsWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	type wait struct{ name, route, pool, address string }
	var waits []wait
	for _, d := range dials(t) {
		waits = append(waits, wait{d.name, "retry: {attempts: 1}", d.pool, d.address})
	}
	busy := func(after string) string {
		return backend(t, func(w http.ResponseWriter, _ *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		})
	}
	waits = append(waits,
		wait{"back-off", `timeout: 0s, retry: {attempts: 2, on: ["503"], backoff: {initial: 50s, max: 50s, jitter: 0}}`, "", busy("")},
		wait{"Retry-After", `timeout: 0s, retry: {attempts: 2, on: ["503"]}`, "", busy("20")},
		wait{"an answer", "", "", silentBackend(t)},
	)
	for _, tc := range waits {
		for _, leave := range []struct {
			name string
			do   func(*net.TCPConn)
			most time.Duration
		}{
			{"reset", reset, leaveGrace / 2},
			{"close", func(c *net.TCPConn) { _ = c.Close() }, leaveGrace + leaveGrace/2},
		} {
			t.Run(tc.name+" "+leave.name, func(t *testing.T) {
				t.Parallel()
				h := &heldRig{rig: start(t, waitingFor(tc.route, tc.pool), tc.address)}
				c := h.ask("/")
				h.settle(1, 0)
				leave.do(c.tcp())
				left := time.Now()
				h.settle(0, 0)
				if took := time.Since(left); took > leave.most && took > faultLate {
					t.Errorf("its slot came back after %v; want at most %v", took, leave.most)
				}
				if n := h.engine.Pools()[0].Backends[0].InFlight; n != 0 {
					t.Errorf("%d attempts are in flight; want 0", n)
				}
				h.checkGone(t)
			})
		}
	}
}

// A wait that nobody would live to see is none: the answer that asks for it is the
// client's.
func TestRetryAfterBeyondAllBoundsIsNotWaitedFor(t *testing.T) {
	for _, after := range []string{"Fri, 31 Dec 9999 23:59:59 GMT", "2147483647", "3600"} {
		for _, timeout := range []string{"timeout: 0s", "timeout: 30s", "timeout: 2562047h"} {
			r := start(t, waitingFor(timeout+`, retry: {attempts: 2, on: ["503"]}`, ""), backend(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", after)
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "busy")
			}))
			if a := r.dial().get("/"); a.StatusCode != 503 || a.body != "busy" || a.Header.Get("Retry-After") != after {
				t.Errorf("%s, %s: got %d %q; want the backend's 503", after, timeout, a.StatusCode, a.body)
			}
		}
	}
}

// A limit that no clock can hold is none.
func TestLimitsBeyondTheClockAreNone(t *testing.T) {
	text := `
listeners: {web: {address: "127.0.0.1:0", timeouts: {header: 2562047h, body: 2562047h, idle: 2562047h, write: 2562047h}}}
routes: {all: {pool: p, timeout: 2562047h, retry: {per_try_timeout: 2562047h}, hedge: {after: 2562047h}}}
pools: {p: {backends: [{address: "{{backend}}"}], timeouts: {connect: 2562047h, read: 2562047h, write: 2562047h}, connections: {idle: 2562047h, max_age: 2562047h},
  concurrency: {max_requests: 1, max_queue: 1, queue_timeout: 2562047h}}}
shutdown: {drain: 5s}
`
	for _, protocol := range []string{"http1", "h2c"} {
		h := &heldRig{free: make(chan struct{}, 64)}
		address := h.backend(t)
		if protocol == "h2c" {
			address = h2Backend(t, nil, func(w http.ResponseWriter, q *http.Request) {
				<-h.free
				_, _ = io.WriteString(w, q.URL.Path+" ")
			})
		}
		h.rig = start(t, strings.Replace(text, "p: {backends", "p: {protocol: "+protocol+", backends", 1), address)
		a := h.ask("/a")
		h.settle(1, 0)
		b := h.ask("/b")
		h.settle(1, 1)
		h.served(a, "/a ")
		h.served(b, "/b ")
	}
}

// A connection that its exchange could not wait for is the next one's: clients that
// wait less than a handshake takes would never get one otherwise.
func TestConnectionThatCameTooLateIsKept(t *testing.T) {
	c := newPair(t, tomorrow(), "a.test")
	for _, protocol := range []string{"http1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			address := secureServer(t, c)
			release := make(chan struct{})
			var count atomic.Int64
			gate := scripted(t, func(_ int64, from net.Conn, in *bufio.Reader) {
				count.Add(1)
				<-release
				to, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				defer func() { _ = to.Close() }()
				go func() {
					_, _ = io.Copy(to, in)
					_ = to.Close()
				}()
				_, _ = io.Copy(from, to)
			})
			text := strings.Replace(behindTLS(c, gate), "backends:", "protocol: "+protocol+", timeouts: {connect: 20s}, backends:", 1)
			r := start(t, strings.Replace(text, "pool: p", "pool: p, timeout: 500ms, retry: {attempts: 1}", 1), "")
			if a := r.dial().get("/"); a.StatusCode != 504 {
				t.Fatalf("got %d; want 504", a.StatusCode)
			}
			close(release)
			idle := func() bool { return r.engine.Pools()[0].Backends[0].ConnectionsIdle == 1 }
			eventually(t, func() string { return "an idle connection" }, idle)
			cl := r.dial()
			for range 2 {
				if a := cl.get("/"); a.StatusCode != 200 {
					t.Errorf("got %d; want 200", a.StatusCode)
				}
			}
			if n := count.Load(); n > 2 { // the second client may be another shard's
				t.Errorf("%d connections were made; want one for each shard", n)
			}
		})
	}
}

// secureServer is a backend over TLS that speaks both versions of HTTP.
func secureServer(t *testing.T, c *pair) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// Shutdown waits for no dial, also for one that nobody waits for.
func TestShutdownBreaksOffDials(t *testing.T) {
	for _, d := range dials(t) {
		t.Run(d.name, func(t *testing.T) {
			checkUsage(t)
			r := start(t, waitingFor("timeout: 100ms, retry: {attempts: 1}", d.pool), d.address)
			if a := r.dial().get("/"); a.StatusCode != 504 {
				t.Errorf("got %d; want 504", a.StatusCode)
			}
		})
	}
}

// A call bounds its own time, and a dial with it.
func TestDialEndsWithTheCall(t *testing.T) {
	t.Parallel()
	for _, d := range dials(t) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, strings.Replace(waitingFor("retry: {attempts: 1}", d.pool), `:0"`, `:0", h2c: true`, 1), d.address)
			began := time.Now()
			resp := r.call(t, r.h2Client(), "/", "300m")
			if status := resp.Header.Get("Grpc-Status"); status == "" || status == "0" {
				t.Errorf("got grpc-status %q; want an error", status)
			}
			if took := time.Since(began); took < 300*time.Millisecond || took > faultLate {
				t.Errorf("took %v; want 300ms", took)
			}
		})
	}
}
