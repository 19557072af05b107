package engine

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// An attempt has no rival before hedge.after, here far beyond the default of 50 ms:
// another exchange, which begins later and waits for as long as that, has got its own.
func TestNoRivalComesBeforeItsTime(t *testing.T) {
	h := startHedge(t, "after: 20s}}, usual: {hosts: [usual.test], pool: p, hedge: {max: 1")
	c, usual := h.dial(), h.dial()
	c.send("GET /slow HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
	eventually(t, func() string { return "one asked" }, func() bool { return h.waiting.Load() == 1 })
	usual.send("GET /slow HTTP/1.1\r\nHost: usual.test\r\nX-Isame-Attempts: 1\r\n\r\n")
	eventually(t, func() string { return "the usual rival" }, func() bool { return h.waiting.Load() >= 3 })
	for i := range h.free {
		h.free[i] <- struct{}{}
		h.free[i] <- struct{}{}
	}
	for of, want := range map[*client]string{c: "1", usual: "1; hedge=1"} {
		if a := of.receive("GET"); a.StatusCode != 200 || a.Header.Get("X-Isame-Attempts") != want {
			t.Errorf("got %d %q; want 200 %q", a.StatusCode, a.Header.Get("X-Isame-Attempts"), want)
		}
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
// queue_timeout, ends with an answer: it lasts until another pool has given up who
// began to wait later, for as long as the default is.
func TestQueueTimeoutOfTheSection(t *testing.T) {
	held, free := make(chan struct{}, 2), make(chan struct{})
	text := strings.NewReplacer("{all: {pool: p}}", "{all: {pool: p}, usual: {hosts: [usual.test], pool: usual}}",
		"queue_timeout: 1m}", `queue_timeout: 1m}}, usual: {backends: [{address: "{{backend}}"}], concurrency: {max_requests: 1, max_queue: 1}`,
	).Replace(limited("concurrency: {max_requests: 1, max_queue: 1, queue_timeout: 1m}"))
	r := start(t, text, backend(t, func(http.ResponseWriter, *http.Request) {
		held <- struct{}{}
		<-free
	}))
	var asking []*client
	for i, host := range []string{"t", "usual.test"} {
		first, second := r.dial(), r.dial()
		asking = append(asking, first, second)
		first.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		<-held
		second.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		eventually(t, func() string { return "one waits for " + host }, func() bool { return r.engine.Pools()[i].Concurrency.Waiting == 1 })
	}
	if a := asking[3].receive("GET"); a.StatusCode != 503 {
		t.Errorf("got %d; want 503 after the usual time", a.StatusCode)
	}
	close(free)
	for _, c := range asking[:3] {
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
