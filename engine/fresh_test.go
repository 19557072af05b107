package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// Without a retry section, a fresh connection that ends before a byte of an answer
// has come costs an idempotent request nothing while another backend is there. What
// may have been processed, or has begun to be answered, is not asked again.
func TestFreshConnectionThatDiesIsRetriedByDefault(t *testing.T) {
	for _, tc := range []struct {
		name  string
		dies  faulty
		begun bool // an answer has
	}{
		{"closed at once", closes, false},
		{"reset at once", resets, false},
		{"closed behind the request", says("", closes), false},
		{"reset behind the request", says("", resets), false},
		{"its half ended", says("", shutsDown), false},
		{"closed inside the head", says("HTTP/1.1 200 OK\r\nCont", closes), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			good := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for q := readHead(in); q != nil; q = readHead(in) {
					body, _ := io.ReadAll(q.Body)
					text := q.Method + " " + string(body)
					_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
				}
			})
			two := strings.Replace(plain, `{address: "{{backend}}"}`, `{address: "{{backend}}"}, {address: "`+tc.dies.backend(t)+`"}`, 1)
			two = strings.Replace(two, "backends:", "circuit_breaker: {failures: 1000, error_percent: 100, min_requests: 1000}, backends:", 1)
			for _, method := range []string{"GET", "QUERY", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"} {
				r := start(t, two, good)
				c := r.dial()
				seen := map[string]int{}
				for range 20 {
					seen[c.outcome(t, method+" /x HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")]++
				}
				good, bad := seen["200 "+method+" hello"], seen["502 reset"]
				fails := tc.begun || method == "POST" || method == "PATCH"
				if good == 0 || good+bad != 20 || !fails && bad > 0 || tc.begun && bad == 0 {
					t.Errorf("%s: got %v; want failures: %v", method, seen, fails)
				}
			}
		})
	}
}

// QUERY is safe and idempotent (RFC 10008): one that is slow is asked of another
// backend too, with its body.
func TestQueryIsHedged(t *testing.T) {
	h := startHedge(t, "after: 10ms")
	c := h.dial()
	c.send("QUERY /slow HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
	eventually(t, func() string { return "both backends are asked" }, func() bool { return h.waiting.Load() == 2 })
	h.free[0] <- struct{}{}
	h.free[1] <- struct{}{}
	if a := c.receive("QUERY"); a.StatusCode != 200 {
		t.Errorf("got %d %s; want 200", a.StatusCode, a.body)
	}
}
