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
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// A final answer while the upload goes on: the client is told to stop by a reset without
// an error, a while later: many take one that comes with the answer for a failure.
func TestHTTP2EarlyAnswers(t *testing.T) {
	r := start(t, strings.Replace(h2cListener, "{pool: p}}", "{pool: p}, none: {path: /none, respond: {status: 200, body: none}}, empty: {path: /empty, respond: {status: 200}}}", 1),
		scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
			for q := readHead(in); q != nil; q = readHead(in) {
				_, _ = io.WriteString(c, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
				if q.ContentLength != 0 {
					_, _ = in.Peek(1 << 20) // keeps the connection, reads no further
				}
			}
		}))
	body := strings.Repeat("x", dropped2)
	for _, tc := range []struct{ path, want string }{{"/", "403 no"}, {"/none", "200 none"}, {"/empty", "200"}} {
		for _, length := range []bool{false, true} {
			for _, rest := range []struct {
				name  string
				times int // dropped2 bytes each
				ends  bool
			}{{"all of it", 1, true}, {"nothing more", 0, false}, {"without an end", 1, false}, {"more than is taken", 5, false}} {
				t.Run(fmt.Sprint(tc.path, " length ", length, ", ", rest.name), func(t *testing.T) {
					r.t = t
					c := r.h2()
					more := []string{}
					if length {
						more = []string{"content-length", strconv.Itoa(10 * len(body))}
						if rest.ends {
							more[1] = strconv.Itoa(len(body))
						}
					}
					id := c.open(false, to("POST", tc.path, more...)...)
					c.expect(tc.want, c.outcome(id))
					answered := time.Now()
					for i := range rest.times {
						if !c.upload(id, rest.ends && i == rest.times-1, body) {
							break
						}
					}
					if rest.ends {
						c.settle()
					} else {
						c.until(func() bool { return c.streams[id].reset })
					}
					c.stoppedLate(c.streams[id], answered, !rest.ends)
					c.expect(tc.want, c.ask(to("GET", tc.path)...))
					r.settled2(t)
				})
			}
		}
	}
}

// stoppedLate checks the reset of a request that was answered before its end.
func (c *h2conn) stoppedLate(st *h2stream, answered time.Time, want bool) {
	c.t.Helper()
	took := time.Since(answered)
	switch {
	case !st.reset && want:
		c.t.Errorf("the client was not told to stop: %s", c.ending())
	case st.reset && (st.code != http2.ErrCodeNo || took < dropTime2-10*time.Millisecond):
		c.t.Errorf("reset %s %v after the answer; want NO_ERROR after %v", st.code, took, dropTime2)
	case st.reset && took > 20*dropTime2:
		c.t.Errorf("reset %v after the answer; want %v", took, dropTime2)
	}
}

// dropTime2 is how long the rest of a request that is answered is dropped, and dropped2
// about half of how much.
const (
	dropTime2 = 100 * time.Millisecond
	dropped2  = 4 << 20
)

// Many requests that are answered and go on count as open, and are all told to stop.
func TestHTTP2ManyEarlyAnswers(t *testing.T) {
	r := start(t, strings.Replace(h2cListener, "{pool: p}", "{respond: {status: 200, body: x}}", 1), nobody(t))
	c := r.h2()
	answered := time.Now()
	for range 100 {
		id := c.open(false, to("POST", "/")...)
		c.expect("200 x", c.outcome(id))
	}
	for id, st := range c.streams {
		if id%3 == 0 {
			c.headers(id, true, "x", "trailer") // unless it was told to stop meanwhile
			continue
		}
		c.until(func() bool { return st.reset })
		c.stoppedLate(st, answered, true)
	}
	c.expect("200 x", c.ask(to("GET", "/")...))
}

