package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestFaultyClients is the table of what can be wrong with a client: the backend
// never gets a complete request the client did not complete, is never blamed,
// and nothing is left behind.
func TestFaultyClients(t *testing.T) {
	body := strings.Repeat("x", 300_000)
	long := "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + body
	chunks := "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n" + body
	leave := func(c *net.TCPConn) { _ = c.Close() }
	halve := func(c *net.TCPConn) { _ = c.CloseWrite() }
	stay := func(*net.TCPConn) {}
	wait := func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c); _ = c.Close() }
	read := func(c *net.TCPConn) { _, _ = io.ReadFull(c, make([]byte, 100)); reset(c) }
	for _, tc := range []struct {
		name, sends string
		then        func(*net.TCPConn)
		whole       int // requests the backend may see as complete
		within      time.Duration
	}{
		{"leaves before a byte", "", leave, 0, 0},
		{"resets before a byte", "", reset, 0, 0},
		{"says nothing", "", wait, 0, faultClient},
		{"leaves inside the head", "GET / HTTP/1.1\r\nHo", leave, 0, 0},
		{"resets inside the head", "GET / HTTP/1.1\r\nHo", reset, 0, 0},
		{"ends its half inside the head", "GET / HTTP/1.1\r\nHo", halve, 0, 0},
		{"stalls inside the head", "GET / HTTP/1.1\r\nHo", wait, 0, faultClient},
		{"leaves behind the head", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n", leave, 0, 0},
		{"leaves inside the body", long, leave, 0, 0},
		{"resets inside the body", long, reset, 0, 0},
		{"ends its half inside the body", long, halve, 0, 0},
		{"stalls inside the body", long, wait, 0, faultClient},
		{"leaves between chunks", chunks + "\r\n", leave, 0, 0},
		{"resets inside a chunk", chunks, reset, 0, 0},
		{"stalls between chunks", chunks + "\r\n", wait, 0, faultClient},
		{"leaves before the last line", chunks + "\r\n0\r\n", leave, 0, 0},
		{"leaves instead of continuing", "PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", leave, 0, 0},
		{"leaves while the backend works", "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n", leave, 1, faultRead},
		{"resets while the backend works", "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n", reset, 1, faultRead},
		{"resets inside the answer", "GET /endless HTTP/1.1\r\nHost: t\r\n\r\n", read, 1, 0},
		{"reads nothing", "GET /endless HTTP/1.1\r\nHost: t\r\n\r\n", stay, 1, faultClient},
		{"garbage", "\x00\x01\x02", stay, 0, lingerTime},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: ", reused"}[reused], func(t *testing.T) {
				checkUsage(t)
				var whole atomic.Int64
				r := start(t, strings.Replace(faultyText, "read: 200ms", "read: 5s", 1), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					serveAnything(c, in, &whole)
				}))
				nc, err := net.Dial("tcp", r.address)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = nc.Close() }()
				c := &client{Conn: nc, t: t, r: bufio.NewReader(nc)}
				if reused {
					c.get("/")
					whole.Store(0)
				} else {
					eventually(t, func() string { return "the connection was accepted" }, func() bool { return r.connections() == 1 })
				}
				began := time.Now()
				_, _ = io.WriteString(nc, tc.sends)
				if tc.whole > 0 {
					eventually(t, func() string { return "the backend was asked" }, func() bool { return whole.Load() > 0 })
				}
				if tcp, isTCP := nc.(*net.TCPConn); isTCP {
					tc.then(tcp)
				}
				eventually(t, func() string { return "the exchange is over" }, func() bool {
					return r.engine.Pools()[0].InFlight == 0 && r.connections() == 0
				})
				if took := time.Since(began); took > tc.within+lingerTime+faultLate {
					t.Errorf("it took %v; want at most %v", took, tc.within+lingerTime+faultLate)
				}
				if n := whole.Load(); n != int64(tc.whole) {
					t.Errorf("the backend saw %d complete requests; want %d", n, tc.whole)
				}
				if n := r.failures(); n != 0 {
					t.Errorf("the backend was blamed %d times; want 0", n)
				}
			})
		}
	}
}

