package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A head that is refused half-way has been read in part only: nothing of it, nor
// of the exchange before, may be used to make the answer.
func TestRefusalsUseNothingOfAHalfReadHead(t *testing.T) {
	timeouts := `"127.0.0.1:0", timeouts: {header: 100ms}}`
	r := start(t, strings.Replace(plain, `"127.0.0.1:0"}`, timeouts, 1), backend(t, echo))
	const accept = "GET / HTTP/1.1\r\nHost: t\r\nAccept: text/html\r\n"
	for _, tc := range []struct {
		name, request string
		status        int
		cause         string
	}{
		{"bad field after Accept", accept + "Bad Name: x\r\n\r\n", 400, "bad_field_name"},
		{"too large after Accept", accept + "X: " + strings.Repeat("x", 20<<10), 431, "header_too_large"},
		{"too slow after Accept", accept, 408, "slow_header"},
		{"too many fields after Accept", accept + strings.Repeat("X: x\r\n", 200) + "\r\n", 431, "too_many_fields"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := r.dial()
			c.send(tc.request)
			a := c.receive("GET")
			if a.StatusCode != tc.status || a.Header.Get("X-Isame-Error") != tc.cause || !a.Close {
				t.Errorf("got %d %q, close %v; want %d %q and close", a.StatusCode, a.Header.Get("X-Isame-Error"), a.Close,
					tc.status, tc.cause)
			}
		})
	}
	if n := r.engine.panics.Load(); n != 0 {
		t.Errorf("%d panics; want 0", n)
	}
}

// Whatever the exchange before was (its record is used again), a refusal has its
// body, and reaches a client that goes on sending for a while.
func TestRefusalsUseNothingOfTheExchangeBefore(t *testing.T) {
	r := start(t, plain, backend(t, echo))
	for range 20 {
		c := r.dial()
		c.send("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n")
		if a := c.receive("HEAD"); a.StatusCode != http.StatusOK {
			t.Fatalf("got %d; want 200", a.StatusCode)
		}
		c.send("GET / HTTP/1.1\r\nHost: t\r\nContent-Length: +1\r\n\r\n")
		for range 8 { // what the client sends on must not reset the answer away
			if _, err := io.WriteString(c, strings.Repeat("x", 64<<10)); err != nil {
				t.Fatalf("the connection broke under the answer: %v", err)
			}
		}
		a := c.receive("GET")
		if a.StatusCode != 400 || a.body == "" || !a.Close {
			t.Fatalf("got %d and %d bytes, close %v; want 400 with a body and close", a.StatusCode, len(a.body), a.Close)
		}
	}
}

// A client that pipelines does not know that its first answer is the last one:
// what it still sends must not reset that answer away.
func TestAnswerOfAnEndingConnectionSurvivesPipelining(t *testing.T) {
	const until = "HTTP/1.1 200 OK\r\n\r\n"
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		readHead(in)
		_, _ = io.WriteString(c, until+"all")
	}))
	for range 20 {
		c := r.dial()
		c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		for range 8 {
			if _, err := io.WriteString(c, strings.Repeat("x", 64<<10)); err != nil {
				t.Fatalf("the connection broke under the answer: %v", err)
			}
		}
		if a := c.receive("GET"); a.body != "all" || !a.Close {
			t.Fatalf("got %q, close %v; want all and close", a.body, a.Close)
		}
	}
}

// The end of an answer without a length is the end of the connection: one that
// is cut short ends with a reset, also where the client has not sent all.
func TestCutAnswerOfHTTP10IsReset(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		readHead(in)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz")
	}))
	for _, request := range []string{"GET / HTTP/1.0\r\n\r\n", "POST / HTTP/1.0\r\nContent-Length: 1000000\r\n\r\nbegin"} {
		c := r.dial()
		c.send(request)
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil {
			continue // reset before the head was read: broken, too
		}
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%q: got %q as if it were whole; want a reset", request, body)
		}
	}
}
