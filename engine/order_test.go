package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An exchange may be in its loop or in a goroutine when something happens. What follows
// is the same.

// inBothWays runs test once with a warm connection to the backend, so that the loop
// carries the exchange, and once with a dial, so that a goroutine does. first is a
// request that the backend answers at once.
func inBothWays(t *testing.T, text string, script func(n int64, c net.Conn, in *bufio.Reader), test func(t *testing.T, r *rig)) {
	t.Helper()
	for _, warm := range []bool{false, true} {
		t.Run(fmt.Sprintf("loop %v", warm), func(t *testing.T) {
			r := start(t, text, scripted(t, script))
			if warm {
				for range 8 { // each shard has a connection
					if a := r.dial().get("/first"); a.StatusCode != http.StatusOK {
						t.Fatalf("got %d; want 200", a.StatusCode)
					}
				}
			}
			test(t, r)
		})
	}
}

// unlessFirst answers requests for /first, and gives the others to script.
func unlessFirst(script func(c net.Conn, in *bufio.Reader)) func(n int64, c net.Conn, in *bufio.Reader) {
	return func(_ int64, c net.Conn, in *bufio.Reader) {
		for {
			if b, err := in.Peek(len("GET /first")); err != nil {
				return
			} else if string(b) != "GET /first" {
				script(c, in)
				return
			}
			readHead(in)
			_, _ = io.WriteString(c, ok)
		}
	}
}

// An error that comes before the end of the body ends the client's connection, whether
// the rest of the body has come in the meantime or not: that is decided when the head of
// the answer comes, and not when the upload has gone on.
func TestEarlyErrorEndsTheConnectionWhateverComesBehind(t *testing.T) {
	refuse := unlessFirst(func(c net.Conn, in *bufio.Reader) {
		if head := readHead(in); head != nil {
			_, _ = io.ReadFull(head.Body, make([]byte, 5))
			_, _ = io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
			_, _ = io.Copy(io.Discard, in)
		}
	})
	inBothWays(t, plain, refuse, func(t *testing.T, r *rig) {
		t.Helper()
		c := r.dial()
		c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nhello")
		a := c.receive("POST")
		if a.StatusCode != http.StatusForbidden || !a.Close || a.body != "no" {
			t.Errorf("got %d %q, close %v; want 403, the last one of its connection", a.StatusCode, a.body, a.Close)
		}
		if n := r.failures(); n != 0 {
			t.Errorf("the backend was blamed %d times; want 0", n)
		}
	})
}

// A client that does not take interim answers holds its backend until the route's
// deadline, and not until the listener gives it up. Behind a part of one it gets no other
// answer.
func TestInterimAnswersEndWithTheExchange(t *testing.T) {
	early := "HTTP/1.1 103 Early Hints\r\nX-Hint: " + strings.Repeat("x", 240<<10) + "\r\n\r\n"
	const took = 5 * time.Second // timeouts.write would be 30
	hints := unlessFirst(func(c net.Conn, in *bufio.Reader) {
		if readHead(in) == nil {
			return
		}
		for range interimMax {
			if _, err := io.WriteString(c, early); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, in)
	})
	text := strings.NewReplacer("pool: p", "pool: p, timeout: 1s, retry: {attempts: 1}", `"}]}`, `"}], limits: {header_bytes: 256KiB}}`).Replace(plain)
	inBothWays(t, text, hints, func(t *testing.T, r *rig) {
		t.Helper()
		c := r.dial()
		// Loopback's segments fit in: it trickles where they do not.
		if err := c.tcp().SetReadBuffer(128 << 10); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		eventually(t, func() string { return "asked" }, func() bool { return r.inFlight() == 1 })
		eventually(t, func() string { return "nothing in flight" }, func() bool { return r.inFlight() == 0 })
		if d := time.Since(began); d < time.Second || d > took {
			t.Errorf("it took %v; want 1s", d)
		}
		all, err := io.ReadAll(c.r)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the connection is not closed behind %d bytes", len(all))
		}
		if n := strings.Count(string(all), "HTTP/1.1 "); n != strings.Count(string(all), "HTTP/1.1 103 ") {
			t.Errorf("there is something behind %d bytes of interim answers", len(all))
		}
		if n := r.failures(); n != 0 {
			t.Errorf("the backend was blamed %d times; want 0", n)
		}
	})
}

// The rest of an answer of our own that the client has not taken at once is counted like
// its beginning, and so is a client that does not want it.
func TestOwnAnswerOnAFullSocketIsCountedAsItEnds(t *testing.T) {
	const requests, bytes = 300, 60 << 10 // more than the buffers of two sockets
	for _, tc := range []struct {
		name string
		do   func(c *client)
		want string
	}{
		{"taken late", func(c *client) {
			for range requests {
				if a := c.receive("GET"); len(a.body) != bytes {
					c.t.Errorf("got %d bytes; want %d", len(a.body), bytes)
				}
			}
		}, fmt.Sprintf("ok nobody done %d", requests)},
		{"not taken", func(c *client) { reset(c.tcp()) }, "client_gone client relay 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			text := accessText(accessPlain, `all: {respond: {status: 200, body: "`+strings.Repeat("x", bytes)+`"}}`, accessPool)
			r := startLogged(t, &log, text, nobody(t))
			c := r.dial()
			c.send(strings.Repeat("GET / HTTP/1.1\r\nHost: t\r\n\r\n", requests))
			last := -1
			since := time.Now()
			eventually(t, func() string { return "an answer waits" }, func() bool {
				if n := len(accessLines(t, &log)); n != last {
					last, since = n, time.Now()
				}
				return time.Since(since) > 200*time.Millisecond
			})
			if last == requests {
				t.Fatal("all answers have found room; want one that waits")
			}
			tc.do(c)
			eventually(t, func() string { return tc.want + "; got " + r.ends() }, func() bool { return strings.Contains(r.ends(), tc.want) })
			for i, line := range accessLines(t, &log) {
				sent, isNumber := line["bytes_out"].(float64)
				if whole := line["cause"] == nil; !isNumber || whole != (sent > bytes) {
					t.Errorf("line %d: %v bytes, cause %v; want all of them, or a cause", i, line["bytes_out"], line["cause"])
				}
			}
		})
	}
}