// A drain waits for the reset, too: it would be the same failure.
func TestHTTP2EarlyAnswersInADrain(t *testing.T) {
	r := start(t, strings.Replace(h2cListener, "{pool: p}", "{respond: {status: 200, body: x}}", 1), nobody(t))
	c := r.h2()
	c.settle()
	r.drainNow(true)
	c.until(func() bool { return c.gone })
	id := c.open(false, to("POST", "/")...) // it was on its way
	c.expect("200 x", c.outcome(id))
	answered := time.Now()
	c.until(func() bool { return c.streams[id].reset })
	c.stoppedLate(c.streams[id], answered, true)
	c.expect("goaway NO_ERROR", c.ending())
}

func TestHTTP2Expectations(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, says, interims, want string }{
		{"the backend wants it", "HTTP/1.1 100 Continue\r\n\r\n", "[100 []]", "200 hello"},
		{"it says nothing", "", "[100 []]", "200 hello"},
		{"it does not", "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno", "[]", "417 no"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				q := readHead(in)
				if q == nil || q.Header.Get("Expect") != "100-continue" {
					return
				}
				_, _ = io.WriteString(c, tc.says)
				body := make([]byte, 5)
				if _, err := io.ReadFull(in, body); err == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"+string(body))
				}
			}))
			c := r.h2()
			id := c.open(false, to("POST", "/", "expect", "100-continue", "content-length", "5")...)
			st := c.streams[id]
			c.until(func() bool { return len(st.interims) > 0 || st.whole })
			if !st.whole {
				c.data(id, true, "hello")
			}
			c.expect(tc.want, c.outcome(id))
			c.expect(tc.interims, fmt.Sprint(st.interims))
		})
	}
}

func TestHTTP2ContentInTextOfHTTP1(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	chunked := func(content, trailers string) []string {
		return []string{"POST / HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{" + content + "}" + trailers}
	}
	long := string(noise(40_000))
	for _, tc := range []struct {
		name, length string
		send         func(c *h2conn, id uint32)
		seen         []string
	}{
		{"one frame", "5", func(c *h2conn, id uint32) { c.data(id, true, "hello") }, []string{"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: 5\r\n+\r\n\r\nhello"}},
		{"an end of its own", "5", func(c *h2conn, id uint32) {
			c.data(id, false, "hello")
			c.data(id, true, "")
		}, []string{"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: 5\r\n+\r\n\r\nhello"}},
		{"byte by byte", "5", func(c *h2conn, id uint32) {
			for i := range 5 {
				c.data(id, i == 4, "hello"[i:i+1])
			}
		}, []string{"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: 5\r\n+\r\n\r\nhello"}},
		{"trailers that a length leaves no place for", "5", func(c *h2conn, id uint32) {
			c.data(id, false, "hello")
			c.headers(id, true, "x-sum", "7")
		}, []string{"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: 5\r\n+\r\n\r\nhello"}},
		{"no length", "", func(c *h2conn, id uint32) { c.data(id, true, "hello") }, chunked("hello", "")},
		{"no length, byte by byte", "", func(c *h2conn, id uint32) {
			for i := range 5 {
				c.data(id, false, "hello"[i:i+1])
			}
			c.data(id, true, "")
		}, chunked("hello", "")},
		{"no length, and long", "", func(c *h2conn, id uint32) { c.upload(id, true, long) }, chunked(long, "")},
		{"padded", "", func(c *h2conn, id uint32) {
			_ = c.fr.WriteDataPadded(id, false, []byte("hel"), make([]byte, 255))
			_ = c.fr.WriteDataPadded(id, false, nil, make([]byte, 10))
			_ = c.fr.WriteDataPadded(id, true, []byte("lo"), nil)
		}, chunked("hello", "")},
		{"trailers", "", func(c *h2conn, id uint32) {
			c.data(id, false, "hello")
			c.headers(id, true, "x-sum", "7", "y", "")
		}, chunked("hello", "x-sum: 7\r\ny: \r\n")},
		{"trailers that may not be", "", func(c *h2conn, id uint32) {
			c.data(id, false, "hello")
			c.headers(id, true, "content-length", "3", "host", "other", "x-sum", "7", "authorization", "x", "cookie", "a", "x-forwarded-for", "1.2.3.4")
		}, chunked("hello", "x-sum: 7\r\n")},
		{"what looks like the end of a chunk", "", func(c *h2conn, id uint32) {
			c.data(id, false, "0\r\n\r\n")
			c.data(id, true, before)
		}, chunked("0\r\n\r\n"+before, "")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r.t = t
			c := r.h2()
			more := []string{}
			if tc.length != "" {
				more = []string{"content-length", tc.length}
			}
			id := c.open(false, to("POST", "/", more...)...)
			tc.send(c, id)
			c.expect("200 POST /", c.outcome(id))
			if got := rec.take(t); !slices.Equal(got, tc.seen) {
				t.Errorf("the backend saw\n%q; want\n%q", got, tc.seen)
			}
		})
	}
}

