package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2Peer is the backend's side of one connection of HTTP/2.
type h2Peer struct {
	*http2.Framer

	net.Conn

	number int64 // of the connection
	block  bytes.Buffer
	enc    *hpack.Encoder
}

// headers sends a header block.
func (p *h2Peer) headers(id uint32, end bool, pairs ...string) {
	p.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = p.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.block.Bytes(), EndHeaders: true, EndStream: end})
}

func (p *h2Peer) ok(id uint32) {
	p.headers(id, false, ":status", "200", "content-length", "2")
	_ = p.WriteData(id, true, []byte("ok"))
}

// scriptedH2 is a backend of HTTP/2 that does what script says with every request
// whose head has come; ended says whether the whole request has. It returns false to
// close the connection.
func scriptedH2(t *testing.T, script func(p *h2Peer, id uint32, f *http2.MetaHeadersFrame) bool, settings ...http2.Setting) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	var count atomic.Int64
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serveH2(&h2Peer{Conn: c, number: count.Add(1)}, script, settings)
			}()
		}
	}()
	return ln.Addr().String()
}

func serveH2(p *h2Peer, script func(p *h2Peer, id uint32, f *http2.MetaHeadersFrame) bool, settings []http2.Setting) {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(p.Conn, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	p.Framer = http2.NewFramer(p.Conn, p.Conn)
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.enc = hpack.NewEncoder(&p.block)
	_ = p.WriteSettings(settings...)
	for {
		f, err := p.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = p.WriteSettingsAck()
			}
		case *http2.PingFrame:
			_ = p.WritePing(true, f.Data)
		case *http2.MetaHeadersFrame:
			if !script(p, f.StreamID, f) {
				return
			}
		}
	}
}

func postHi(c *client) reply {
	c.t.Helper()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi")
	return c.receive("POST")
}

// What a backend has not processed is sent again, whatever its method.
func TestUnprocessedStreamsAreSentAgain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		refuse func(p *h2Peer, id uint32) bool
	}{
		{"GOAWAY", func(p *h2Peer, id uint32) bool {
			_ = p.WriteGoAway(id-2, http2.ErrCodeNo, nil)
			return true
		}},
		{"GOAWAY and the end", func(p *h2Peer, id uint32) bool {
			_ = p.WriteGoAway(id-2, http2.ErrCodeNo, nil)
			return false
		}},
		{"REFUSED_STREAM", func(p *h2Peer, id uint32) bool {
			_ = p.WriteRSTStream(id, http2.ErrCodeRefusedStream)
			return true
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, _ *http2.MetaHeadersFrame) bool {
				if p.number == 1 && id == 3 {
					return tc.refuse(p, id)
				}
				p.ok(id)
				return true
			}))
			c := r.dial()
			for i := range 3 {
				if a := postHi(c); a.StatusCode != 200 || a.body != "ok" {
					t.Fatalf("request %d: got %d %s; want 200", i, a.StatusCode, a.Header.Get("X-Isame-Error"))
				}
			}
			if n := r.failures(); n != 0 {
				t.Errorf("the backend was blamed %d times; want 0", n)
			}
		})
	}
}

func TestStreamsThatMayHaveBeenProcessed(t *testing.T) {
	for _, tc := range []struct{ name, method, want string }{
		{"the connection dies, GET", "GET", "200 "},
		{"the connection dies, POST", "POST", "502 reused_connection_died"},
		{"reset, POST", "POST", "502 reset"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, _ *http2.MetaHeadersFrame) bool {
				if p.number == 1 && id == 3 {
					if strings.HasPrefix(tc.name, "reset") {
						_ = p.WriteRSTStream(id, http2.ErrCodeInternal)
						return true
					}
					return false
				}
				p.ok(id)
				return true
			}))
			c := r.dial()
			postHi(c)
			c.send(tc.method + " / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi")
			a := c.receive(tc.method)
			if got := fmt.Sprintf("%d %s", a.StatusCode, a.Header.Get("X-Isame-Error")); got != tc.want {
				t.Errorf("got %s; want %s", got, tc.want)
			}
		})
	}
}