// serveAnything reads requests whole, counts them, and answers: /wait after a
// while, /endless without end.
func serveAnything(c net.Conn, in *bufio.Reader, whole *atomic.Int64) {
	for q := readHead(in); q != nil; q = readHead(in) {
		if q.Header.Get("Expect") != "" {
			_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		if _, err := io.Copy(io.Discard, q.Body); err != nil {
			return
		}
		whole.Add(1)
		switch q.URL.Path {
		case "/wait":
			<-time.After(faultRead)
		case "/endless":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for piece := make([]byte, 64<<10); ; {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		}
		if _, err := io.WriteString(c, ok); err != nil {
			return
		}
	}
}

// A backend that closes its idle connections costs no request, however it tells:
// by closing in time, by closing just then, or by Connection: close.
func TestIdleConnectionsOfTheBackendEnd(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answer  string
		then    func(*net.TCPConn, *bufio.Reader)
		retried bool
	}{
		{"at once", ok, closes, false},
		{"at once, by a reset", ok, resets, false},
		{"announced", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", stalls, false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", stalls, false},
		{"when the next request comes", ok, func(_ *net.TCPConn, in *bufio.Reader) { _, _ = in.Peek(1) }, true},
		{"when the next request comes, by a reset", ok, func(c *net.TCPConn, in *bufio.Reader) { _, _ = in.Peek(1); reset(c) }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkUsage(t)
			r := start(t, faultyText, says(tc.answer, tc.then).backend(t))
			c := r.dial()
			for i := range 21 {
				if got := c.outcome(t, faultGET); got != "200 ok" {
					t.Fatalf("GET %d: got %q; want 200 ok", i, got)
				}
				c.outcome(t, "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n")
			}
			if n := r.failures(); n != 0 {
				t.Errorf("the backend was blamed %d times; want 0", n)
			}
			if counted := strings.Join(r.counters(t), ","); tc.retried && !strings.Contains(counted, "retries reused_connection") {
				t.Errorf("counted %q; want retries of a reused connection", counted)
			}
			_ = c.Close()
		})
	}
}

// serves is a backend without a fault.
func serves(c *net.TCPConn, in *bufio.Reader) {
	var whole atomic.Int64
	serveAnything(c, in, &whole)
}

// One bad backend of three costs no request; all bad is an answer at once; and
// when they are back, so is the service.
func TestBadBackendsAmongGoodOnes(t *testing.T) {
	for name, address := range map[string]func(*testing.T) string{"refusing": nobody, "black hole": blackHole, "no socket": noSocket} {
		t.Run(name, func(t *testing.T) {
			checkUsage(t)
			good := fmt.Sprintf(`{address: %q}, {address: %q}, `, faulty(serves).backend(t), faulty(serves).backend(t))
			r := start(t, strings.Replace(faultyText, "backends: [", "backends: ["+good, 1), address(t))
			c := r.dial()
			for i := range 12 {
				if got := c.outcome(t, post("Content-Length: 5\r\n", "hello")); got != "200 ok" {
					t.Fatalf("request %d: got %q; want 200 ok", i, got)
				}
			}
			_ = c.Close()
		})
	}
}

func TestAllBackendsBadAndBack(t *testing.T) {
	checkUsage(t)
	var bad atomic.Bool
	does := faulty(func(c *net.TCPConn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			if bad.Load() {
				reset(c)
				return
			}
			_, _ = io.WriteString(c, ok)
		}
	})
	text := strings.Replace(faultyText, "backends: [", `circuit_breaker: {failures: 3, open_for: 100ms, half_open_requests: 1, max_ejected_percent: 100}, backends: [{address: "`+does.backend(t)+`"}, `, 1)
	r := start(t, text, does.backend(t))
	c := r.dial()
	for range 4 {
		if got := c.outcome(t, faultGET); got != "200 ok" {
			t.Fatalf("all good: got %q; want 200 ok", got)
		}
	}
	bad.Store(true)
	seen := map[string]bool{}
	for range 20 {
		seen[c.outcome(t, faultGET)] = true
	}
	if !seen["502 reset"] || !seen["503 circuit_open"] || len(seen) != 2 {
		t.Errorf("all bad: got %v; want 502 reset, and 503 circuit_open once the breakers are open", seen)
	}
	bad.Store(false)
	eventually(t, func() string { return "an answer again" }, func() bool { return c.outcome(t, faultGET) == "200 ok" })
	_ = c.Close()
}