// A backend to which no connection comes about is late like one that does not answer.
func TestSlowDialGetsARival(t *testing.T) {
	t.Parallel()
	for _, d := range []struct{ name, pool string }{{"kept", ""}, {"for one request", "proxy_protocol: v1"}} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			good := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				if d.pool != "" {
					_, _ = in.ReadString('\n')
				}
				for readHead(in) != nil {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
				}
			})
			text := waitingFor("hedge: {after: 20ms}, retry: {attempts: 1}", d.pool)
			text = strings.Replace(text, `[{address: "{{backend}}"}]`, `[{address: "{{backend}}"}, {address: "`+good+`"}], algorithm: round_robin`, 1)
			r := start(t, text, blackHole(t))
			hedged := false
			for range 2 {
				began := time.Now()
				c := r.dial()
				c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
				a := c.receive("GET")
				if a.StatusCode != http.StatusOK || a.body != "good" || time.Since(began) > faultLate {
					t.Errorf("got %d %q after %v; want the answer of the other backend", a.StatusCode, a.body, time.Since(began))
				}
				hedged = hedged || a.Header.Get("X-Isame-Attempts") == "1; hedge=1"
				if a := c.get("/"); a.StatusCode != http.StatusOK { // the connection's bell is silent
					t.Errorf("behind it: got %d; want 200", a.StatusCode)
				}
			}
			if !hedged {
				t.Error("the backend that is slow was never asked")
			}
			eventually(t, func() string { return "nothing in flight" }, func() bool { return r.inFlight() == 0 })
			if n := r.failures(); n != 0 {
				t.Errorf("blamed %d times; want 0", n)
			}
		})
	}
}

// A rival that is under way when the dial fails saves the exchange.
func TestRivalSavesAFailedDial(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	good := backend(t, func(w http.ResponseWriter, q *http.Request) {
		asked <- struct{}{}
		select {
		case <-time.After(time.Second): // the dial fails before
		case <-q.Context().Done():
		}
		_, _ = io.WriteString(w, "good")
	})
	text := strings.Replace(waitingFor("hedge: {after: 20ms}, retry: {attempts: 1}", ""), "connect: 20s", "connect: 300ms", 1)
	text = strings.Replace(text, `[{address: "{{backend}}"}]`, `[{address: "{{backend}}"}, {address: "`+good+`"}], algorithm: round_robin`, 1)
	r := start(t, text, blackHole(t))
	a := r.dial().get("/")
	<-asked
	if a.StatusCode != http.StatusOK || a.body != "good" {
		t.Errorf("got %d %q; want the rival's answer", a.StatusCode, a.body)
	}
	if n := r.failures(); n != 1 {
		t.Errorf("the backend that could not be reached was blamed %d times; want once", n)
	}
}

// An exchange that was refused before it had a backend has made no attempt, whether it
// has waited for one or not.
func TestRefusedExchangeHasMadeNoAttempt(t *testing.T) {
	for _, queue := range []string{"", ", max_queue: 1, queue_timeout: 30ms"} {
		h := startHeld(t, limited("concurrency: {max_requests: 1"+queue+"}"))
		other := h.ask("/a")
		h.settle(1, 0)
		c := h.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
		if a := c.receive("GET"); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("X-Isame-Attempts") != "0" {
			t.Errorf("with %q: got %d %q; want 503 and no attempt", queue, a.StatusCode, a.Header.Get("X-Isame-Attempts"))
		}
		h.served(other, "/a ")
	}
}

// A body that came in pieces is sent again as a whole.
func TestBodyOfARetryIsWhole(t *testing.T) {
	const length = 30_000
	for _, tc := range []struct{ name, head, first, rest string }{
		{"length", "Content-Length: 30000\r\n", "hello", strings.Repeat("x", length-5)},
		{"chunked", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "752b\r\n" + strings.Repeat("x", length-5) + "\r\n0\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked atomic.Int64
			busyFirst := unlessFirst(func(c net.Conn, in *bufio.Reader) {
				for q := readHead(in); q != nil; q = readHead(in) {
					body, err := io.ReadAll(q.Body)
					if err != nil {
						return
					}
					if asked.Add(1)%2 == 1 {
						_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
						continue
					}
					n := strconv.Itoa(len(body))
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(n))+"\r\n\r\n"+n)
				}
			})
			text := strings.Replace(plain, "pool: p", `pool: p, retry: {attempts: 2, on: ["503"], backoff: {initial: 0s}}`, 1)
			inBothWays(t, text, busyFirst, func(t *testing.T, r *rig) {
				t.Helper()
				c := r.dial()
				for range 2 {
					c.send("PUT / HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n" + tc.head + "\r\n" + tc.first)
					eventually(t, func() string { return "in flight" }, func() bool { return r.inFlight() == 1 })
					c.send(tc.rest)
					a := c.receive("PUT")
					if a.StatusCode != http.StatusOK || a.body != strconv.Itoa(length) || a.Header.Get("X-Isame-Attempts") != "2; status=1" {
						t.Errorf("got %d, %s bytes after %q; want 200 and %d after a retry", a.StatusCode, a.body, a.Header.Get("X-Isame-Attempts"), length)
					}
				}
			})
		})
	}
}