func TestMalformedAnswersOfStreams(t *testing.T) {
	for _, tc := range []struct {
		name  string
		pairs []string
		end   bool
	}{
		{"no status", []string{"content-length", "2"}, false},
		{"two statuses", []string{":status", "200", ":status", "200"}, false},
		{"a late status", []string{"x", "y", ":status", "200"}, false},
		{"status 99", []string{":status", "099"}, false},
		{"101", []string{":status", "101"}, false},
		{"another pseudo field", []string{":status", "200", ":path", "/"}, false},
		{"capitals", []string{":status", "200", "X-Y", "z"}, false},
		{"a line end in a value", []string{":status", "200", "x", "y\r\nset-cookie: z"}, false},
		{"a line end in a name", []string{":status", "200", "x\r\nset-cookie", "z"}, false},
		{"transfer-encoding", []string{":status", "200", "transfer-encoding", "chunked"}, false},
		{"connection", []string{":status", "200", "connection", "close"}, false},
		{"two lengths", []string{":status", "200", "content-length", "2", "content-length", "2"}, false},
		{"a length without content", []string{":status", "200", "content-length", "2"}, true},
		{"an interim end", []string{":status", "103"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, f *http2.MetaHeadersFrame) bool {
				if f.PseudoValue("path") == "/bad" {
					p.headers(id, tc.end, tc.pairs...)
				} else {
					p.ok(id)
				}
				return true
			}))
			c := r.dial()
			if a := c.get("/bad"); a.StatusCode != 502 || a.Header.Get("X-Isame-Error") != "bad_response" {
				t.Errorf("got %d %s; want 502 bad_response", a.StatusCode, a.Header.Get("X-Isame-Error"))
			}
			if a := c.get("/good"); a.body != "ok" {
				t.Errorf("the next one: got %d %q; want ok", a.StatusCode, a.body)
			}
		})
	}
}

// Answers that have no content may say a length all the same.
func TestAnswersWithoutContentOfStreams(t *testing.T) {
	for _, tc := range []struct {
		name, method, status, length string
		interim                      bool
		want                         string
	}{
		{"204", "GET", "204", "", false, "204 -"},
		{"204 with a length", "GET", "204", "5", false, "204 -"},
		{"204 with a length of nothing", "GET", "204", "0", false, "204 -"},
		{"204 to HEAD", "HEAD", "204", "5", false, "204 -"},
		{"304", "GET", "304", "", false, "304 -"},
		{"304 with a length", "GET", "304", "5", false, "304 5"},
		{"200 to HEAD with a length", "HEAD", "200", "5", false, "200 5"},
		{"204 behind a 103 with a length", "GET", "204", "5", true, "204 -"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, f *http2.MetaHeadersFrame) bool {
				if f.PseudoValue("path") != "/bare" {
					p.ok(id)
					return true
				}
				pairs := []string{":status", tc.status}
				if tc.length != "" {
					pairs = append(pairs, "content-length", tc.length)
				}
				if tc.interim {
					p.headers(id, false, ":status", "103", "content-length", "7", "link", "</x>")
				}
				p.headers(id, true, pairs...)
				return true
			}))
			c := r.dial()
			c.send(tc.method + " /bare HTTP/1.1\r\nHost: t\r\n\r\n")
			a := c.receive(tc.method)
			for a.StatusCode == 103 {
				a = c.receive(tc.method)
			}
			length := "-"
			if said := a.Header.Get("Content-Length"); said != "" {
				length = said
			}
			if got := fmt.Sprint(a.StatusCode, " ", length); got != tc.want || a.body != "" {
				t.Errorf("got %s %q; want %s and no content", got, a.body, tc.want)
			}
			if a := c.get("/good"); a.body != "ok" {
				t.Errorf("the next one: got %d %q; want ok", a.StatusCode, a.body)
			}
		})
	}
}

