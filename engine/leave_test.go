package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A backend does not work on for a client that has left: the attempt ends at
// once after a reset, and after the grace when the client may only have ended
// its half. Fresh connections to the backend are waited for by a goroutine,
// pooled ones by the loop.
func TestBackendOfAClientThatLeftIsReleased(t *testing.T) {
	for _, tc := range []struct {
		name  string
		leave func(*net.TCPConn)
		after time.Duration
	}{
		{"reset", reset, 0},
		{"close", func(c *net.TCPConn) { _ = c.Close() }, leaveGrace},
		{"end of its half", func(c *net.TCPConn) { _ = c.CloseWrite() }, leaveGrace},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: " reused"}[reused], func(t *testing.T) {
				asked, released := make(chan struct{}, 1), make(chan struct{}, 1)
				r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for q := readHead(in); q != nil; q = readHead(in) {
						if q.URL.Path == "/work" {
							asked <- struct{}{}
							_, _ = in.Peek(1)
							released <- struct{}{}
							return
						}
						_, _ = io.WriteString(c, ok)
					}
				}))
				c := r.dial()
				if reused {
					c.get("/")
				}
				c.send("GET /work HTTP/1.1\r\nHost: t\r\n\r\n")
				<-asked
				began := time.Now()
				tcp, isTCP := c.Conn.(*net.TCPConn)
				if !isTCP {
					t.Fatal("not a TCP connection")
				}
				tc.leave(tcp)
				<-released
				if took := time.Since(began); took < tc.after || took > tc.after+5*time.Second {
					t.Errorf("released after %v; want %v", took, tc.after)
				}
				r.checkGone(t)
				if n := r.failures(); n != 0 {
					t.Errorf("the backend was blamed %d times; want 0", n)
				}
			})
		}
	}
}

// A client that has ended its half still gets an answer that begins in time,
// however long that takes then.
func TestClientThatEndedItsHalfGetsItsAnswer(t *testing.T) {
	for _, reused := range []bool{false, true} {
		r := start(t, plain, backend(t, func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path != "/long" {
				return
			}
			w.WriteHeader(http.StatusOK)
			tick := time.NewTicker(leaveGrace / 4)
			defer tick.Stop()
			for range 6 {
				if err := http.NewResponseController(w).Flush(); err != nil {
					return
				}
				<-tick.C
				_, _ = io.WriteString(w, "x")
			}
		}))
		c := r.dial()
		if reused {
			c.get("/")
		}
		c.send("GET /long HTTP/1.1\r\nHost: t\r\n\r\n")
		tcp, isTCP := c.Conn.(*net.TCPConn)
		if !isTCP {
			t.Fatal("not a TCP connection")
		}
		if err := tcp.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if a := c.receive("GET"); a.StatusCode != 200 || a.body != "xxxxxx" {
			t.Errorf("reused %v: got %d %q; want the whole answer", reused, a.StatusCode, a.body)
		}
	}
}
