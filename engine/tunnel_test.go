package engine

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sampleAccept belongs to the key of upgradeRequest.
const sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

const (
	upgradeRequest = "GET /chat HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	upgradeAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + sampleAccept + "\r\n\r\n"
)

// accepted is the Sec-WebSocket-Accept of a key (RFC 6455 section 4.2.2).
func accepted(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// acceptTo is an answer in which the sample stands for what belongs to the key of q.
func acceptTo(q *http.Request, answer string) string {
	return strings.Replace(answer, sampleAccept, accepted(q.Header.Get("Sec-WebSocket-Key")), 1)
}

// switched is a backend that switches and then speaks as talk says.
func switched(t *testing.T, answer string, talk func(c net.Conn, in *bufio.Reader)) string {
	t.Helper()
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		if q == nil {
			return
		}
		if q.Header.Get("Upgrade") == "" {
			_, _ = io.WriteString(c, ok)
			return
		}
		_, _ = io.WriteString(c, acceptTo(q, answer))
		talk(c, in)
	})
}

func echoBack(c net.Conn, in *bufio.Reader) { _, _ = io.Copy(c, in) }

// upgrade opens a tunnel.
func (c *client) upgrade() {
	c.t.Helper()
	c.send(upgradeRequest)
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" || !strings.EqualFold(resp.Header.Get("Connection"), "upgrade") ||
		resp.Header.Get("Sec-WebSocket-Accept") == "" {
		c.t.Fatalf("got %d %v; want 101 with the backend's fields", resp.StatusCode, resp.Header)
	}
}

func (r *rig) tunnels() int {
	n := 0
	for _, l := range r.engine.Listeners() {
		n += l.Tunnels
	}
	return n
}

func (r *rig) inFlight() int64 { return r.engine.Pools()[0].InFlight }

func TestTunnelCarriesBothWaysUntilBothEnd(t *testing.T) {
	r := start(t, plain, switched(t, upgradeAnswer+"first", func(c net.Conn, in *bufio.Reader) {
		echoBack(c, in) // until the client ends its half
		_, _ = io.WriteString(c, "last words")
	}))
	c := r.dial()
	c.upgrade()
	eventually(t, func() string { return "one tunnel, one request in flight" }, func() bool { return r.tunnels() == 1 && r.inFlight() == 1 })
	message := noise(3 << 20)
	go func() {
		_, _ = c.Write(message)
		c.stop()
	}()
	got, err := io.ReadAll(c.r)
	if want := "first" + string(message) + "last words"; err != nil || string(got) != want {
		t.Errorf("got %d bytes, %v; want %d that are the same", len(got), err, len(want))
	}
	eventually(t, func() string { return "no tunnel, nothing in flight" }, func() bool { return r.tunnels() == 0 && r.inFlight() == 0 })
	if n := r.failures(); n != 0 {
		t.Errorf("the backend was blamed %d times; want 0", n)
	}
}

// What the client sends behind its request, before the answer, is for the backend,
// however much the buffer of the head takes of it.
func TestTunnelPassesOnWhatCameEarly(t *testing.T) {
	r := start(t, impatient("limits: {header_bytes: 128KiB}"), switched(t, upgradeAnswer, echoBack))
	for _, early := range []string{"early", string(noise(60_000))} {
		c := r.dial()
		c.send(upgradeRequest + early)
		if _, err := http.ReadResponse(c.r, nil); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(early))
		if _, err := io.ReadFull(c.r, got); err != nil || string(got) != early {
			t.Errorf("got %d bytes that are the same: %v, %v; want %d", len(got), string(got) == early, err, len(early))
		}
	}
}

func TestRefusedUpgradeStaysHTTP(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for readHead(in) != nil {
			_, _ = io.WriteString(c, ok)
		}
	}))
	c := r.dial()
	for range 3 {
		c.send(upgradeRequest)
		if a := c.receive("GET"); a.StatusCode != 200 || a.body != "ok" || a.Close {
			t.Fatalf("got %d %q, close %v; want 200 ok on a connection that stays", a.StatusCode, a.body, a.Close)
		}
	}
}

func TestSwitchesThatNobodyAskedFor(t *testing.T) {
	const plainGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n"
	for _, tc := range []struct{ name, request, answer string }{
		{"not asked", plainGet, upgradeAnswer},
		{"to something else", upgradeRequest, strings.Replace(upgradeAnswer, "websocket", "chat", 1)},
		{"to nothing", upgradeRequest, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n"},
		{"HTTP/1.0", strings.Replace(upgradeRequest, "HTTP/1.1", "HTTP/1.0", 1), upgradeAnswer},
		{"without Connection", strings.Replace(upgradeRequest, "keep-alive, Upgrade", "keep-alive", 1), upgradeAnswer},
		{"h2c", strings.Replace(upgradeRequest, "websocket", "h2c", 1), strings.Replace(upgradeAnswer, "websocket", "h2c", 1)},
		{"with a body", strings.Replace(upgradeRequest, "\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi", 1), upgradeAnswer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for readHead(in) != nil {
					_, _ = io.WriteString(c, tc.answer)
				}
			}))
			c := r.dial()
			c.send(tc.request)
			if a := c.receive("GET"); a.StatusCode != 502 || a.Header.Get("X-Isame-Error") != "bad_response" {
				t.Errorf("got %d %s; want 502 bad_response", a.StatusCode, a.Header.Get("X-Isame-Error"))
			}
			if n := r.tunnels(); n != 0 {
				t.Errorf("%d tunnels; want none", n)
			}
		})
	}
}

