package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// impatient is plain with limits of the listener in place of LIMITS.
func impatient(limits string) string {
	return strings.Replace(plain, `"127.0.0.1:0"}`, `"127.0.0.1:0", `+limits+`}`, 1)
}

// connections is how many clients are connected.
func (r *rig) connections() int {
	l := r.engine.Listeners()[0]
	return l.Active + l.Idle
}

// checkGone waits until no client is connected any more.
func (r *rig) checkGone(t *testing.T) {
	t.Helper()
	eventually(t, func() string { return fmt.Sprintf("0 connections; there are %d", r.connections()) }, func() bool { return r.connections() == 0 })
}

// end reads to the end of the connection and reports what came.
func (c *client) end(t *testing.T) string {
	t.Helper()
	all, err := io.ReadAll(c.r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("after %.200q: %v; want the end of the connection", all, err)
	}
	return string(all)
}

// Whatever a connection did before: when it says nothing it ends, by the time
// for a header when it is new and by the one for idle ones later.
func TestSilentConnectionsEnd(t *testing.T) {
	rec := record(t)
	for _, tc := range []struct{ name, limits, first string }{
		{"new", "timeouts: {header: 100ms, idle: 10s}", ""},
		{"idle behind a dialed exchange", "timeouts: {header: 10s, idle: 100ms}", before},
		{"idle behind two", "timeouts: {header: 10s, idle: 100ms}", before + before},
		{"idle behind an answer of our own", "timeouts: {header: 10s, idle: 100ms}", "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"},
		{"idle behind an upload", "timeouts: {header: 10s, idle: 100ms}", post("Content-Length: 100000\r\n", strings.Repeat("x", 100_000))},
		{"an empty line and nothing", "timeouts: {header: 100ms, idle: 10s}", "\r\n"},
		{"half a request line", "timeouts: {header: 100ms, idle: 10s}", "GET /"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, impatient(tc.limits), rec.address)
			for range 2 { // the second time the backend's connection is there already
				c := r.dial()
				c.send(tc.first)
				began := time.Now()
				if got := c.end(t); time.Since(began) > 5*time.Second {
					t.Errorf("got %q and the end after %v; want it after 100ms", got, time.Since(began))
				}
				_ = c.Close()
			}
			r.checkGone(t)
		})
	}
}

func TestManySilentConnectionsEnd(t *testing.T) {
	r := start(t, impatient("timeouts: {header: 300ms}"), record(t).address)
	const many = 400
	var all []*client
	for range many {
		all = append(all, r.dial())
	}
	if a := r.dial().get("/"); a.StatusCode != http.StatusOK {
		t.Errorf("among %d silent connections: got %d; want 200", many, a.StatusCode)
	}
	for _, c := range all {
		if got := c.end(t); got != "" {
			t.Errorf("got %q; want nothing", got)
		}
	}
}

// drip sends text byte by byte until somebody closes.
func (c *client) drip(text string, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range len(text) {
		if _, err := c.Write([]byte{text[i]}); err != nil {
			return
		}
		<-tick.C
	}
}

func TestSlowRequests(t *testing.T) {
	r := start(t, impatient("timeouts: {header: 150ms, body: 150ms}"), record(t).address)
	for _, tc := range []struct {
		name, at, drip string
		want           string
	}{
		{"stops in the request line", "GET / HT", "", "408 slow_header close"},
		{"stops in a field", "GET / HTTP/1.1\r\nHost: t\r\nAccept: text/ht", "", "408 slow_header close"},
		{"stops before the empty line", "GET / HTTP/1.1\r\nHost: t\r\nAccept: text/html\r\n", "", "408 slow_header close"},
		{"drips its header", "GET / HTTP/1.1\r\nHost: t\r\nX: ", strings.Repeat("y", 1000), "408 slow_header close"},
		{"stops before its body", post("Content-Length: 10\r\n", ""), "", "408 client_slow close"},
		{"stops in its body", post("Content-Length: 10\r\n", "hello"), "", "408 client_slow close"},
		{"stops in a chunk", post("Transfer-Encoding: chunked\r\n", "a\r\nhello"), "", "408 client_slow close"},
		{"stops in a chunk size", post("Transfer-Encoding: chunked\r\n", "a"), "", "408 client_slow close"},
		{"stops in its trailers", post("Transfer-Encoding: chunked\r\n", "0\r\nX: y"), "", "408 client_slow close"},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				c := r.dial()
				if reused {
					c.get("/")
				}
				c.send(tc.at)
				go c.drip(tc.drip, 10*time.Millisecond)
				began := time.Now()
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := summary(t, resp); got != tc.want || time.Since(began) > 5*time.Second {
					t.Errorf("got %q after %v; want %q after 150ms", got, time.Since(began), tc.want)
				}
				_ = c.Close()
			})
		}
	}
	r.checkGone(t)
	if n := r.failures(); n != 0 {
		t.Errorf("the backend was blamed %d times; want 0", n)
	}
}

// A client that does not read: the proxy holds a buffer, not the answer, the
// backend is held back, and after the write timeout both are rid of it.
func TestClientThatReadsNothing(t *testing.T) {
	t.Parallel()
	for _, framing := range []string{"Content-Length: 1073741824\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n40000000\r\n", "\r\n"} {
		var sent atomic.Int64
		r := start(t, impatient("timeouts: {write: 200ms}"), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
			if readHead(in) == nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+framing)
			for piece := make([]byte, 64<<10); ; {
				n, err := c.Write(piece)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}))
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		eventually(t, func() string { return "the answer began" }, func() bool { return sent.Load() > 0 })
		r.checkGone(t)
		if n := sent.Load(); n > 64<<20 {
			t.Errorf("the backend sent %d bytes to a client that reads nothing; want it held back", n)
		}
		if n := r.failures(); n != 0 {
			t.Errorf("the backend was blamed %d times; want 0", n)
		}
	}
}

func TestHeaderBombs(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	get := func(fields string) string { return "GET / HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n" }
	var cases []hostile
	cases = append(cases, refusedAs("431 header_too_large", [][2]string{
		{"one field", get("X: " + strings.Repeat("y", 17<<10) + "\r\n")},
		{"one name", get(strings.Repeat("y", 17<<10) + ": x\r\n")},
		{"a field without end", "GET / HTTP/1.1\r\nHost: t\r\nX: " + strings.Repeat("y", 40<<10)},
		{"a cookie", get("Cookie: " + strings.Repeat("a=b; ", 4000) + "\r\n")},
		{"128 long fields", get(strings.Repeat("X: "+strings.Repeat("y", 200)+"\r\n", 100))},
	})...)
	cases = append(cases, refusedAs("431 too_many_fields", [][2]string{
		{"many fields", get(strings.Repeat("X: y\r\n", 2000))}, {"many empty fields", get(strings.Repeat("X:\r\n", 2000))}, {"129", get(strings.Repeat("X:\r\n", 128))},
	})...)
	cases = append(cases, refusedAs("414 target_too_long", [][2]string{{"a query", "GET /?" + strings.Repeat("x", 17<<10) + " HTTP/1.1\r\nHost: t\r\n\r\n"}})...)
	cases = append(cases, fieldsCase("128 fields", strings.Repeat("X:\r\n", 127), strings.Repeat("X:\r\n", 127)+"+\r\n"))
	attack(t, r, rec, cases)
}
