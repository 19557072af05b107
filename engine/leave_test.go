package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A backend does not work on for a client that has left: the attempt ends at
// once after a reset, and after the grace when the client may only have ended
// its half. Fresh connections to the backend are waited for by a goroutine,
// pooled ones by the loop.
func TestBackendOfAClientThatLeftIsReleased(t *testing.T) {
	for _, tc := range []struct {
		name  string
		leave func(*net.TCPConn)
		after time.Duration
	}{
		{"reset", reset, 0},
		{"close", func(c *net.TCPConn) { _ = c.Close() }, leaveGrace},
		{"end of its half", func(c *net.TCPConn) { _ = c.CloseWrite() }, leaveGrace},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: " reused"}[reused], func(t *testing.T) {
				asked, released := make(chan struct{}, 1), make(chan struct{}, 1)
				r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for q := readHead(in); q != nil; q = readHead(in) {
						if q.URL.Path == "/work" {
							asked <- struct{}{}
							_, _ = in.Peek(1)
							released <- struct{}{}
							return
						}
						_, _ = io.WriteString(c, ok)
					}
				}))
				c := r.dial()
				if reused {
					c.get("/")
				}
				c.send("GET /work HTTP/1.1\r\nHost: t\r\n\r\n")
				<-asked
				began := time.Now()
				tcp, isTCP := c.Conn.(*net.TCPConn)
				if !isTCP {
					t.Fatal("not a TCP connection")
				}
				tc.leave(tcp)
				<-released
				if took := time.Since(began); took < tc.after || took > tc.after+5*time.Second {
					t.Errorf("released after %v; want %v", took, tc.after)
				}
				r.checkGone(t)
				if n := r.failures(); n != 0 {
					t.Errorf("the backend was blamed %d times; want 0", n)
				}
			})
		}
	}
}

// A client that has ended its half still gets an answer that begins in time,
// however long that takes then.
func TestClientThatEndedItsHalfGetsItsAnswer(t *testing.T) {
	t.Parallel()
	for _, reused := range []bool{false, true} {
		r := start(t, plain, backend(t, func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path != "/long" {
				return
			}
			w.WriteHeader(http.StatusOK)
			tick := time.NewTicker(leaveGrace / 4)
			defer tick.Stop()
			for range 6 {
				if err := http.NewResponseController(w).Flush(); err != nil {
					return
				}
				<-tick.C
				_, _ = io.WriteString(w, "x")
			}
		}))
		c := r.dial()
		if reused {
			c.get("/")
		}
		c.send("GET /long HTTP/1.1\r\nHost: t\r\n\r\n")
		tcp, isTCP := c.Conn.(*net.TCPConn)
		if !isTCP {
			t.Fatal("not a TCP connection")
		}
		if err := tcp.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if a := c.receive("GET"); a.StatusCode != 200 || a.body != "xxxxxx" {
			t.Errorf("reused %v: got %d %q; want the whole answer", reused, a.StatusCode, a.body)
		}
	}
}

// tcp is the client's connection as the socket that it is.
func (c *client) tcp() *net.TCPConn {
	c.t.Helper()
	conn, ok := c.Conn.(*net.TCPConn)
	if !ok {
		c.t.Fatalf("a connection of type %T; want TCP", c.Conn)
	}
	return conn
}

// begins answers /begun with a head and a part of its content, and is silent then until
// the connection ends; anything else at once.
type begins struct {
	begun    string
	released chan struct{}
}

func (b *begins) backend(t *testing.T) string {
	t.Helper()
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			if q.URL.Path == "/begun" {
				_, _ = io.WriteString(c, b.begun)
				_, _ = in.Peek(1)
				b.released <- struct{}{}
				return
			}
			_, _ = io.WriteString(c, ok)
		}
	})
}

// An answer that has begun and says nothing more ends with its client, too, whatever the
// time of reading is: at once after a reset, after the grace when the client may only have
// ended its half. A connection taken up again is the loop's, a dialled one a goroutine's.
func TestBegunAnswerOfAClientThatLeftIsReleased(t *testing.T) {
	t.Parallel()
	pair := newPair(t, tomorrow(), "a.test")
	text := strings.NewReplacer("backends:", "concurrency: {max_requests: 3}, timeouts: {read: 0s}, backends:", "all: {pool: p}", "all: {pool: p, timeout: 0s}")
	for _, answer := range []struct{ name, text string }{
		{"events", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n"},
		{"long poll", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"},
		{"stalled", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100000)},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\nevent"},
	} {
		for _, leave := range []struct {
			name  string
			do    func(*net.TCPConn)
			after time.Duration
		}{
			{"reset", reset, 0},
			{"close", func(c *net.TCPConn) { _ = c.Close() }, leaveGrace},
			{"end of its half", func(c *net.TCPConn) { _ = c.CloseWrite() }, leaveGrace},
		} {
			for _, secure := range []bool{false, true} {
				for _, reused := range []bool{false, true} {
					name := answer.name + ", " + leave.name + map[bool]string{true: ", TLS"}[secure] + map[bool]string{true: ", reused"}[reused]
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						b := &begins{answer.text, make(chan struct{}, 1)}
						config := plain
						if secure {
							config = tlsText("", "", pair)
						}
						h := &heldRig{rig: start(t, text.Replace(config), b.backend(t))}
						c := h.dial()
						tcp := c.tcp()
						if secure {
							conn := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"})
							c = &client{Conn: conn, t: t, r: bufio.NewReader(conn)}
						}
						if reused {
							c.get("/")
						}
						c.send("GET /begun HTTP/1.1\r\nHost: a.test\r\n\r\n")
						resp, err := http.ReadResponse(c.r, nil)
						if err != nil {
							t.Fatal(err)
						}
						if answer.name != "long poll" {
							if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
								t.Fatal(err)
							}
						}
						if answer.name == "stalled" { // the client has taken what there is
							if _, err := io.CopyN(io.Discard, resp.Body, 100000-5); err != nil {
								t.Fatal(err)
							}
						}
						left := time.Now()
						leave.do(tcp)
						<-b.released
						if took := time.Since(left); took < leave.after || took > leave.after+5*time.Second {
							t.Errorf("released after %v; want %v", took, leave.after)
						}
						h.settle(0, 0)
						h.checkGone(t)
						if n := h.failures(); n != 0 {
							t.Errorf("the backend was blamed %d times; want 0", n)
						}
					})
				}
			}
		}
	}
}

