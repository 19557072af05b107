package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// connectTo is an extended CONNECT (RFC 8441).
func connectTo(path string, more ...string) []string {
	return append([]string{
		":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "t", ":path", path, "sec-websocket-version", "13",
	}, more...)
}

// connect opens a tunnel.
func (c *h2conn) connect() (id uint32) {
	c.t.Helper()
	id = c.open(false, connectTo("/chat")...)
	st := c.streams[id]
	if !c.until(func() bool { return st.status != 0 || st.reset }) || st.status != 200 || st.whole {
		c.t.Fatalf("got %d, reset %v; want 200 and an open stream", st.status, st.reset)
	}
	return id
}

// hears reads until so much has come on the stream, and returns it.
func (c *h2conn) hears(id uint32, n int) string {
	c.t.Helper()
	st := c.streams[id]
	if !c.until(func() bool { return len(st.body) >= n || st.reset }) || st.reset {
		c.t.Fatalf("got %d bytes, reset %v; want %d: %v", len(st.body), st.reset, n, c.ended)
	}
	got := string(st.body[:n])
	st.body = st.body[n:]
	return got
}

// Isame has made the key, and the client cannot check what belongs to it.
func TestHTTP2WebSocketsThatAreNotAccepted(t *testing.T) {
	for name, line := range map[string]string{
		"missing": "", "of another key": "Sec-WebSocket-Accept: " + accepted("bm90IHRoZSBvbmUgb2Y6IQ==") + "\r\n", "empty": "Sec-WebSocket-Accept: \r\n",
		"cut short": "Sec-WebSocket-Accept: s3pPLMBiTxaQ\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answer := strings.Replace(upgradeAnswer, "Sec-WebSocket-Accept: "+sampleAccept+"\r\n", line, 1)
			r := start(t, h2cListener, switched(t, answer, echoBack))
			c := r.h2()
			c.expect("502 bad_response", c.outcome(c.open(false, connectTo("/chat")...)))
			c.expect("200 ok", c.ask(to("GET", "/")...))
			eventually(t, func() string { return "no tunnel, nothing in flight" }, func() bool { return r.tunnels() == 0 && r.inFlight() == 0 })
		})
	}
}

// The client's settings tell nothing of CONNECT, ours do.
func TestHTTP2SaysThatItKnowsExtendedConnect(t *testing.T) {
	c := start(t, h2cListener, nobody(t)).h2()
	for {
		f, err := c.fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if s, isSettings := f.(*http2.SettingsFrame); isSettings && !s.IsAck() {
			if v, said := s.Value(http2.SettingEnableConnectProtocol); !said || v != 1 {
				t.Errorf("got %v, %v; want 1", v, said)
			}
			return
		}
	}
}

func TestHTTP2TunnelCarriesBothWaysUntilBothEnd(t *testing.T) {
	address := switched(t, upgradeAnswer+"first", func(c net.Conn, in *bufio.Reader) {
		echoBack(c, in) // until the client ends its half
		_, _ = io.WriteString(c, "last words")
	})
	bare, secure := start(t, h2cListener, address), start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), address)
	for _, tc := range []struct {
		name string
		r    *rig
		c    *h2conn
		end  bool // an empty frame ends the client's half, else the last one with content
	}{
		{"clear", bare, bare.h2(), false}, {"an end of its own", bare, bare.h2(), true}, {"TLS", secure, secure.h2TLS(), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, c := tc.r, tc.c
			c.t = t
			id := c.open(false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a.test", ":path", "/")
			eventually(t, func() string { return "one tunnel, one request in flight" }, func() bool { return r.tunnels() == 1 && r.inFlight() == 1 })
			message := string(noise(3 << 20))
			c.upload(id, !tc.end, message)
			if tc.end {
				c.data(id, true, "")
			}
			st := c.answer(id)
			if want := "first" + message + "last words"; !st.whole || string(st.body) != want {
				t.Errorf("got %d bytes, whole %v; want %d that are the same", len(st.body), st.whole, len(want))
			}
			for _, f := range st.fields {
				if f.Name == "sec-websocket-accept" || f.Name == "upgrade" {
					t.Errorf("got the field %v, which is of HTTP/1.1", f)
				}
			}
			eventually(t, func() string { return "no tunnel, nothing in flight" }, func() bool { return r.tunnels() == 0 && r.inFlight() == 0 })
			r.settled2(t)
			if n := r.failures(); n != 0 {
				t.Errorf("the backend was blamed %d times; want 0", n)
			}
		})
	}
}