// One direction that is full holds up its sender, and not the other direction.
func TestTunnelDirectionsAreIndependent(t *testing.T) {
	full := make(chan struct{})
	r := start(t, plain, switched(t, upgradeAnswer, func(c net.Conn, in *bufio.Reader) {
		go func() { // as much as the client does not read
			piece := make([]byte, 1<<20)
			for {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		}()
		line, _ := in.ReadString('\n')
		if line == "ping\n" {
			close(full)
		}
		_, _ = io.Copy(io.Discard, in)
	}))
	c := r.dial()
	c.upgrade()
	last, since := int64(-1), time.Now()
	eventually(t, func() string { return "the backend is held back" }, func() bool {
		n := int64(0)
		for _, l := range r.engine.table.Load().listeners {
			n += int64(l.stats.BytesOut.Sum())
		}
		if n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 50*time.Millisecond
	})
	c.send("ping\n")
	select {
	case <-full:
	case <-time.After(10 * time.Second):
		t.Error("the client's bytes do not pass while it reads nothing")
	}
}

func TestTunnelEndsOfBothSides(t *testing.T) {
	t.Run("the client resets", func(t *testing.T) {
		met := make(chan error, 1)
		r := start(t, plain, switched(t, upgradeAnswer, func(c net.Conn, in *bufio.Reader) {
			_, err := in.ReadByte()
			met <- err
			_ = c.Close()
		}))
		c := r.dial()
		c.upgrade()
		breakOff(c.Conn)
		if err := <-met; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the backend met %v; want a reset", err)
		}
		r.checkGone(t)
	})
	t.Run("the backend resets", func(t *testing.T) {
		r := start(t, plain, switched(t, upgradeAnswer, func(c net.Conn, _ *bufio.Reader) { breakOff(c) }))
		c := r.dial()
		c.upgrade()
		if _, err := c.r.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client met %v; want a reset", err)
		}
		r.checkGone(t)
	})
}

func TestSilentTunnelEndsAfterItsTime(t *testing.T) {
	const words, pause = 8, 100 * time.Millisecond
	text := strings.Replace(plain, "}]}}", "}], timeouts: {tunnel: 300ms}}}", 1)
	r := start(t, text, switched(t, upgradeAnswer, func(c net.Conn, in *bufio.Reader) {
		tick := time.NewTicker(pause) // words of one side alone keep it open
		defer tick.Stop()
		for range words {
			<-tick.C
			_, _ = c.Write([]byte{'x'})
		}
		_, _ = in.ReadByte()
	}))
	c := r.dial()
	c.upgrade()
	if _, err := io.ReadFull(c.r, make([]byte, words)); err != nil {
		t.Fatalf("ended although it was not silent: %v", err)
	}
	began := time.Now()
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("a byte came out of nothing")
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 5*time.Second {
		t.Errorf("ended after %v of silence; want about 300 ms", took)
	}
}

func TestReloadKeepsTunnels(t *testing.T) {
	address := switched(t, upgradeAnswer, echoBack)
	r := start(t, plain, address)
	c := r.dial()
	c.upgrade()
	for range 3 {
		r.apply(plain, address)
		c.send("x")
		if b, err := c.r.ReadByte(); err != nil || b != 'x' {
			t.Fatalf("after a reload: got %q, %v; want x", b, err)
		}
	}
}

// A drain ends a WebSocket with close frames between two frames, and waits for the
// answers.
func TestDrainSaysGoodbye(t *testing.T) {
	t.Parallel()
	atBackend, proceed, goodbye := make(chan []byte, 1), make(chan struct{}), make(chan struct{})
	half := append([]byte{0x82, 126, 1, 0}, make([]byte, 100)...) // a frame of 256 bytes, begun
	address := switched(t, upgradeAnswer, func(c net.Conn, in *bufio.Reader) {
		_, _ = c.Write(half)
		frame := make([]byte, 8)
		_, _ = io.ReadFull(in, frame)
		atBackend <- frame
		<-proceed
		_, _ = c.Write(make([]byte, 156))
		<-goodbye
		_, _ = c.Write([]byte{0x88, 0})
		_, _ = in.ReadByte()
	})
	text := strings.Replace(plain, "drain: 5s", "drain: 2s", 1)
	r := start(t, text, address)
	c := r.dial()
	c.upgrade()
	if _, err := io.ReadFull(c.r, make([]byte, len(half))); err != nil {
		t.Fatal(err)
	}
	r.apply(strings.Replace(text, "127.0.0.1:0", "127.0.0.2:0", 1), address) // the listener is gone
	if got := <-atBackend; got[0] != 0x88 || got[1] != 0x82 || got[6]^got[2] != 0x03 || got[7]^got[3] != 0xe9 {
		t.Errorf("the backend got % x; want a masked close frame with 1001", got)
	}
	close(proceed)
	rest := make([]byte, 156+4)
	if _, err := io.ReadFull(c.r, rest); err != nil || !bytes.Equal(rest[156:], []byte{0x88, 2, 0x03, 0xe9}) {
		t.Errorf("got % x, %v; want the rest of the frame, and a close frame with 1001", rest[150:], err)
	}
	close(goodbye)
	_, _ = c.Write([]byte{0x88, 0x80, 0, 0, 0, 0})
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the goodbye: %v; want the end", err)
	}
}
