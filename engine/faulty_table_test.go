package engine

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const (
	faultGET  = "GET / HTTP/1.1\r\nHost: t\r\n\r\n"
	faultHead = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
	faultPart = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
	faultBits = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
)

// TestFaultyBackends is the table of what can be wrong with a backend: what the
// client gets, how soon, what is counted, whether the backend is blamed, and
// that nothing is left behind. Each row runs on a fresh connection to the
// backend and on a reused one, where that can be.
func TestFaultyBackends(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1_000_000)
	for _, tc := range []struct {
		name    string
		does    faulty // nil: see address
		address func(*testing.T) string
		request string // GET when empty
		want    string // behind a bar: what else it may be, by the order of packets
		atLeast time.Duration
		blamed  uint64
		counted string // comma separated counters
	}{
		{"refuses", nil, nobody, "", "502 connect_refused", 0, 2, "backend_requests 0 2,requests 502 1,retries connect_failure 1"},
		{"black hole", nil, blackHole, "", "504 connect_timeout", 2 * faultConnect, 2, "backend_requests 0 2,requests 504 1,retries connect_failure 1"},
		{"a unix socket that is not there", nil, noSocket, "", "502 connect_failed", 0, 2, "backend_requests 0 2,requests 502 1,retries connect_failure 1"},
		{"accepts and closes", closes, nil, "", "502 reset", 0, 2, "backend_requests 0 2,requests 502 1,retries reset 1"},
		{"accepts and resets", resets, nil, "", "502 reset|502 connect_failed", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"accepts and hangs", stalls, nil, "", "504 timeout", faultRead, 1, "backend_requests 0 1,requests 504 1"},
		{"closes before the head", says("", closes), nil, "", "502 reset", 0, 2, "backend_requests 0 2,requests 502 1,retries reset 1"},
		{"resets before the head", says("", resets), nil, "", "502 reset", 0, 2, "backend_requests 0 2,requests 502 1,retries reset 1"},
		{"ends its half before the head", says("", shutsDown), nil, "", "502 reset", 0, 2, "backend_requests 0 2,requests 502 1,retries reset 1"},
		{"closes inside the head", says("HTTP/1.1 200 OK\r\nCont", closes), nil, "", "502 reset", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"stalls inside the head", says("HTTP/1.1 200 OK\r\nCont", stalls), nil, "", "504 timeout", faultRead, 1, "backend_requests 0 1,requests 504 1"},
		{"drips its head", says("", drips(strings.SplitAfter("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "")...)), nil, "", "504 timeout", faultRead, 1, "backend_requests 0 1,requests 504 1"},
		{"closes behind the head", says(faultHead, closes), nil, "", "200 broken", 0, 1, "backend_requests 0 1,requests 200 1"},
		{"stalls behind the head", says(faultHead, stalls), nil, "", "200 broken", faultRead, 1, "backend_requests 0 1,requests 200 1"},
		{"closes inside the body", says(faultPart, closes), nil, "", "200 broken", 0, 1, "backend_requests 0 1,requests 200 1"},
		{"stalls inside the body", says(faultPart, stalls), nil, "", "200 broken", faultRead, 1, "backend_requests 0 1,requests 200 1"},
		{"closes between chunks", says(faultBits, closes), nil, "", "200 broken", 0, 1, "backend_requests 0 1,requests 200 1"},
		{"stalls between chunks", says(faultBits, stalls), nil, "", "200 broken", faultRead, 1, "backend_requests 0 1,requests 200 1"},
		{"stalls before its end is known", says("HTTP/1.1 200 OK\r\n\r\nhello", stalls), nil, "", "200 broken", faultRead, 1, "backend_requests 0 1,requests 200 1"},
		{"garbage", says("\x00\xff garbage \r\n\r\n", stalls), nil, "", "502 bad_response", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"garbage before it is asked", func(c *net.TCPConn, in *bufio.Reader) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); stalls(c, in) }, nil, "", "502 bad_response", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"garbage between chunks", says(faultBits+"xyz", stalls), nil, "", "200 broken", 0, 1, "backend_requests 0 1,requests 200 1"},
		{"endless head", says("HTTP/1.1 200 OK\r\n", endlessly("X: y\r\n")), nil, "", "502 bad_response", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"endless status line", says("HTTP/1.1 200 ", endlessly("x")), nil, "", "502 bad_response", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"endless interim answers", says("", endlessly("HTTP/1.1 100 Continue\r\n\r\n")), nil, "", "502 bad_response", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"endless trailers", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", endlessly("X: y\r\n")), nil, "", "502 bad_response|200 broken", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"endless extension", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", endlessly("x")), nil, "", "502 bad_response|200 broken", 0, 1, "backend_requests 0 1,requests 502 1"},
		{"drips its body", says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", drips(strings.SplitAfter("helloworld", "")...)), nil, "", "200 helloworld", faultRead, 0, "backend_requests 200 1,requests 200 1"},
		{"drips its chunks", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", drips(strings.SplitAfter("1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n", "\n")...)), nil, "", "200 hello", faultRead, 0, "backend_requests 200 1,requests 200 1"},
		{"Connection: close", says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", stalls), nil, "", "200 ok", 0, 0, "backend_requests 200 1,requests 200 1"},
		{"answers before the body and closes", says(ok, closes), nil, post, "200 ok", 0, 0, "backend_requests 200 1,requests 200 1"},
		{"answers before the body and reads on", says(ok, stalls), nil, post, "200 ok", 0, 0, "backend_requests 200 1,requests 200 1"},
		{"hangs behind the body", stalls, nil, post, "504 timeout", faultRead, 1, "backend_requests 0 1,requests 504 1"},
		{"resets inside the body it reads", func(c *net.TCPConn, in *bufio.Reader) { _, _ = io.CopyN(io.Discard, in, 100_000); reset(c) }, nil, post, "502 reset", 0, 1, "backend_requests 0 1,requests 502 1"},
	} {
		for _, reused := range []bool{false, true} {
			if reused && tc.does == nil {
				continue
			}
			t.Run(tc.name+map[bool]string{true: ", reused"}[reused], func(t *testing.T) {
				checkUsage(t)
				var address string
				switch {
				case tc.does == nil:
					address = tc.address(t)
				case reused:
					address = tc.does.onSecond().backend(t)
				default:
					address = tc.does.backend(t)
				}
				r := start(t, faultyText, address)
				c := r.dial()
				if reused {
					if got := c.outcome(t, faultGET); got != "200 ok" {
						t.Fatalf("first exchange: got %q; want 200 ok", got)
					}
					c.outcome(t, "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n") // answered: the connection is back in the pool
				}
				request, blamed := tc.request, tc.blamed
				want, other, _ := strings.Cut(tc.want, "|")
				if request == "" {
					request = faultGET
				} else if reused && want == "502 reset" {
					want, blamed = "502 reused_connection_died", 0 // a GET is sent again, a POST is not
				}
				began := time.Now()
				got := c.outcome(t, request)
				if took := time.Since(began); got != want && got != other || took < tc.atLeast || took > tc.atLeast+faultLate {
					t.Errorf("the client got %q after %v; want %q after %v to %v", got, took, want, tc.atLeast, tc.atLeast+faultLate)
				}
				_ = c.Close()
				eventually(t, func() string { return "the exchange is over" }, func() bool {
					return r.engine.Pools()[0].InFlight == 0 && r.connections() == 0
				})
				if other != "" {
					return // the counters depend on it as well
				}
				if n := r.failures(); n != blamed {
					t.Errorf("the backend was blamed %d times; want %d", n, blamed)
				}
				if got := strings.Join(r.counters(t), ","); !reused && got != tc.counted {
					t.Errorf("counted %q; want %q", got, tc.counted)
				}
			})
		}
	}
}

// noSocket is an address below a folder that is empty.
func noSocket(t *testing.T) string {
	t.Helper()
	return "unix:" + t.TempDir() + "/no.sock"
}