// What a backend reads of an extended CONNECT is the upgrade of HTTP/1.1.
func TestHTTP2TunnelIsAnUpgradeToTheBackend(t *testing.T) {
	heads := make(chan string, 1)
	r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		var head strings.Builder
		for {
			line, err := in.ReadString('\n')
			head.WriteString(line)
			if err != nil || line == "\r\n" {
				break
			}
		}
		_, rest, _ := strings.Cut(head.String(), "Sec-WebSocket-Key: ")
		key, _, _ := strings.Cut(rest, "\r\n")
		heads <- added.ReplaceAllLiteralString(head.String(), "+\r\n")
		_, _ = io.WriteString(c, strings.Replace(upgradeAnswer, sampleAccept, accepted(key)+"\r\nSec-WebSocket-Protocol: chat", 1))
		echoBack(c, in)
	}))
	c := r.h2()
	id := c.open(false, connectTo("/chat?x=y", "sec-websocket-protocol", "chat, other", "sec-websocket-key", "bWluZQ==", "origin", "http://t")...)
	c.data(id, false, "early")
	if got := c.hears(id, 5); got != "early" {
		t.Errorf("what came early: got %q", got)
	}
	if got := c.streams[id].header("sec-websocket-protocol"); got != "chat" {
		t.Errorf("the protocol of the answer: got %q; want chat", got)
	}
	head := <-heads
	key, rest, _ := strings.Cut(head, "Sec-WebSocket-Key: ")
	value, rest, _ := strings.Cut(rest, "\r\n")
	want := "GET /chat?x=y HTTP/1.1\r\nHost: t\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: chat, other\r\norigin: http://t\r\n+\r\n" +
		"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
	if key+rest != want || len(value) != 24 || value == "bWluZQ==" {
		t.Errorf("the backend saw\n%q with the key %q; want\n%q", key+rest, value, want)
	}
	c.data(id, true, "")
	c.answer(id)

	id = c.open(false, ":method", "CONNECT", ":protocol", "chat/2", ":scheme", "http", ":authority", "t", ":path", "/")
	c.answer(id)
	if head := <-heads; !strings.Contains(head, "\r\nUpgrade: chat/2\r\n") || strings.Contains(head, "Sec-WebSocket-Key") {
		t.Errorf("another protocol: the backend saw\n%q", head)
	}
}

// A backend that does not switch: its refusal passes, but what it takes for a success
// must not look like an open tunnel to the client.
func TestHTTP2RefusedTunnels(t *testing.T) {
	for _, tc := range []struct{ name, says, want string }{
		{"forbidden", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", "403 no"},
		{"not found, chunked", "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "404 no"},
		{"redirected", "HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "302"},
		{"ignored", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + strings.Repeat("x", 100), "502 upgrade_ignored"},
		{"ignored, without content", "HTTP/1.1 204 None\r\n\r\n", "502 upgrade_ignored"},
		{"switched to something else", strings.Replace(upgradeAnswer, "websocket", "chat", 1), "502 bad_response"},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, " ", reused), func(t *testing.T) {
				r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for q := readHead(in); q != nil; q = readHead(in) {
						says := ok
						if q.Header.Get("Upgrade") != "" {
							says = tc.says
						}
						if _, err := io.WriteString(c, says); err != nil {
							return
						}
					}
				}))
				c := r.h2()
				if reused {
					c.expect("200 ok", c.ask(to("GET", "/")...))
				}
				id := c.open(false, connectTo("/")...)
				c.expect(tc.want, c.outcome(id))
				c.expect("200 ok", c.ask(to("GET", "/")...))
				r.settled2(t)
				if n := r.tunnels(); n != 0 {
					t.Errorf("%d tunnels; want none", n)
				}
			})
		}
	}
}

