package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// A client resets its stream while its content is read, which was told as one chunk
// that is larger than a read: what is dropped is not the end of a whole request, and
// nobody waits for the rest of the chunk.
func TestHTTP2ResetInsideAChunk(t *testing.T) {
	const size, sessions, resets = 200 << 10, 5, 100
	for _, end := range []bool{false, true} {
		t.Run(map[bool]string{false: "half sent", true: "sent"}[end], func(t *testing.T) {
			whole := make(chan int64, 10000)
			r := start(t, h2cListener, scripted(t, func(_ int64, nc net.Conn, in *bufio.Reader) {
				for q := readHead(in); q != nil; q = readHead(in) {
					if n, err := io.Copy(io.Discard, q.Body); err == nil && q.Method == http.MethodPost {
						whole <- n
					}
					_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}))
			for range sessions {
				c := r.h2()
				for range resets {
					id := c.open(false, to(http.MethodPost, "/")...)
					if !c.upload(id, end, strings.Repeat("x", size)) {
						t.Fatalf("the session has ended: %v", c.ended)
					}
					_ = c.fr.WriteRSTStream(id, http2.ErrCodeCancel)
				}
				c.expect("200 ok", c.ask(to(http.MethodGet, "/")...))
				_ = c.Close()
			}
			r.settled2(t)
			close(whole)
			for n := range whole {
				if n != size {
					t.Errorf("a whole request of %d bytes; want %d, or none", n, size)
				}
			}
		})
	}
}

// A stream that ends together with what it has said so far, before anything looks out for
// its client, has been left, and is not one that is owed an answer.
func TestHTTP2StreamThatIsLeftAtOnceWasLeft(t *testing.T) {
	const half = "half of the content"
	for _, tc := range []struct {
		name  string
		leave func(c *h2conn, id uint32)
	}{
		{"by its client", func(c *h2conn, id uint32) { _ = c.fr.WriteRSTStream(id, http2.ErrCodeCancel) }},
		{"for a fault of its", func(c *h2conn, id uint32) { c.data(id, true, "") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			r := startLogged(t, &log, accessText(accessPlain+", h2c: true", accessAll, accessPool), scripted(t, func(_ int64, nc net.Conn, in *bufio.Reader) {
				for q := readHead(in); q != nil; q = readHead(in) {
					if _, err := io.Copy(io.Discard, q.Body); err != nil {
						return
					}
					_, _ = io.WriteString(nc, ok)
				}
			}))
			c, piece := r.h2Together()
			held := piece.held
			piece.held = nil
			c.expect("200 ok", c.ask(to(http.MethodGet, "/")...)) // there is a connection that the loop can take
			eventually(t, func() string { return "a line" }, func() bool { return causesLogged(t, &log) != "" })
			piece.held = held
			id := c.open(false, to(http.MethodPost, "/", "content-length", "1000")...)
			c.data(id, false, half)
			tc.leave(c, id)
			piece.send(t)
			eventually(t, func() string { return "two lines; got " + causesLogged(t, &log) }, func() bool { return len(accessLines(t, &log)) == 2 })
			if got, want := causesLogged(t, &log), "200 <nil>, 499 client_gone"; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}
