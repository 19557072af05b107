package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// retrying is plain with one retry for what breaks after it was sent.
const retrying = `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, retry: {attempts: 2, on: [reset, connect_failure, "503"], backoff: {initial: 1ms, max: 1ms}}}}
pools: {p: {backends: [{address: "{{backend}}"}], circuit_breaker: {failures: 1000}}}
`

// framed are the bytes of a body in a framing, with its field.
func framed(body string, chunked bool) (field, bytes string) {
	if !chunked {
		return "Content-Length: " + strconv.Itoa(len(body)) + "\r\n", body
	}
	var b strings.Builder
	for rest := body; rest != ""; {
		n := min(len(rest), 3000)
		b.WriteString(strconv.FormatInt(int64(n), 16) + "\r\n" + rest[:n] + "\r\n")
		rest = rest[n:]
	}
	return "Transfer-Encoding: chunked\r\n", b.String() + "0\r\n\r\n"
}

// Bodies of requests reach the second backend whole, whatever the first one had
// taken of them, and the connection goes on.
func TestBodyIsReplayed(t *testing.T) {
	for _, tc := range []struct {
		name string
		// fail handles the request that must not be answered.
		fail func(c net.Conn, q *http.Request)
	}{
		{"reset after the whole body", func(_ net.Conn, q *http.Request) { _, _ = io.Copy(io.Discard, q.Body) }},
		{"reset inside the body", func(_ net.Conn, q *http.Request) { _, _ = io.CopyN(io.Discard, q.Body, 1000) }},
		{"reset before the body", func(net.Conn, *http.Request) {}},
		{"early 503", func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
		}},
		{"503 after the whole body", func(c net.Conn, q *http.Request) {
			_, _ = io.Copy(io.Discard, q.Body)
			_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
		}},
	} {
		for _, size := range []int{10, 20_000, 60_000} {
			for _, chunked := range []bool{false, true} {
				for _, reused := range []bool{false, true} {
					name := tc.name + "/" + strconv.Itoa(size) + map[bool]string{true: " chunked"}[chunked] + map[bool]string{true: " reused"}[reused]
					t.Run(name, func(t *testing.T) {
						failed := make(chan struct{}, 1)
						r := start(t, retrying, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
							serveOnceFailing(c, in, failed, tc.fail)
						}))
						checkReplay(t, r, size, chunked, reused)
					})
				}
			}
		}
	}
}

// serveOnceFailing echoes every PUT but the first of all.
func serveOnceFailing(c net.Conn, in *bufio.Reader, failed chan struct{}, fail func(net.Conn, *http.Request)) {
	for q := readHead(in); q != nil; q = readHead(in) {
		if q.Method == "PUT" {
			select {
			case failed <- struct{}{}:
				fail(c, q)
				if tcp, isTCP := c.(*net.TCPConn); isTCP {
					reset(tcp)
				}
				return
			default:
			}
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+string(body))
	}
}

func checkReplay(t *testing.T, r *rig, size int, chunked, reused bool) {
	t.Helper()
	body := strings.Repeat("0123456789", size/10)
	field, bytes := framed(body, chunked)
	c := r.dial()
	if reused {
		c.get("/")
	}
	c.send("PUT / HTTP/1.1\r\nHost: t\r\n" + field + "\r\n" + bytes[:len(bytes)/3])
	c.send(bytes[len(bytes)/3:])
	if a := c.receive("PUT"); a.StatusCode != 200 || a.body != body {
		t.Fatalf("got %d and %d bytes; want 200 and %d", a.StatusCode, len(a.body), len(body))
	}
	if a := c.get("/"); a.StatusCode != 200 {
		t.Errorf("the next exchange got %d; want 200", a.StatusCode)
	}
}

// A body that is too long to be kept is not repeated, and metrics say so.
func TestLongBodyIsNotReplayed(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		failed := make(chan struct{}, 1)
		r := start(t, retrying, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
			serveOnceFailing(c, in, failed, func(_ net.Conn, q *http.Request) { _, _ = io.Copy(io.Discard, q.Body) })
		}))
		c := r.dial()
		field, bytes := framed(strings.Repeat("x", 300_000), chunked)
		c.send("PUT / HTTP/1.1\r\nHost: t\r\n" + field + "\r\n" + bytes)
		if a := c.receive("PUT"); a.StatusCode != 502 || a.Header.Get("X-Isame-Error") == "" {
			t.Errorf("chunked %v: got %d %q; want 502 and its cause", chunked, a.StatusCode, a.Header.Get("X-Isame-Error"))
		}
		want := `isame_retries_refused_total{route="all",reason="body"} 1`
		var text strings.Builder
		r.engine.registry.WriteMetrics(&text, "")
		if !strings.Contains(text.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