func TestHTTP2TunnelEndsOfBothSides(t *testing.T) {
	met := make(chan error, 1)
	r := start(t, h2cListener, switched(t, upgradeAnswer, func(c net.Conn, in *bufio.Reader) {
		line, err := in.ReadString('\n')
		if line == "reset\n" {
			breakOff(c)
			return
		}
		met <- err
	}))
	for name, leave := range map[string]func(c *h2conn, id uint32){
		"the client resets the stream": func(c *h2conn, id uint32) { _ = c.fr.WriteRSTStream(id, http2.ErrCodeCancel) },
		"the client closes":            func(c *h2conn, _ uint32) { _ = c.Close() },
		"the client breaks a rule":     func(c *h2conn, id uint32) { c.give(c.streams[id], 1<<31-1) },
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			c := r.h2()
			leave(c, c.connect())
			if err := <-met; !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the backend met %v; want a reset", err)
			}
			r.settled2(t)
		})
	}
	t.Run("the backend resets", func(t *testing.T) {
		r.t = t
		c := r.h2()
		id := c.connect()
		c.data(id, false, "reset\n")
		c.expect("200 reset CANCEL", c.outcome(id))
		r.settled2(t)
	})
}

func TestHTTP2SilentTunnelEndsAfterItsTime(t *testing.T) {
	t.Parallel()
	text := strings.Replace(h2cListener, "}]}}", "}], timeouts: {tunnel: 1s}}}", 1)
	r := start(t, text, switched(t, upgradeAnswer, echoBack))
	c := r.h2()
	id, other := c.connect(), c.connect()
	tick := time.NewTicker(100 * time.Millisecond) // the other one is not silent
	defer tick.Stop()
	for range 15 {
		<-tick.C
		c.data(other, false, "x")
		c.hears(other, 1)
	}
	if st := c.answer(id); !st.whole {
		t.Errorf("the silent one: %s; want its end", c.outcome(id))
	}
	if st := c.streams[other]; st.whole || st.reset {
		t.Error("the other one has ended, too")
	}
}

// Tunnels that are silent have no goroutine, and leave the session to others.
func TestHTTP2ManyTunnelsOnOneConnection(t *testing.T) {
	r := start(t, h2cListener, switched(t, upgradeAnswer, echoBack))
	c := r.h2()
	c.expect("200 ok", c.ask(to("GET", "/")...))
	const many = 100
	goroutines := runtime.NumGoroutine()
	var ids []uint32
	for range many {
		ids = append(ids, c.connect())
	}
	c.settle()
	eventually(t, func() string {
		return fmt.Sprint("a goroutine for each tunnel in the backend alone: ", runtime.NumGoroutine()-goroutines)
	}, func() bool {
		return runtime.NumGoroutine()-goroutines < many+many/2
	})
	for range 3 {
		for i, id := range ids {
			c.data(id, false, fmt.Sprintf("%04d", i))
		}
		for i, id := range ids {
			if got := c.hears(id, 4); got != fmt.Sprintf("%04d", i) {
				t.Fatalf("tunnel %d: got %q", i, got)
			}
		}
		c.expect("200 ok", c.ask(to("GET", "/")...))
	}
	for _, id := range ids {
		c.data(id, true, "")
	}
	for _, id := range ids {
		c.answer(id)
	}
	r.settled2(t)
}

