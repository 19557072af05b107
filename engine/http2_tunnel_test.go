package engine

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// connectTo is an extended CONNECT (RFC 8441).
func connectTo(path string, more ...string) []string {
	return append([]string{
		":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "t", ":path", path, "sec-websocket-version", "13",
	}, more...)
}

// The rest of a frame whose stream has ended is for nobody, whoever has the memory of
// the stream by then.
func TestRestOfAFrameIsNotForTheNextStream(t *testing.T) {
	r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			if q.Header.Get("Upgrade") != "" {
				_, _ = io.WriteString(c, upgradeAnswer)
				_, _ = in.ReadByte()
				if tcp, isTCP := c.(*net.TCPConn); isTCP {
					reset(tcp)
				}
				return
			}
			_, _ = io.WriteString(c, replyTo([]byte(q.Method+" "+q.RequestURI+" HTTP/1.1\r\n")))
		}
	}))
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
	for range 8 { // both shards
		c := r.h2()
		id := c.open(false, connectTo("/")...)
		if !c.until(func() bool { return c.streams[id].status != 0 }) || c.streams[id].status != 200 {
			t.Fatalf("got %d; want 200", c.streams[id].status)
		}
		c.raw("\x00\x01\x00\x00\x00\x00\x00\x00\x01half of it")
		c.answer(id)
		c.raw(strings.Repeat(smuggled, 10)[:256-len("half of it")])
		if !c.settle() {
			t.Fatalf("the session ended: %s", c.ending())
		}
		for range 4 {
			other := r.h2()
			if got := other.ask(to("GET", "/clean")...); got != "200 GET /clean" {
				t.Fatalf("another client: got %q; want 200 GET /clean", got)
			}
		}
	}
}

// The end of a tunnel that comes together with the last bytes is passed on like one
// that comes alone.
func TestEndOfATunnelMayComeWithItsBytes(t *testing.T) {
	agree := make(chan struct{})
	r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if readHead(in) == nil {
			return
		}
		<-agree
		_, _ = io.WriteString(c, upgradeAnswer)
		echoBack(c, in) // until the client ends its half
		_, _ = io.WriteString(c, " and last words")
	}))
	c := r.h2()
	id := c.open(false, connectTo("/")...)
	c.data(id, true, "bytes")
	if !c.settle() { // all of it is there before anybody reads it
		t.Fatalf("the session ended: %s", c.ending())
	}
	close(agree)
	c.inTime(10 * time.Second)
	if got, want := c.outcome(id), "200 bytes and last words"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