func TestHTTP2BodyLimits(t *testing.T) {
	rec := record(t)
	r := start(t, strings.Replace(h2cListener, "h2c: true", "h2c: true, limits: {body_bytes: 1KiB}", 1), rec.address)
	for _, tc := range []struct {
		name, length, want string
		size               int
	}{
		{"length within", "1024", "200 POST /", 1024},
		{"length over", "1025", "413 body_too_large", 1025},
		{"over", "", "413 body_too_large", 1025},
		{"far over", "", "413 body_too_large", 100_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r.t = t
			c := r.h2()
			more := []string{}
			if tc.length != "" {
				more = []string{"content-length", tc.length}
			}
			id := c.open(false, to("POST", "/", more...)...)
			c.upload(id, true, strings.Repeat("x", tc.size))
			c.expect(tc.want, c.outcome(id))
			c.expect("200 GET /before", c.ask(to("GET", "/before")...))
			r.settled2(t)
			if got := rec.take(t); len(got) != 1+map[bool]int{true: 1}[tc.want == "200 POST /"] {
				t.Errorf("the backend saw %.300q", got)
			}
		})
	}
}

// A client that leaves or is silent inside its body: the backend never gets a complete
// request, and is not blamed.
func TestHTTP2ClientsThatDoNotEndTheirBody(t *testing.T) {
	for name, leave := range map[string]func(c *h2conn, id uint32){
		"resets the stream": func(c *h2conn, id uint32) { _ = c.fr.WriteRSTStream(id, http2.ErrCodeCancel) },
		"closes":            func(c *h2conn, _ uint32) { _ = c.Close() },
		"breaks a rule":     func(c *h2conn, _ uint32) { c.raw(whole2(http2.FramePing, 0, 1, "12345678")) },
		"says nothing":      func(*h2conn, uint32) {},
	} {
		for _, length := range []string{"10", ""} {
			t.Run(name+" "+length, func(t *testing.T) {
				checkUsage(t)
				asked, seen := make(chan struct{}, 1), make(chan error, 1)
				text := strings.Replace(h2cListener, "h2c: true", "h2c: true, timeouts: {body: 300ms}", 1)
				r := start(t, text, scripted(t, func(_ int64, _ net.Conn, in *bufio.Reader) {
					if q := readHead(in); q != nil {
						asked <- struct{}{}
						_, err := io.Copy(io.Discard, q.Body)
						seen <- err
					}
				}))
				c := r.h2()
				more := []string{}
				if length != "" {
					more = []string{"content-length", length}
				}
				id := c.open(false, to(http.MethodPost, "/", more...)...)
				c.data(id, false, "hello")
				<-asked
				leave(c, id)
				if err := <-seen; err == nil {
					t.Error("the backend saw a complete request; want a broken one")
				}
				r.settled2(t)
				if n := r.failures(); n != 0 {
					t.Errorf("the backend was blamed %d times; want 0", n)
				}
				_ = c.Close()
			})
		}
	}
}
