package ctl

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Bounds of what is still read from a client that was refused in mid-body.
const (
	lingerBytesMax = 32 << 20
	lingerTime     = 2 * time.Second
)

// lingerConn reads on for a moment before it closes, when asked to: closing a
// TCP connection with unread bytes resets it, and the client would lose the
// answer that says why (RFC 9112 section 9.6).
type lingerConn struct {
	net.Conn
	linger atomic.Bool
	terms  *tls.Config // that it came under; nil is clear text
	opened time.Time   // when it was accepted
	inTurn int         // bytes that were written since others could run; of the writer
}

// lingering is the connection below c, whether or not TLS is in between; nil for others.
func lingering(c net.Conn) *lingerConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	l, _ := c.(*lingerConn)
	return l
}

// openedAt is when a connection was accepted; zero for one that was not accepted here.
// fasthttp's ConnTime is lost where it gives up its memory between two requests.
func openedAt(c net.Conn) time.Time {
	if l := lingering(c); l != nil {
		return l.opened
	}
	return time.Time{}
}

// lingerOn asks for a slow close of c.
func lingerOn(c net.Conn) {
	if l := lingering(c); l != nil {
		l.linger.Store(true)
	}
}

// Close ends the write side, reads what is left within bounds, then closes.
func (c *lingerConn) Close() error {
	if c.linger.Swap(false) {
		if w, ok := c.Conn.(interface{ CloseWrite() error }); ok && w.CloseWrite() == nil &&
			c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			// The outcome does not matter: the connection is closed next.
			_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, lingerBytesMax))
		}
	}
	return c.Conn.Close() //nolint:wrapcheck // a wrapper of a connection answers as the connection
}

// pieceInTurn is how much is written before others may run: a page of metrics has megabytes, which the
// kernel would take at once, for as long as a request should not wait.
const pieceInTurn = 64 << 10

// Write writes in pieces. Above TLS they are its records.
func (c *lingerConn) Write(p []byte) (n int, err error) {
	for {
		m, err := c.Conn.Write(p[n:min(len(p), n+pieceInTurn)])
		n, c.inTurn = n+m, c.inTurn+m
		if c.inTurn >= pieceInTurn {
			c.inTurn = 0
			safely.GiveWay()
		}
		if err != nil || n == len(p) {
			return n, err //nolint:wrapcheck // a wrapper of a connection answers as the connection
		}
	}
}