// Streams say that they are given up, and nothing is to be waited for.
func TestBegunAnswerOfAStreamThatWasResetIsReleased(t *testing.T) {
	text := strings.NewReplacer("backends:", "concurrency: {max_requests: 3}, timeouts: {read: 0s}, backends:", "all: {pool: p}", "all: {pool: p, timeout: 0s}")
	for _, tc := range []struct {
		name string
		text string
		use  func(*rig) *http.Client
	}{
		{"HTTP/2", strings.Replace(plain, `:0"`, `:0", h2c: true`, 1), func(r *rig) *http.Client { return r.h2Client() }},
		{"HTTP/3", h3Text(t), func(r *rig) *http.Client { c, _ := r.h3Client(); return c }},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: ", reused"}[reused], func(t *testing.T) {
				b := &begins{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n", make(chan struct{}, 1)}
				h := &heldRig{rig: start(t, text.Replace(tc.text), b.backend(t))}
				c := tc.use(h.rig)
				url := "https://a.test"
				if tc.name == "HTTP/2" {
					url = "http://a.test"
				}
				if reused {
					resp, err := c.Get(url)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				q, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/begun", http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := c.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = resp.Body.Close() }()
				if _, err := resp.Body.Read(make([]byte, 5)); err != nil {
					t.Fatal(err)
				}
				cancel()
				<-b.released
				h.settle(0, 0)
			})
		}
	}
}

// Who has ended its half and still reads gets what comes: it is the silence of the
// backend that is bounded, and not the time that the client takes to read.
func TestClientThatEndedItsHalfMayReadSlowly(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789abcdef", 1<<19)
	for _, reused := range []bool{false, true} {
		r := start(t, plain, backend(t, func(w http.ResponseWriter, q *http.Request) {
			switch q.URL.Path {
			case "/long":
				_, _ = io.WriteString(w, content)
			case "/silent":
				<-q.Context().Done()
			}
		}))
		c := r.dial()
		if reused {
			c.get("/")
		}
		c.send("GET /long HTTP/1.1\r\nHost: t\r\n\r\n")
		if err := c.tcp().CloseWrite(); err != nil {
			t.Fatal(err)
		}
		other := r.dial() // its backend is silent: it ends when the grace is over
		other.send("GET /silent HTTP/1.1\r\nHost: t\r\n\r\n")
		if err := other.tcp().CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if left, err := io.ReadAll(other.r); len(left) > 0 || err != nil {
			t.Errorf("reused %v: the other one got %q, %v; want the end", reused, left, err)
		}
		if a := c.receive("GET"); a.StatusCode != 200 || a.body != content {
			t.Errorf("reused %v: got %d and %d bytes; want the whole answer", reused, a.StatusCode, len(a.body))
		}
	}
}

// The grace of one exchange is not that of the next on the connection: each pipelined
// request has all of it.
func TestGraceBeginsWithTheExchange(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "Content-Length: 5\r\n"} { // the loop waits for the second answer, or a goroutine
		r := start(t, plain, backend(t, func(w http.ResponseWriter, q *http.Request) {
			_, _ = io.Copy(io.Discard, q.Body)
			if q.URL.Path != "/" {
				<-time.After(leaveGrace * 7 / 10)
			}
			_, _ = io.WriteString(w, q.URL.Path)
		}))
		c := r.dial()
		c.get("/")
		all := "GET /1 HTTP/1.1\r\nHost: t\r\n\r\n" + "POST /2 HTTP/1.1\r\nHost: t\r\n" + body + "\r\n"
		if body != "" {
			all += "hello"
		}
		c.send(all)
		if err := c.tcp().CloseWrite(); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"/1", "/2"} {
			if a := c.receive("GET"); a.StatusCode != 200 || a.body != want {
				t.Errorf("got %d %q; want 200 %q", a.StatusCode, a.body, want)
			}
		}
	}
}
