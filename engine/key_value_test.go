package engine

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// later runs f after d, which is longer than the default of the key under test.
func later(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	timer := time.NewTimer(d)
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-timer.C
		f()
	}()
	t.Cleanup(func() { <-done })
}

// An attempt has no rival before hedge.after, here far beyond the default of 50 ms.
func TestNoRivalComesBeforeItsTime(t *testing.T) {
	h := startHedge(t, "after: 20s")
	c := h.dial()
	c.send("GET /slow HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
	later(t, 300*time.Millisecond, func() {
		h.free[0] <- struct{}{}
		h.free[1] <- struct{}{}
	})
	if a := c.receive("GET"); a.StatusCode != 200 || a.Header.Get("X-Isame-Attempts") != "1" {
		t.Errorf("got %d %q; want 200 and one attempt", a.StatusCode, a.Header.Get("X-Isame-Attempts"))
	}
}

// Statuses that retry.on does not name are the client's, and those that it names are
// not, whatever the default says of them.
func TestOnlyTheStatusesOfTheSectionAreRetried(t *testing.T) {
	for _, tc := range []struct {
		on               string
		status, attempts int
	}{{`["503"]`, 503, 2}, {`["507"]`, 503, 1}, {`["507"]`, 507, 2}, {"[connect_failure]", 502, 1}, {"[reset, timeout]", 504, 1}} {
		t.Run(tc.on+" "+http.StatusText(tc.status), func(t *testing.T) {
			var asked atomic.Int64
			r := start(t, strings.Replace(plain, "pool: p", "pool: p, retry: {on: "+tc.on+", backoff: {initial: 1ms}}", 1), backend(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) == 1 {
					w.WriteHeader(tc.status)
				}
			}))
			a := r.dial().get("/")
			if asked.Load() != int64(tc.attempts) || (a.StatusCode == 200) != (tc.attempts == 2) {
				t.Errorf("got %d after %d attempts; want %d", a.StatusCode, asked.Load(), tc.attempts)
			}
		})
	}
}

// A wait in the queue that is longer than the default of one second, and within
// queue_timeout, ends with an answer.
func TestQueueTimeoutOfTheSection(t *testing.T) {
	held, free := make(chan struct{}, 2), make(chan struct{})
	r := start(t, limited("concurrency: {max_requests: 1, max_queue: 1, queue_timeout: 1m}"), backend(t, func(http.ResponseWriter, *http.Request) {
		held <- struct{}{}
		<-free
	}))
	first, second := r.dial(), r.dial()
	first.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	<-held
	second.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	later(t, 1500*time.Millisecond, func() { close(free) })
	for _, c := range []*client{first, second} {
		if a := c.receive("GET"); a.StatusCode != 200 {
			t.Errorf("got %d %s; want 200", a.StatusCode, a.Header.Get("X-Isame-Error"))
		}
	}
}

// http2 says whether a listener with TLS offers the protocol.
func TestHTTP2IsOfferedWhereTheListenerSaysSo(t *testing.T) {
	for more, want := range map[string]string{"": "h2", ", http2: true": "h2", ", http2: false": "http/1.1"} {
		r := start(t, tlsText("", more, newPair(t, tomorrow(), "a.test")), backend(t, sees))
		_, conn, err := r.dialTLS(&tls.Config{ServerName: "a.test", NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("%q: speaks %q; want %q", more, got, want)
		}
	}
}