// An answer that is cut, or is not as long as it says, is never complete to the client.
func TestCutAnswersOfStreams(t *testing.T) {
	for _, tc := range []struct {
		name string
		cut  func(p *h2Peer, id uint32) bool
	}{
		{"reset", func(p *h2Peer, id uint32) bool { _ = p.WriteRSTStream(id, http2.ErrCodeInternal); return true }},
		{"the connection ends", func(*h2Peer, uint32) bool { return false }},
		{"too short", func(p *h2Peer, id uint32) bool { _ = p.WriteData(id, true, nil); return true }},
		{"too long", func(p *h2Peer, id uint32) bool { _ = p.WriteData(id, true, make([]byte, 20)); return true }},
	} {
		for _, length := range []string{"10", ""} {
			if length == "" && strings.HasPrefix(tc.name, "too") {
				continue
			}
			t.Run(tc.name+" "+length, func(t *testing.T) {
				r := start(t, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, _ *http2.MetaHeadersFrame) bool {
					pairs := []string{":status", "200"}
					if length != "" {
						pairs = append(pairs, "content-length", length)
					}
					p.headers(id, false, pairs...)
					_ = p.WriteData(id, false, []byte("half"))
					return tc.cut(p, id)
				}))
				c := r.dial()
				c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
				all, err := io.ReadAll(c.r)
				text := string(all)
				_, content, _ := strings.Cut(text, "\r\n\r\n")
				if err == nil && strings.HasPrefix(text, "HTTP/1.1 200") && (strings.HasSuffix(text, "0\r\n\r\n") || len(content) >= 10) {
					t.Errorf("got %q; want an answer without its end", text)
				}
			})
		}
	}
}

func TestBackendsThatSpeakSomethingElse(t *testing.T) {
	text := strings.Replace(overH2C, "}]}}", "}], timeouts: {connect: 300ms}}}", 1)
	for name, address := range map[string]string{
		"HTTP/1.1": scripted(t, func(_ int64, c net.Conn, _ *bufio.Reader) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		}),
		"nothing": scripted(t, func(_ int64, _ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) }),
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, text, address)
			began := time.Now()
			if a := r.dial().get("/"); a.StatusCode/100 != 5 || !strings.HasPrefix(a.Header.Get("X-Isame-Error"), "connect_") {
				t.Errorf("got %d %s; want a failure to connect", a.StatusCode, a.Header.Get("X-Isame-Error"))
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestFullConnectionsGetCompany(t *testing.T) {
	enter, leave := make(chan int64, 8), make(chan struct{})
	r := start(t, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, _ *http2.MetaHeadersFrame) bool {
		enter <- p.number
		go func() {
			<-leave
			p.ok(id)
		}()
		return true
	}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1}))
	c := r.h2Client() // one shard
	done := make(chan error, 3)
	seen := map[int64]bool{}
	for range 3 {
		go func() {
			resp, err := c.Get("http://example.com/")
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			done <- err
		}()
		seen[<-enter] = true
	}
	close(leave)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d connections carried 3 requests of which each takes one; want 3", len(seen))
	}
}

func TestIdleConnectionsOfStreamsEnd(t *testing.T) {
	text := strings.Replace(overH2C, "}]}}", "}], connections: {idle: 100ms}}}", 1)
	var connections atomic.Int64
	r := start(t, text, h2Backend(t, &connections, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	open := func() int { return r.engine.Pools()[0].Backends[0].ConnectionsOpen }
	c := r.dial()
	for i := range 2 {
		if a := c.get("/"); a.body != "ok" {
			t.Fatalf("got %d %q", a.StatusCode, a.body)
		}
		if n := connections.Load(); n != int64(i+1) {
			t.Errorf("the backend saw %d connections; want %d", n, i+1)
		}
		eventually(t, func() string { return fmt.Sprintf("no open connection; there are %d", open()) }, func() bool { return open() == 0 })
	}
}

// A client that leaves takes its stream with it, and not those of others.
func TestClientThatLeavesCancelsItsStream(t *testing.T) {
	arrived, cancelled := make(chan struct{}, 1), make(chan struct{})
	r := start(t, overH2C, h2Backend(t, nil, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/wait" {
			_, _ = io.WriteString(w, "ok")
			return
		}
		arrived <- struct{}{}
		<-q.Context().Done()
		close(cancelled)
	}))
	other := r.dial()
	c := r.dial()
	c.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
	<-arrived
	_ = c.Close()
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Error("the backend works for a client that has gone")
	}
	if a := other.get("/"); a.body != "ok" {
		t.Errorf("another client: got %d %q; want ok", a.StatusCode, a.body)
	}
	if n := r.failures(); n != 0 {
		t.Errorf("the backend was blamed %d times; want 0", n)
	}
}

