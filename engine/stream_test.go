package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestExpectContinueIsAskedOfTheBackend(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		if q == nil || q.Header.Get("Expect") != "100-continue" {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
		body, _ := io.ReadAll(io.LimitReader(in, 5))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"+string(body))
	}))
	c := r.dial()
	c.send("PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	if line, err := c.r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v; want 100 Continue", line, err)
	}
	if _, err := c.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	c.send("hello")
	if a := c.receive("PUT"); a.body != "hello" {
		t.Errorf("got %q; want hello", a.body)
	}
}

func TestExpectContinueRefusedByTheBackend(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		readHead(in)
		_, _ = io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		_, _ = in.Peek(1)
	}))
	c := r.dial()
	c.send("PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	a := c.receive("PUT")
	if a.StatusCode != 403 || !a.Close {
		t.Errorf("got %d, close %v; want 403 and close: the body may or may not come", a.StatusCode, a.Close)
	}
}

func TestEarlyAnswerWhileTheBodyStillComes(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		readHead(in)
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
		_, _ = in.Peek(1 << 20) // keeps the connection, reads no further
	}))
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\nthe beginning")
	if a := c.receive("POST"); a.StatusCode != 413 || a.body != "big" || !a.Close {
		t.Errorf("got %d %q, close %v; want 413 big and close", a.StatusCode, a.body, a.Close)
	}
}

func TestInterimAnswersPass(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for readHead(in) != nil {
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"+ok)
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	hint, err := http.ReadResponse(c.r, nil)
	if err != nil || hint.StatusCode != 103 || hint.Header.Get("Link") != "</a.css>" {
		t.Fatalf("got %v, %v; want 103 with its Link", hint, err)
	}
	if a := c.receive("GET"); a.body != "ok" {
		t.Errorf("got %q; want ok", a.body)
	}
	c10 := r.dial()
	c10.send("GET / HTTP/1.0\r\nHost: t\r\n\r\n")
	if a := c10.receive("GET"); a.StatusCode != 200 {
		t.Errorf("HTTP/1.0: got %d; want 200, interim answers are unknown to it", a.StatusCode)
	}
}

func TestTrailersPassWhenAccepted(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for readHead(in) != nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
				"2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n")
		}
	}))
	for _, tc := range []struct{ te, want string }{{"TE: trailers\r\n", "7"}, {"", ""}} {
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n" + tc.te + "\r\n")
		a := c.receive("GET")
		if a.body != "ok" || a.Trailer.Get("X-Sum") != tc.want || a.Trailer.Get("Content-Length") != "" {
			t.Errorf("with %q: got %q and trailers %v; want ok and X-Sum %q", tc.te, a.body, a.Trailer, tc.want)
		}
	}
}

// An event of a stream reaches the client although nothing follows it.
func TestEventsAreNotHeldBack(t *testing.T) {
	next := make(chan struct{})
	r := start(t, plain, backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			_, _ = io.WriteString(w, "data: x\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-next
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	event := make([]byte, len("data: x\n\n"))
	for range 3 {
		if _, err := io.ReadFull(resp.Body, event); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
}

func TestChunkedAnswerForHTTP10EndsWithTheConnection(t *testing.T) {
	r := start(t, plain, backend(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
	}))
	c := r.dial()
	c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	a := c.receive("GET")
	if len(a.body) != 10_000 || len(a.TransferEncoding) > 0 || !a.Close {
		t.Errorf("got %d bytes, %v, close %v; want 10000 plain bytes and close", len(a.body), a.TransferEncoding, a.Close)
	}
}

func TestClientThatLeavesDuringItsBody(t *testing.T) {
	seen := make(chan error, 1)
	r := start(t, plain, scripted(t, func(_ int64, _ net.Conn, in *bufio.Reader) {
		q := readHead(in)
		_, err := io.ReadAll(q.Body)
		seen <- err
	}))
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
	_ = c.Close()
	select {
	case err := <-seen:
		if err == nil {
			t.Error("the backend saw a complete request; want a broken one")
		}
	case <-time.After(10 * time.Second):
		t.Error("the backend was not told")
	}
}

func TestBodyLimits(t *testing.T) {
	r := start(t, strings.Replace(plain, `"127.0.0.1:0"}`, `"127.0.0.1:0", limits: {body_bytes: 1KiB}}`, 1), backend(t, echo))
	for _, tc := range []struct {
		name, request string
		status        int
	}{
		{"length within", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024), 200},
		{"length over", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1025\r\n\r\n", 413},
		{"chunked over", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n" + strings.Repeat("x", 1025), 413},
		{"long chunked over", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + strings.Repeat("x", 65536), 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := r.dial()
			c.send(tc.request)
			if a := c.receive("POST"); a.StatusCode != tc.status {
				t.Errorf("got %d %s; want %d", a.StatusCode, a.body, tc.status)
			}
		})
	}
}
