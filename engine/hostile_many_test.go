package engine

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestConnectionLimits(t *testing.T) {
	for _, tc := range []struct{ name, limits, cause string }{
		{"all", "limits: {connections: 3}", "connection_limit"}, {"one address", "limits: {connections_per_ip: 3}", "connection_limit_ip"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, impatient(tc.limits), record(t).address)
			var held []*client
			for range 3 {
				c := r.dial()
				c.get("/")
				held = append(held, c)
			}
			for range 100 {
				c := r.dial()
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := summary(t, resp); got != "503 "+tc.cause+" close" || resp.Header.Get("Retry-After") == "" {
					t.Fatalf("got %q; want 503 %s, when to come again, and close", got, tc.cause)
				}
				_ = c.Close()
			}
			for _, c := range held {
				if a := c.get("/"); a.StatusCode != http.StatusOK {
					t.Errorf("within the limit: got %d; want 200", a.StatusCode)
				}
				_ = c.Close()
			}
			r.checkGone(t)
			if a := r.dial().get("/"); a.StatusCode != http.StatusOK {
				t.Errorf("after they left: got %d; want 200", a.StatusCode)
			}
		})
	}
}

// A client that resets, or just leaves, after any byte of its request leaves
// nothing behind: no connection, no exchange, no blame.
func TestClientsThatBreakAnywhere(t *testing.T) {
	r := start(t, plain, backend(t, echo))
	c := r.dial()
	c.get("/")
	_ = c.Close()
	text := post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello") + post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\n") + before
	for _, linger := range []int{0, -1} {
		for i := range len(text) + 1 {
			nc, err := net.Dial("tcp", r.address)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(nc, text[:i]); err != nil {
				t.Fatal(err)
			}
			if tcp, ok := nc.(*net.TCPConn); ok {
				_ = tcp.SetLinger(linger)
			}
			_ = nc.Close()
		}
	}
	r.checkGone(t)
	eventually(t, func() string { return "no exchange in flight" }, func() bool { return r.engine.Pools()[0].InFlight == 0 })
	if n := r.failures(); n != 0 {
		t.Errorf("the backend was blamed %d times; want 0", n)
	}
	if a := r.dial().get("/"); a.StatusCode != http.StatusOK {
		t.Errorf("got %d; want 200", a.StatusCode)
	}
}

// Without descriptors accepting pauses, says so, and goes on when there are some
// again; meanwhile the connections that are there are served.
func TestOutOfDescriptors(t *testing.T) {
	var log lockedBuffer
	r := startLogged(t, &log, plain, record(t).address)
	c := r.dial()
	c.get("/") // this shard's connection to the backend is there now
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	release := func() {
		for _, f := range held {
			_ = f.Close()
		}
		held = nil
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	defer release()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	_ = held[0].Close()
	held = held[1:]
	late := r.dial() // the kernel accepts it, the proxy cannot
	eventually(t, func() string { return "accepting paused and said so" }, func() bool { return strings.Contains(log.String(), "cannot accept connections now") })
	if a := c.get("/"); a.StatusCode != http.StatusOK {
		t.Errorf("a connection that was there: got %d; want 200", a.StatusCode)
	}
	release()
	if a := late.get("/"); a.StatusCode != http.StatusOK {
		t.Errorf("the connection that had to wait: got %d; want 200", a.StatusCode)
	}
}
