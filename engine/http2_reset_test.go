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
