package origin

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 wants it
	"encoding/base64"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// tunnelBytes is the buffer of a connection that speaks another protocol: there
// may be ten thousand that say little. One that has filled it gets tunnelBytesMost.
const (
	tunnelBytes     = 4 << 10
	tunnelBytesMost = 64 << 10
)

// webSocketGUID is what a server shows with that it speaks WebSocket (RFC 6455
// section 1.3).
const webSocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// upgrade switches to the protocol that is asked for, which may be any: every byte
// comes back as it is. Frames of WebSocket come back masked, which proxies do not
// mind and browsers would.
func (s *Server) upgrade(ctx *fasthttp.RequestCtx) {
	protocol, _, _ := bytes.Cut(ctx.Request.Header.Peek("Upgrade"), []byte{','})
	if protocol = bytes.TrimSpace(protocol); len(protocol) == 0 || !ctx.Request.Header.ConnectionUpgrade() {
		ctx.Error("ask for an upgrade\n", fasthttp.StatusUpgradeRequired)
		ctx.Response.Header.Set("Upgrade", "websocket")
		return
	}
	h := &ctx.Response.Header
	ctx.SetStatusCode(fasthttp.StatusSwitchingProtocols)
	h.Set("Connection", "Upgrade")
	h.SetBytesV("Upgrade", protocol)
	if key := ctx.Request.Header.Peek("Sec-WebSocket-Key"); len(key) > 0 {
		sum := sha1.Sum(append(bytes.Clone(key), webSocketGUID...)) //nolint:gosec // as above
		h.Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	}
	ctx.Hijack(s.tunnels.echo)
}

// tunnels are the connections that speak another protocol. The zero value is ready.
type tunnels struct {
	running sync.WaitGroup

	mu struct {
		sync.Mutex
		open   map[net.Conn]struct{}
		closed bool
	}
}

// echo sends back what comes until the peer ends, or close is called.
func (t *tunnels) echo(c net.Conn) {
	if !t.enter(c) {
		return
	}
	defer t.leave(c)
	for b := make([]byte, tunnelBytes); ; {
		n, err := c.Read(b)
		if n > 0 {
			_, err = c.Write(b[:n])
		}
		switch {
		case err != nil: // however it ends
			return
		case n == tunnelBytes && len(b) == n:
			b = make([]byte, tunnelBytesMost)
		}
	}
}

func (t *tunnels) enter(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.closed {
		return false
	}
	if t.mu.open == nil {
		t.mu.open = map[net.Conn]struct{}{}
	}
	t.mu.open[c] = struct{}{}
	t.running.Add(1)
	return true
}

func (t *tunnels) leave(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.mu.open, c)
	t.running.Done()
}

// close ends all tunnels and lets none begin. They are closed by fasthttp, whose
// hijacked connections do not close when they are told to: a deadline ends them.
func (t *tunnels) close() {
	t.mu.Lock()
	t.mu.closed = true
	for c := range t.mu.open {
		_ = c.SetDeadline(time.Unix(1, 0))
	}
	t.mu.Unlock()
	t.running.Wait()
}