// A drain ends WebSockets with close frames on their streams, and waits for the answers.
func TestHTTP2DrainSaysGoodbye(t *testing.T) {
	t.Parallel()
	atBackend := make(chan []byte, 1)
	address := switched(t, upgradeAnswer, func(c net.Conn, in *bufio.Reader) {
		_, _ = c.Write([]byte{0x81, 2, 'h', 'i'})
		closing := make([]byte, 8)
		_, _ = io.ReadFull(in, closing)
		atBackend <- closing
		_, _ = c.Write([]byte{0x88, 0})
		_, _ = in.ReadByte()
	})
	text := strings.Replace(h2cListener, "drain: 5s", "drain: 2s", 1)
	r := start(t, text, address)
	c := r.h2()
	id := c.connect()
	if got := c.hears(id, 4); got != "\x81\x02hi" {
		t.Errorf("got % x", got)
	}
	r.apply(strings.Replace(text, "127.0.0.1:0", "127.0.0.2:0", 1), address) // the listener is gone
	if got := c.hears(id, 4); got != "\x88\x02\x03\xe9" {
		t.Errorf("got % x; want a close frame with 1001", got)
	}
	if got := <-atBackend; got[0] != 0x88 || got[1] != 0x82 || got[6]^got[2] != 0x03 || got[7]^got[3] != 0xe9 {
		t.Errorf("the backend got % x; want a masked close frame with 1001", got)
	}
	c.data(id, true, "\x88\x80\x00\x00\x00\x00")
	if st := c.answer(id); !st.whole {
		t.Errorf("after the goodbye: %s; want the end of the stream", c.outcome(id))
	}
	c.expect("goaway NO_ERROR", c.ending())
}

// A tunnel that opens when the others were asked to end is asked as well.
func TestHTTP2GoodbyeOfALateTunnel(t *testing.T) {
	proceed := make(chan struct{})
	r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if q := readHead(in); q != nil {
			<-proceed
			_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
			echoBack(c, in)
		}
	}))
	c := r.h2()
	id := c.open(false, connectTo("/")...)
	eventually(t, func() string { return "a request in flight" }, func() bool { return r.inFlight() == 1 })
	for _, l := range r.engine.apply.listeners {
		for _, s := range l.shards {
			s.leaveTunnels()
		}
	}
	c.settle()
	close(proceed)
	if got := c.hears(id, 4); got != "\x88\x02\x03\xe9" {
		t.Errorf("got % x; want a close frame with 1001", got)
	}
	c.data(id, true, "\x88\x80\x00\x00\x00\x00")
	if st := c.answer(id); !st.whole {
		t.Errorf("after the goodbye: %s; want the end of the stream", c.outcome(id))
	}
}

// The rest of a frame whose stream has ended is for nobody, whoever has the memory of
// the stream by then.
func TestRestOfAFrameIsNotForTheNextStream(t *testing.T) {
	r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			if q.Header.Get("Upgrade") != "" {
				_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
				_, _ = in.ReadByte()
				breakOff(c)
				return
			}
			_, _ = io.WriteString(c, replyTo([]byte(q.Method+" "+q.RequestURI+" HTTP/1.1\r\n")))
		}
	}))
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
	for range 8 { // both shards
		c := r.h2()
		id := c.connect()
		c.raw("\x00\x01\x00\x00\x00\x00\x00\x00\x01half of it")
		c.answer(id)
		c.raw(strings.Repeat(smuggled, 10)[:256-len("half of it")])
		if !c.settle() {
			t.Fatalf("the session ended: %s", c.ending())
		}
		for range 4 {
			other := r.h2()
			other.expect("200 GET /clean", other.ask(to(http.MethodGet, "/clean")...))
		}
	}
}

// The end of a tunnel that comes together with the last bytes is passed on like one
// that comes alone.
func TestEndOfATunnelMayComeWithItsBytes(t *testing.T) {
	agree := make(chan struct{})
	r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		if q == nil {
			return
		}
		<-agree
		_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
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