// A client that reads nothing holds the backend back, within the window of its stream.
func TestSlowClientHoldsItsStreamBack(t *testing.T) {
	var sent atomic.Int64
	r := start(t, overH2C, h2Backend(t, nil, func(w http.ResponseWriter, q *http.Request) {
		piece := make([]byte, 16<<10)
		for range map[string]int{"/": 8 << 10, "/less": 1 << 8}[q.URL.Path] { // which is more than the window of a session
			n, err := w.Write(piece)
			if err != nil {
				return
			}
			sent.Add(int64(n))
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	last := heldBack(t, &sent)
	if last > 32<<20 {
		t.Errorf("the backend sent %d bytes to a client that reads nothing; want it held back", last)
	}
	if a := r.dial().get("/less"); a.StatusCode != 200 || len(a.body) != 4<<20 { // the window of the session is not used up
		t.Errorf("another client: got %d and %d bytes", a.StatusCode, len(a.body))
	}
}

func TestTrailersAndInterimAnswersOfStreams(t *testing.T) {
	r := start(t, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, _ *http2.MetaHeadersFrame) bool {
		p.headers(id, false, ":status", "103", "link", "</a.css>")
		p.headers(id, false, ":status", "200", "trailer", "x-sum", "content-length", "2")
		_ = p.WriteData(id, false, []byte("ok"))
		p.headers(id, true, "x-sum", "7", "content-length", "9")
		return true
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\nTE: trailers\r\n\r\n")
	hint, err := http.ReadResponse(c.r, nil)
	if err != nil || hint.StatusCode != 103 || hint.Header.Get("Link") != "</a.css>" {
		t.Fatalf("got %v, %v; want 103 with its Link", hint, err)
	}
	if a := c.receive("GET"); a.body != "ok" || a.Trailer.Get("X-Sum") != "7" || a.Trailer.Get("Content-Length") != "" {
		t.Errorf("got %q and trailers %v; want ok and X-Sum 7", a.body, a.Trailer)
	}
}

func TestUpgradesToBackendsOfHTTP2(t *testing.T) {
	echoing := func(p *h2Peer, id uint32, f *http2.MetaHeadersFrame) bool {
		if f.PseudoValue("method") != "CONNECT" || f.PseudoValue("protocol") != "websocket" {
			p.ok(id)
			return true
		}
		p.headers(id, false, ":status", "200")
		for {
			f, err := p.ReadFrame()
			if err != nil {
				return false
			}
			if d, ok := f.(*http2.DataFrame); ok {
				_ = p.WriteData(id, d.StreamEnded(), d.Data())
				if d.StreamEnded() {
					return true
				}
			}
		}
	}
	t.Run("taken", func(t *testing.T) {
		r := start(t, overH2C, scriptedH2(t, echoing, http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1}))
		c := r.dial()
		c.upgrade()
		c.send("hello")
		if got := make([]byte, 5); !fills(c.r, got) || string(got) != "hello" {
			t.Errorf("got %q; want hello", got)
		}
		c.stop()
		if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
			t.Errorf("got %q, %v; want the end", rest, err)
		}
	})
	t.Run("not offered", func(t *testing.T) {
		r := start(t, overH2C, scriptedH2(t, echoing))
		c := r.dial()
		c.send(upgradeRequest)
		if a := c.receive("GET"); a.StatusCode != 501 {
			t.Errorf("got %d; want 501", a.StatusCode)
		}
		if a := c.get("/"); a.body != "ok" {
			t.Errorf("afterwards: got %d %q; want ok", a.StatusCode, a.body)
		}
	})
}

func fills(r io.Reader, p []byte) bool {
	_, err := io.ReadFull(r, p)
	return err == nil
}
