package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"

	"github.com/isame-lb/isame-lb/bench/scan"
)

// The opening handshake of WebSocket (RFC 6455 section 4). The key is that of the RFC's example: it
// proves to a client that nobody has answered from a cache, which is none of our troubles.
const (
	webSocketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	webSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	openingBytesMax = 16 << 10 // of the answer's head
)

var (
	errNotSwitched = errors.New("the server did not switch to WebSocket")
	errLongHead    = errors.New("the answer to the opening handshake is too long")
)

// buildMessages renders the opening handshake and the one message of a plan with WebSocket.
func buildMessages(p Plan, u *url.URL) (opening []byte, calls []call, err error) {
	if p.Method != "" || len(p.Requests) > 0 {
		return nil, nil, errors.New("cannot send other requests through WebSocket: its messages are the body")
	}
	h := p
	h.Body, h.NoKeepAlive = nil, false
	h.Header = append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + webSocketKey,
	}, p.Header...)
	open, err := buildCalls(h, u)
	if err != nil {
		return nil, nil, err
	}
	message := scan.AppendMessage(nil, p.Body, [4]byte{0x37, 0xfa, 0x21, 0x3d})
	return open[0].bytes, []call{{bytes: message}}, nil
}

// upgrade begins the opening handshake on a connection that is there.
func (w *worker) upgrade(c *conn) {
	c.state, c.out, c.written, c.opening = connSending, w.t.opening, 0, true
	c.head = c.head[:0]
	w.send(c)
}

// upgraded takes what has come of the answer to it. The connection is ready for messages once the
// head is whole and says so.
func (w *worker) upgraded(c *conn, b []byte) {
	c.head = append(c.head, b...)
	at := bytes.Index(c.head, []byte("\r\n\r\n"))
	switch {
	case at < 0 && len(c.head) > openingBytesMax:
		w.failed(c, CauseFraming, errLongHead)
	case at < 0:
	case !bytes.HasPrefix(c.head, []byte("HTTP/1.1 101 ")) || !bytes.Contains(c.head[:at], []byte(webSocketAccept)):
		line, _, _ := bytes.Cut(c.head, []byte("\r\n"))
		w.failed(c, CauseFraming, fmt.Errorf("%w: %q", errNotSwitched, line))
	case at+4 < len(c.head): // nobody is to speak before it is asked
		w.failed(c, CauseFraming, scan.ErrExtraBytes)
	default:
		c.opening, c.head = false, nil
		w.ready(c)
	}
}

// feed reads the next bytes of an answer. It reports whether that is complete.
func (w *worker) feed(c *conn, b []byte) (done bool, err error) {
	if w.t.opening != nil {
		return c.message.Feed(b)
	}
	return c.scan.Feed(b)
}

// status is that of a complete answer; a message has none of its own, and counts as what has let it pass.
func (w *worker) status(c *conn) int {
	if w.t.opening != nil {
		return statusSwitched
	}
	return c.scan.Status()
}

const statusSwitched = 101

// stays reports that the connection may carry another request.
func (w *worker) stays(c *conn) bool {
	switch {
	case w.t.NoKeepAlive, w.t.PerConnection > 0 && c.carried >= w.t.PerConnection, c.written < len(c.out):
		return false
	}
	return w.t.opening != nil || c.scan.KeepAlive()
}
