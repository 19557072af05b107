package socket

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
	"golang.org/x/sys/unix"
)

// Keep makes c a connection that can be used again, for at most maxAge (0: for ever).
// k, a new one, is what that takes; its owner keeps it as a part of what it knows itself.
func (c *Conn) Keep(k *Kept, keeper Keeper, maxAge time.Duration) {
	k.keeper = keeper
	if info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		k.tcp, k.roundTripNanos = true, int64(info.Rtt)*1000
	}
	c.kept = k
	if maxAge > 0 {
		k.expiry = safely.After(maxAge, "max_age", c.expire)
	}
}

// Keeper is who keeps the connection; nil for one that is used once.
func (c *Conn) Keeper() Keeper {
	if c.kept == nil {
		return nil
	}
	return c.kept.keeper
}

// expire ends the time of a connection to a backend: at once where it waits for another
// request, else behind the exchange under way. One that has switched to another
// protocol, or carries streams, is not concerned. Its timer calls it.
func (c *Conn) expire() {
	c.kept.old.Store(true)
	if c.Wake() {
		_ = c.Close()
	}
}

// Rest begins the time between two requests, in which the loop closes a connection that
// ends or speaks. The caller gives c to others next, or drops it when the answer is
// false: the backend has hung up already.
func (c *Conn) Rest(sinceNanos int64) bool {
	c.kept.idleNanos = sinceNanos
	if c.secure != nil {
		c.secure.shrink()
	}
	return c.rd.state.Or(bitPooled)&(bitHung|bitAborted) == 0
}

// Wake ends that time; false when the loop has closed c meanwhile.
func (c *Conn) Wake() bool { return c.rd.state.And(^uint32(bitPooled))&bitPooled != 0 }

// Unreceived reports that the backend cannot have seen a byte of this request,
// given what reading met: a byte, an end (io.EOF) or an error.
//
// It is so when the socket took none. It is also so when the backend has ended
// its half of the connection, or said something, while its TCP has acknowledged
// none of the bytes. Whatever a TCP sends carries an acknowledgement of all that
// it has received in order, and ours handles that before it shows us the end
// (RFC 9293 section 3.10.7.4). So at the moment the backend ended the connection
// nothing of the request had arrived: the end is not its answer, and a request
// that comes after the end can have no answer any more. It was never applied in
// the sense of RFC 9110 section 9.2.2, which allows to send it again whatever
// its method is. A proxy of TCP between the two changes nothing: it cannot have
// passed on what it has not received.
//
// A reset proves nothing of the kind: its acknowledgement is not looked at, and
// a backend that has read the request, and acted on it, resets too when it
// closes with bytes unread, before the delayed acknowledgement (40 ms) is due.
// Once a write was told of a reset, or of a peer that is silent, a read meets an
// end although none was sent; so that write stays counted in full: see tally.
//
// Over TLS it is records that are counted, which are more than the request. An
// alert is as good as the end that follows it.
func (c *Conn) Unreceived(met error) bool {
	if met != nil && !errors.Is(met, io.EOF) && !errors.Is(met, errNoCloseNotify) || !c.kept.tcp {
		return c.kept.sent.Load() == 0
	}
	unacknowledged := c.Queued() // first: sent is never fewer than what was written by then
	return unacknowledged >= c.kept.sent.Load()
}

// Look says what has come on a connection to a backend that waits for another
// request. Only its owner may call it, once, unless it finds silence: over TLS it
// takes what was said.
//
// Usually nothing is there, which costs one recvfrom.
func (c *Conn) Look() Found {
	var word [wordBytes]byte
	switch state := c.rd.state.Load(); {
	case state&bitAborted != 0 || c.wr.state.Load()&bitAborted != 0:
		return FoundAborted
	case state&bitHung != 0:
	case c.secure == nil && c.silent(), c.secure != nil && c.secure.undisturbed():
		return FoundSilence
	}
	var n int
	if c.secure == nil {
		n = c.peek(&word)
	} else {
		said, quiet := c.secure.spoken(wordBytes)
		if quiet && !c.Ended() {
			return FoundSilence
		}
		if n = copy(word[:], said); n == 0 && c.secure.begun() && !c.Ended() {
			return FoundStray // the begin of a record
		}
	}
	if n == 0 || isTimeoutWord(word[:n]) {
		return FoundEnd
	}
	return FoundStray
}

// isTimeoutWord reports that b begins a 408, the last word of a backend to whom a
// connection was idle for too long (RFC 9110 section 15.5.9).
func isTimeoutWord(b []byte) bool {
	return len(b) == wordBytes && bytes.HasPrefix(b, []byte("HTTP/1.")) && string(b[8:]) == " 408"
}

// hungIdle is the end of a connection in the pool, in the loop's goroutine. It
// is closed here and now: the pool would keep its descriptor until it is taken.
func (c *Conn) hungIdle() {
	if c.Wake() { // else it was taken in this very moment
		c.endIdle()
	}
}

// spokeIdle is called by the loop when something has come on a connection in the
// pool. Over TLS it may be a ticket, and whoever takes the connection looks.
func (c *Conn) spokeIdle() {
	if c.secure == nil && !c.silent() && c.Wake() { // else what was announced is read already
		c.endIdle()
	}
}

// endIdle draws the conclusion from the end of an idle connection, and closes it.
// Whoever finds it in the keeper's pool meanwhile closes it too: see Close.
func (c *Conn) endIdle() {
	k := c.kept
	k.looking.Lock()
	if !c.gone.Load() {
		k.keeper.Met(c.Look(), Nanos())
	}
	k.looking.Unlock()
	_ = c.Close()
}
