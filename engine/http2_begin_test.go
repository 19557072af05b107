package engine

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// together is a connection that holds back what is written until go.
type together struct {
	net.Conn

	held *bytes.Buffer
}

func (c *together) Write(b []byte) (int, error) {
	if c.held != nil {
		return c.held.Write(b)
	}
	return c.Conn.Write(b)
}

// send writes what was held back, in one piece.
func (c *together) send(t *testing.T) {
	t.Helper()
	all := c.held.Bytes()
	c.held = nil
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
}

// Whatever comes together with the preface is read, also when the buffer of a head is
// larger than that of a session.
func TestHTTP2PrefaceWithMuchBehindIt(t *testing.T) {
	rec := record(t)
	r := start(t, strings.Replace(h2cListener, "h2c: true", "h2c: true, limits: {header_bytes: 128KiB}", 1), rec.address)
	for _, size := range []int{0, 1000, 60_000} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			piece := &together{Conn: r.dial().Conn, held: &bytes.Buffer{}}
			c := newH2conn(t, piece)
			body := strings.Repeat("x", size)
			id := c.open(size == 0, to("POST", "/", "content-length", strconv.Itoa(size))...)
			c.upload(id, true, body)
			piece.send(t)
			if got := c.outcome(id); got != "200 POST /" {
				t.Fatalf("got %q; want 200 POST /", got)
			}
			want := fmt.Sprintf("POST / HTTP/1.1\r\nHost: t\r\ncontent-length: %d\r\n+\r\n\r\n%s", size, body)
			if got := rec.take(t); len(got) != 1 || got[0] != want {
				t.Errorf("the backend saw %.200q; want %.200q", got, want)
			}
		})
	}
}
