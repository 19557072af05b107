package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// ahead2 is how long the end of a request without content is awaited behind its head.
const ahead2 = 100 * time.Millisecond

// h2Together opens a session that holds back what is written from now on.
func (r *rig) h2Together() (*h2conn, *together) {
	r.t.Helper()
	piece := &together{Conn: r.dial().Conn}
	c := newH2conn(r.t, piece)
	c.settle()
	piece.held = &bytes.Buffer{}
	return c, piece
}

// What comes together with the head, or right behind it, decides whether HTTP/1.1 is told
// of content.
func TestHTTP2EndBehindTheHead(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	const chunked = "+\r\nTransfer-Encoding: chunked\r\n\r\n"
	end := func(c *h2conn, id uint32) { c.data(id, true, "") }
	for _, tc := range []struct {
		name, method string
		send         func(c *h2conn, id uint32)
		want         string // behind Host
	}{
		{"an empty end", "GET", end, "+\r\n\r\n"},
		{"an empty end of a HEAD", "HEAD", end, "+\r\n\r\n"},
		{"an empty end of a DELETE", "DELETE", end, "+\r\n\r\n"},
		{"an empty end of a POST", "POST", end, "Content-Length: 0\r\n+\r\n\r\n"},
		{"padding alone", "GET", func(c *h2conn, id uint32) { _ = c.fr.WriteDataPadded(id, true, nil, make([]byte, 9)) }, "+\r\n\r\n"},
		{"something empty, then the end", "GET", func(c *h2conn, id uint32) {
			c.data(id, false, "")
			c.data(id, true, "")
		}, "+\r\n\r\n"},
		{"trailers without a field", "GET", func(c *h2conn, id uint32) { c.headers(id, true) }, "+\r\n\r\n"},
		{"content", "GET", func(c *h2conn, id uint32) { c.data(id, true, "x") }, chunked + "{x}"},
		{"content, then the end", "GET", func(c *h2conn, id uint32) {
			c.data(id, false, "x")
			c.data(id, true, "")
		}, chunked + "{x}"},
		{"trailers", "GET", func(c *h2conn, id uint32) { c.headers(id, true, "x-sum", "7") }, chunked + "{}x-sum: 7\r\n"},
		{"something empty, then trailers", "GET", func(c *h2conn, id uint32) {
			c.data(id, false, "")
			c.headers(id, true, "x-sum", "7")
		}, chunked + "{}x-sum: 7\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r.t = t
			c, piece := r.h2Together()
			id := c.open(false, to(tc.method, "/", "cookie", "a=1")...)
			tc.send(c, id)
			piece.send(t)
			want, seen := "200 "+tc.method+" /", tc.method+" / HTTP/1.1\r\nHost: t\r\nCookie: a=1\r\n"+tc.want
			if tc.method == "HEAD" {
				want = "200"
			}
			c.expect(want, c.outcome(id))
			if got := rec.take(t); !slices.Equal(got, []string{seen}) {
				t.Errorf("the backend saw\n%q; want\n%q", got, seen)
			}
		})
	}
	r.settled2(t)
}

// An end in a segment of its own is one of a request without content, while it is awaited.
func TestHTTP2EndInALaterSegment(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	c := r.h2()
	for {
		began := time.Now()
		id := c.open(false, to("GET", "/")...)
		c.settle() // the head is read
		c.data(id, true, "")
		late := time.Since(began) >= ahead2
		c.expect("200 GET /", c.outcome(id))
		got := rec.take(t)
		if late {
			continue // this client was too slow, and says nothing
		}
		if want := "GET / HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"; !slices.Equal(got, []string{want}) {
			t.Errorf("the backend saw %q; want %q", got, want)
		}
		return
	}
}

// headSeen is a backend that tells of heads before their content.
func headSeen(t *testing.T) (address string, seen <-chan *http.Request) {
	t.Helper()
	heads := make(chan *http.Request, 8)
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			heads <- q
			body, _ := io.ReadAll(q.Body)
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	}), heads
}

// A request whose end does not come is sent on in chunks, also when it is at its end then.
func TestHTTP2EndThatComesLate(t *testing.T) {
	address, seen := headSeen(t)
	r := start(t, h2cListener, address)
	for _, tc := range []struct {
		method string
		least  time.Duration
		body   string
	}{{"GET", ahead2, ""}, {"GET", ahead2, "x"}, {"POST", 0, ""}, {"POST", 0, "x"}} {
		t.Run(tc.method+" "+tc.body, func(t *testing.T) {
			r.t = t
			c := r.h2()
			began := time.Now()
			id := c.open(false, to(tc.method, "/")...)
			q := <-seen
			if took := time.Since(began); took < tc.least {
				t.Errorf("the backend saw the head after %v; want %v", took, tc.least)
			}
			if !slices.Equal(q.TransferEncoding, []string{"chunked"}) {
				t.Errorf("the backend saw the transfer coding %q; want chunked", q.TransferEncoding)
			}
			c.data(id, true, tc.body)
			c.expect(strings.TrimSpace("200 "+tc.body), c.outcome(id))
		})
	}
	r.settled2(t)
}

