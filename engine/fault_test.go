package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// scripted is a backend that runs script on every connection and counts them.
func scripted(t testing.TB, script func(n int64, c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var count atomic.Int64
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				script(count.Add(1), c, bufio.NewReader(c))
			}()
		}
	}()
	return ln.Addr().String()
}

// readHead reads one request without its body.
func readHead(r *bufio.Reader) *http.Request {
	q, err := http.ReadRequest(r)
	if err != nil {
		return nil
	}
	return q
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// nobody is an address where nobody listens. It stays bound: a free port could
// become the proxy's own.
func nobody(t *testing.T) string {
	t.Helper()
	fd, address := bound(t)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	return address
}

// bound is a socket that is bound to a port of its own and does not listen.
func bound(t *testing.T) (fd int, address string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	inet, isInet := sa.(*syscall.SockaddrInet4)
	if !isInet {
		t.Fatalf("got a %T; want an IPv4 address", sa)
	}
	return fd, "127.0.0.1:" + strconv.Itoa(inet.Port)
}

func TestBrokenBackends(t *testing.T) {
	for _, tc := range []struct {
		name, script  string
		status        int
		cause         string
		clientBrokeUp bool
	}{
		{"closes at once", "", 502, "reset", false},
		{"garbage", "220 smtp ready\r\n\r\n", 502, "bad_response", false},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-", 502, "reset", false},
		{"space in a name", "HTTP/1.1 200 OK\r\nX Y: 1\r\n\r\n", 502, "bad_response", false},
		{"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, "bad_response", false},
		{"status 99", "HTTP/1.1 099 Low\r\n\r\n", 502, "bad_response", false},
		{"unasked switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502, "bad_response", false},
		{"endless interim", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 40), 502, "bad_response", false},
		{"head too large", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 70_000) + "\r\n\r\n", 502, "bad_response", false},
		{"short body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", 200, "", true},
		{"short chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nshort", 200, "", true},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", 200, "", true},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nall of it", 200, "", false},
		{"HTTP/1.0", "HTTP/1.0 200 Fine\r\n\r\nall of it", 200, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				if readHead(in) != nil {
					_, _ = io.WriteString(c, tc.script)
				}
			}))
			c := r.dial()
			c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
			resp := finalOf(t, c.r)
			if resp.StatusCode != tc.status || resp.Header.Get("X-Isame-Error") != tc.cause {
				t.Fatalf("got %d %q; want %d %q", resp.StatusCode, resp.Header.Get("X-Isame-Error"), tc.status, tc.cause)
			}
			if resp.Proto != "HTTP/1.1" {
				t.Errorf("got %s; want HTTP/1.1", resp.Proto)
			}
			_, err := io.ReadAll(resp.Body)
			if (err != nil) != tc.clientBrokeUp {
				t.Errorf("client read the body with %v; want broken: %v", err, tc.clientBrokeUp)
			}
		})
	}
}

func finalOf(t *testing.T, r *bufio.Reader) *http.Response {
	t.Helper()
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode >= 200 {
			return resp
		}
	}
}

func TestUnaskedBytesNeverReachTheNextClient(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			_, _ = io.WriteString(c, ok+"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
		}
	}))
	for range 20 {
		if a := r.dial().get("/"); a.body != "ok" {
			t.Fatalf("got %q; want ok", a.body)
		}
	}
}

func TestStoppedBackendCostsNoRequest(t *testing.T) {
	alive := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	r := start(t, strings.Replace(plain, `{address: "{{backend}}"}`, `{address: "{{backend}}"}, {address: "`+nobody(t)+`"}`, 1), alive)
	c := r.dial()
	for i := range 50 {
		c.send("POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")
		if a := c.receive("POST"); a.StatusCode != 200 {
			t.Fatalf("request %d: got %d %s; want 200", i, a.StatusCode, a.body)
		}
	}
}

func TestAllBackendsDown(t *testing.T) {
	r := start(t, plain, nobody(t))
	a := r.dial().get("/")
	if a.StatusCode != 502 || a.Header.Get("X-Isame-Error") != "connect_refused" {
		t.Errorf("got %d %q; want 502 connect_refused", a.StatusCode, a.Header.Get("X-Isame-Error"))
	}
	if a.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.body, `"cause":"connect_refused"`) {
		t.Errorf("got %q %s; want a problem document", a.Header.Get("Content-Type"), a.body)
	}
}

// diesOnSecond reads two requests, answers the first and closes: what an idle
// connection does that is closed just when the next request is sent, only that
// the second request was received.
func diesOnSecond(_ int64, c net.Conn, in *bufio.Reader) {
	if readHead(in) == nil {
		return
	}
	_, _ = io.WriteString(c, ok)
	_, _ = in.Peek(1)
}

// The request is repeated on a fresh connection and the client sees nothing.
// After that it is known how soon the backend closes, and a request that may not
// be repeated is not sent on an old connection.
func TestDyingIdleConnectionIsRetried(t *testing.T) {
	r := start(t, plain, scripted(t, diesOnSecond))
	c := r.dial()
	for i := range 21 { // an odd number: the last one leaves an idle connection
		if a := c.get("/"); a.StatusCode != 200 {
			t.Fatalf("request %d: got %d %s; want 200", i, a.StatusCode, a.body)
		}
	}
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi")
	if a := c.receive("POST"); a.StatusCode != 200 {
		t.Errorf("POST: got %d %q; want 200 over a fresh connection", a.StatusCode, a.Header.Get("X-Isame-Error"))
	}
}

func TestReceivedPostIsNotRepeated(t *testing.T) {
	r := start(t, plain, scripted(t, diesOnSecond))
	c := r.dial()
	if a := c.get("/"); a.StatusCode != 200 {
		t.Fatalf("got %d; want 200", a.StatusCode)
	}
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi")
	if a := c.receive("POST"); a.StatusCode != 502 || a.Header.Get("X-Isame-Error") != "reused_connection_died" {
		t.Errorf("POST: got %d %q; want 502 reused_connection_died, it may have been processed", a.StatusCode,
			a.Header.Get("X-Isame-Error"))
	}
}

func TestRetryOnStatus(t *testing.T) {
	config := strings.Replace(plain, "{pool: p}", `{pool: p, retry: {attempts: 3, on: ["503"], backoff: {initial: 1ms}}}`, 1)
	for _, tc := range []struct {
		method        string
		status, tries int
	}{{"GET", 200, 3}, {"POST", 503, 1}} {
		t.Run(tc.method, func(t *testing.T) {
			var tries atomic.Int64
			r := start(t, config, backend(t, func(w http.ResponseWriter, _ *http.Request) {
				if tries.Add(1) < 3 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			c := r.dial()
			c.send(tc.method + " / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
			if a := c.receive(tc.method); a.StatusCode != tc.status || int(tries.Load()) != tc.tries {
				t.Errorf("got %d after %d tries; want %d after %d", a.StatusCode, tries.Load(), tc.status, tc.tries)
			}
		})
	}
}

func TestTimeoutOfTheRoute(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	r := start(t, strings.Replace(plain, "{pool: p}", "{pool: p, timeout: 50ms}", 1), scripted(t,
		func(_ int64, _ net.Conn, in *bufio.Reader) {
			readHead(in)
			<-release
		}))
	a := r.dial().get("/")
	if a.StatusCode != 504 || a.Header.Get("X-Isame-Error") != "timeout" {
		t.Errorf("got %d %q; want 504 timeout", a.StatusCode, a.Header.Get("X-Isame-Error"))
	}
}
