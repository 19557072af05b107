package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// earlyBusy answers the first request for /case with a 503 in two parts, before it has
// read the request's body: the second part comes when goOn says so. Anything else it
// reads and answers with what it has read.
func earlyBusy(t *testing.T, part int, goOn <-chan struct{}) string {
	t.Helper()
	var refused atomic.Bool
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			if q.URL.Path == "/case" && refused.CompareAndSwap(false, true) {
				_, _ = io.ReadFull(q.Body, make([]byte, part))
				_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 20\r\n\r\n0123456789")
				<-goOn
				_, _ = io.WriteString(c, "abcdefghij")
				_, _ = io.Copy(io.Discard, in)
				return
			}
			n, err := io.Copy(io.Discard, q.Body)
			if err != nil {
				return
			}
			body := strconv.FormatInt(n, 10)
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
}

// An answer whose status the route retries is the client's, whole, where the retry
// cannot be made: whatever of the request was sent by then. Where it can, it is made.
func TestAnswerIsPassedOnWholeWhereItsRetryIsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for _, body := range []struct {
		name, method, fields string
		first, rest          string
		part                 int  // of it, the backend reads before it answers
		replayable           bool // when the answer comes
		size                 int
	}{
		{"none", "GET", "", "", "", 0, true, 0},
		{"small, whole", "PUT", "Content-Length: 5\r\n", "hello", "", 5, true, 5},
		{"small, partly sent", "PUT", "Content-Length: 10\r\n", "hello", "world", 5, true, 10},
		{"large, partly sent", "PUT", "Content-Length: 1048576\r\n", long[:200000], long[200000:], 200000, false, 1 << 20},
		{"chunked, partly sent", "PUT", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n", 5, true, 10},
		{"chunked, large", "PUT", "Transfer-Encoding: chunked\r\n", "100000\r\n" + long[:200000], long[200000:] + "\r\n0\r\n\r\n", 200000, false, 1 << 20},
	} {
		for _, budget := range []string{"percent: 100, min_per_second: 10", "percent: 0, min_per_second: 0"} {
			for _, warm := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, budget {%s}, warm %v", body.name, budget, warm), func(t *testing.T) {
					t.Parallel()
					goOn := make(chan struct{})
					text := strings.Replace(patient("", ""), "attempts: 3", "budget: {"+budget+"}, attempts: 3", 1)
					r := start(t, text, earlyBusy(t, body.part, goOn))
					c := r.dial()
					if warm {
						c.get("/")
					}
					c.send(body.method + " /case HTTP/1.1\r\nHost: t\r\n" + body.fields + "\r\n")
					c.send(body.first)
					if !body.replayable || !strings.Contains(budget, "100") {
						part := make([]byte, 10)
						resp, err := http.ReadResponse(c.r, nil)
						if err != nil {
							t.Fatal(err)
						}
						if _, err := io.ReadFull(resp.Body, part); err != nil || resp.StatusCode != 503 {
							t.Fatalf("got %d, %v; want 503 and its first part", resp.StatusCode, err)
						}
						close(goOn)
						rest, err := io.ReadAll(resp.Body)
						if string(part)+string(rest) != "0123456789abcdefghij" || err != nil {
							t.Errorf("got %q, %v; want the whole answer", string(part)+string(rest), err)
						}
						eventually(t, func() string { return fmt.Sprintf("a 503 of the backend; there are %q", r.counters(t)) }, func() bool {
							return slices.Contains(r.counters(t), "backend_requests 503 1")
						})
						return
					}
					defer close(goOn)
					c.send(body.rest)
					if a := c.receive(body.method); a.StatusCode != 200 || a.body != strconv.Itoa(body.size) {
						t.Errorf("got %d %q; want 200 and %d bytes received", a.StatusCode, a.body, body.size)
					}
				})
			}
		}
	}
}