// Streams whose end is awaited do not wait for each other.
func TestHTTP2EndsOfSeveralStreams(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	c, piece := r.h2Together()
	ids := make([]uint32, 4)
	for i := range ids {
		ids[i] = c.open(false, to("GET", fmt.Sprint("/", i))...)
	}
	c.data(ids[2], true, "")
	c.data(ids[1], true, "x")
	_ = c.fr.WriteRSTStream(ids[3], http2.ErrCodeCancel)
	c.data(ids[0], true, "")
	piece.send(t)
	for i := range 3 {
		c.expect(fmt.Sprint("200 GET /", i), c.outcome(ids[i]))
	}
	got := rec.take(t)
	slices.Sort(got)
	want := []string{
		"GET /0 HTTP/1.1\r\nHost: t\r\n+\r\n\r\n", "GET /1 HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{x}",
		"GET /2 HTTP/1.1\r\nHost: t\r\n+\r\n\r\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the backend saw\n%q; want\n%q", got, want)
	}
	r.settled2(t)
}

// A stream that ends while its end is awaited leaves nothing behind, and no backend hears
// of it.
func TestHTTP2StreamsThatLeaveBeforeTheirEnd(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	for _, tc := range []struct {
		name  string
		leave func(c *h2conn, id uint32)
		want  string
		goes  bool // the session ends
	}{
		{"reset", func(c *h2conn, id uint32) { _ = c.fr.WriteRSTStream(id, http2.ErrCodeCancel) }, "", false},
		{"malformed trailers", func(c *h2conn, id uint32) { c.headers(id, true, "Bad", "x") }, "reset PROTOCOL_ERROR", false},
		{"a window that is too large", func(c *h2conn, id uint32) { _ = c.fr.WriteWindowUpdate(id, 1<<31-1) }, "reset FLOW_CONTROL_ERROR", false},
		{"a broken rule", func(c *h2conn, _ uint32) { c.raw(whole2(http2.FramePing, 0, 1, "12345678")) }, "goaway PROTOCOL_ERROR", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r.t = t
			c, piece := r.h2Together()
			id := c.open(false, to("GET", "/left")...)
			tc.leave(c, id)
			piece.send(t)
			if tc.want != "" {
				c.expect(tc.want, c.outcome(id))
			}
			if !tc.goes {
				c.expect("200 GET /", c.ask(to("GET", "/")...)) // with the memory of the stream that has left
				c.expect("200 GET /", c.outcome(func() uint32 {
					id := c.open(false, to("GET", "/")...)
					c.data(id, true, "")
					return id
				}()))
			}
			r.settled2(t)
			for _, q := range rec.take(t) {
				if strings.HasPrefix(q, "GET /left") {
					t.Errorf("the backend saw %q", q)
				}
			}
		})
	}
	c := r.h2()
	c.open(false, to("GET", "/left")...)
	_ = c.Close()
	r.settled2(t)
	r.checkGone(t)
}

// A drain waits for a request whose end is awaited.
func TestHTTP2DrainHearsARequestBeforeItsEnd(t *testing.T) {
	r := start(t, h2cListener, record(t).address)
	c := r.h2()
	id := c.open(false, to("GET", "/")...)
	c.settle()
	r.drainNow(false)
	c.until(func() bool { return c.gone })
	c.data(id, true, "")
	c.expect("200 GET /", c.outcome(id))
	c.expect("goaway NO_ERROR", c.ending())
}

// drainNow begins a drain of every listener; late, it is everybody's turn to leave.
func (r *rig) drainNow(late bool) {
	for _, l := range r.engine.apply.listeners {
		for _, s := range l.shards {
			s.drain(lotsMax)
			if late {
				s.leave(lotsMax, lotsMax)
			}
		}
	}
}

// A client that has just connected has something to ask, and hears of a drain behind that: one
// that is sent away before its first request may not try another connection.
func TestHTTP2DrainWaitsForTheFirstRequest(t *testing.T) {
	r := start(t, h2cListener, record(t).address)
	asks, waits := r.h2(), r.h2()
	asks.settle()
	waits.settle()
	r.drainNow(false)
	asks.settle()
	if asks.gone {
		t.Fatal("GOAWAY before the first request")
	}
	asks.expect("200 GET /", asks.outcome(asks.open(true, to("GET", "/")...)))
	asks.expect("goaway NO_ERROR", asks.ending())
	waits.expect("goaway NO_ERROR", waits.ending())

	late := r.h2()
	late.settle()
	r.drainNow(true)
	late.settle()
	if !late.gone {
		t.Error("no GOAWAY when it is everybody's turn")
	}
}

// Streams whose end is awaited are open: there are no more of them than of others.
func TestHTTP2ManyStreamsBeforeTheirEnd(t *testing.T) {
	const most = 128
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	c, piece := r.h2Together()
	for range most + 1 {
		c.open(false, to("GET", "/")...)
	}
	for id := uint32(1); id < 2*most; id += 2 {
		c.data(id, true, "")
	}
	piece.send(t)
	c.expect("reset REFUSED_STREAM", c.outcome(2*most+1))
	for id := uint32(1); id < 2*most; id += 2 {
		c.expect("200 GET /", c.outcome(id))
	}
	seen := rec.take(t)
	if len(seen) != most {
		t.Errorf("the backend saw %d requests; want %d", len(seen), most)
	}
	for _, q := range seen {
		if q != "GET / HTTP/1.1\r\nHost: t\r\n+\r\n\r\n" {
			t.Fatalf("the backend saw %q", q)
		}
	}
	r.settled2(t)
}

// Resets of streams whose end is awaited cost what others do.
func TestHTTP2FloodOfStreamsBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	c, piece := r.h2Together()
	for range 300 {
		_ = c.fr.WriteRSTStream(c.open(false, to("GET", "/")...), http2.ErrCodeCancel)
	}
	piece.send(t)
	c.expect("goaway ENHANCE_YOUR_CALM", c.ending())
	if got := rec.take(t); len(got) != 0 {
		t.Errorf("the backend saw %d requests; want none", len(got))
	}
	r.settled2(t)
	r.checkGone(t)
}
