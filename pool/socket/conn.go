package socket

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Conn is a stream socket on a Loop, as the hot path needs it. It is a net.Conn
// and adds to it:
//
//   - deadlines that cost two stores: see half.arm;
//   - a Read that takes its buffer only when bytes are there, so that an idle
//     connection holds none;
//   - Writev, and Look, the look at the socket before it is used again;
//   - two ways to wait: a goroutine that sleeps, or the loop, which calls a
//     Handler and does not wait at all. The same code runs both ways.
//
// One goroutine may read and another one write at the same time. Abort may be
// called by any goroutine, Close only when nobody reads or writes any more.
type Conn struct {
	fd     int
	serial int32 // in events, beside the descriptor, which is used again
	loop   *Loop
	rd     half
	wr     half

	parts       [3][]byte // of the write under way
	from        *Pipe     // of it, where that is a WritePipe
	span        *Span     // of it, where that is a WriteFile
	written     int
	writePace   Pace
	paced       bool    // by writePace
	writeEnd    int64   // the last moment for a write, whatever the pace says; 0 is none
	kernelPaced bool    // the kernel sends at its own pace: see unpace
	attached    bool    // to the loop's epoll set
	handler     Handler // of a looped connection
	fire        [2]safely.Func

	stream Stream      // what it is made of, where that is no socket
	within *Conn       // the connection that the stream is a part of; may be nil
	secure *secure     // the TLS layer; nil for clear text
	gone   atomic.Bool // closed
	kept   *Kept       // of a connection that is used again; nil for others
}

// serials counts connections; it wraps around.
var serials atomic.Int32

// NewConn takes over fd, a stream socket that does not block, and watches it.
// On error fd is closed.
func NewConn(l *Loop, fd int) (*Conn, error) {
	c, err := newConn(l, fd)
	if err != nil {
		return nil, err
	}
	if err := c.attach(); err != nil {
		setConn(fd, nil)
		_ = quickClose(fd)
		return nil, fmt.Errorf("cannot watch connection: %w", err)
	}
	return c, nil
}

// newConn is NewConn for a connection that is not watched before it is handed to
// its loop: see Hand.
func newConn(l *Loop, fd int) (*Conn, error) {
	c := &Conn{fd: fd, serial: serials.Add(1), loop: l}
	if !setConn(fd, c) {
		_ = quickClose(fd)
		return nil, fmt.Errorf("cannot use descriptor %d: too many are open", fd)
	}
	return c, nil
}

// attach makes the loop watch the socket. What is there already is announced.
func (c *Conn) attach() error {
	c.attached = true
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | epollET, Fd: int32(c.fd), Pad: c.serial}
	return os.NewSyscallError("epoll_ctl", quickWatch(c.loop.epfd, c.fd, &e))
}

// epollET is unix.EPOLLET as the unsigned word it is.
const epollET = 1 << 31

// event is the kernel's word, in the loop's goroutine.
func (c *Conn) event(events uint32) {
	if c.wr.state.Load()&(bitWaiting|bitLooped) != 0 && events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 &&
		c.wr.signal(bitReady) {
		c.callRoom()
	}
	bits := uint32(0)
	if events&unix.EPOLLIN != 0 {
		bits = bitReady
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		bits |= bitReady | bitHung
	}
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		bits |= bitBroken
	}
	if bits == 0 {
		return
	}
	switch {
	case c.rd.signal(bits):
		c.handler.Ready()
	case bits&bitHung != 0:
		c.hung()
	case c.rd.state.Load()&bitPooled != 0:
		c.spokeIdle()
	}
}

// hung is a hang-up on a connection that the loop does not carry.
func (c *Conn) hung() {
	switch state := c.rd.state.Load(); {
	case state&bitPooled != 0:
		c.hungIdle()
	case state&bitMinded != 0, c.stream != nil: // before that, a socket's handler is not the loop's to read
		if m, ok := c.handler.(Minder); ok {
			m.Hung()
		}
	}
}

// call runs the handler of a looped connection, or tells that of a minded one once more
// of a hang-up: somebody has asked for that (Again), or a stream could not tell it from
// another goroutine.
func (c *Conn) call() {
	switch state := c.rd.state.Load(); {
	case state&bitLooped != 0:
		c.handler.Ready()
	case state&bitHung != 0:
		c.hung()
	}
}

// Hand gives the connection to its loop, which calls h whenever there may be
// something to read; Read and Write return ErrWouldBlock instead of waiting.
// What has come already leads to a call, and so does the moment set by
// SetReadBy; again asks for one in any case. The caller must not touch the
// connection afterwards, except from within h.
func (c *Conn) Hand(h Handler, again bool) {
	if c.handler != h { // else the loop may be reading it, for Hung
		c.handler = h
	}
	c.Wait(false)
	c.rd.state.And(^uint32(bitMinded))
	c.rd.arm(c.readTimer())
	if !c.attached && c.stream == nil && c.attach() != nil {
		c.Abort() // the kernel has no room to watch it: the handler sees it fail
	}
	if c.rd.state.Or(bitLooped)&^uint32(bitLooped) != 0 || again { // from here on the loop owns it
		c.loop.post(c)
	}
}

// Again makes the loop call the handler once more, after others had their turn.
func (c *Conn) Again() { c.loop.post(c) }

// Take is the end of Hand and Watch: a goroutine owns the connection and waits.
// Only the loop's goroutine may call it.
func (c *Conn) Take() {
	c.Unwatch()
	c.Wait(true)
}

// TakeMinded is Take for a goroutine that waits for something else: until Hand
// the loop calls the handler's Hung, if it is a Minder, when the peer leaves.
func (c *Conn) TakeMinded() {
	c.Take()
	c.rd.state.Or(bitMinded)
}

// Unmind ends what TakeMinded began; the goroutine keeps the connection. It may be
// called at any time.
func (c *Conn) Unmind() {
	if c.Minded() {
		c.rd.state.And(^uint32(bitMinded))
	}
}

// Minded reports that the loop calls Hung for a goroutine.
func (c *Conn) Minded() bool { return c.rd.state.Load()&bitMinded != 0 }

// Ended reports that the peer has ended its half, or left altogether; bytes that
// it sent before may still be unread.
func (c *Conn) Ended() bool { return c.rd.state.Load()&bitHung != 0 }

// Watch makes the loop call h, for a connection that the caller, running in
// this very loop, uses beside the one it was called for. As with Hand, what has
// come already and the moment set by SetReadBy lead to a call.
func (c *Conn) Watch(h Handler) {
	c.handler = h
	c.rd.arm(c.readTimer())
	if c.rd.state.Or(bitLooped)&(bitReady|bitExpired|bitAborted) != 0 {
		c.loop.post(c)
	}
}

// Unwatch ends Watch: events are kept for the next Read.
func (c *Conn) Unwatch() { c.rd.state.And(^uint32(bitLooped)) }

// Looped reports that the loop calls the handler: no goroutine has the connection, and it
// is not closed. Only the loop's goroutine may ask.
func (c *Conn) Looped() bool { return c.rd.state.Load()&bitLooped != 0 }

// Wait sets whether Read and Write wait. Only the owner may call it.
func (c *Conn) Wait(wait bool) { c.rd.nowait, c.wr.nowait = !wait, !wait }

// Broken reports that the peer will take nothing any more: it has reset, or
// both halves are closed. One that has only ended its own half is not broken.
func (c *Conn) Broken() bool { return c.rd.state.Load()&bitBroken != 0 }

// SetReadBy sets the moment, in Nanos, after which a blocked or later Read
// fails with a timeout; 0 is never. Only the reader may call it.
func (c *Conn) SetReadBy(nanos int64) { c.rd.wantedNanos = nanos }

// Alarm is SetReadBy for the loop's goroutine that does not read next: the handler
// is called then at the latest.
func (c *Conn) Alarm(nanos int64) {
	c.rd.wantedNanos = nanos
	c.rd.arm(c.readTimer())
}

// ReadBy is what SetReadBy has set.
func (c *Conn) ReadBy() int64 { return c.rd.wantedNanos }

// SetWriteBy is SetReadBy for writes. It has no effect on a paced connection.
func (c *Conn) SetWriteBy(nanos int64) { c.wr.wantedNanos = nanos }

// SetWritePace makes every later Write fail with a timeout when the peer takes
// nothing for gap, or less than perSecond bytes a second for so long that the
// gap is used up: see Pace. Only the writer may call it.
func (c *Conn) SetWritePace(gap time.Duration, perSecond int64) {
	c.writePace.Begin(gap, perSecond)
	c.paced = true
}

// SetWriteEnd sets the moment, in Nanos, after which a blocked Write fails however well
// the peer keeps its pace; 0 is never. Only the writer may call it.
func (c *Conn) SetWriteEnd(nanos int64) { c.writeEnd = nanos }

// Abort makes every blocked and later Read and Write fail at once. The
// descriptor stays open until Close.
func (c *Conn) Abort() {
	c.wr.signal(bitAborted)
	c.AbortRead()
}

// Aborted reports that Abort was called: a deadline that passes then is not a
// peer that is late.
func (c *Conn) Aborted() bool { return c.wr.state.Load()&bitAborted != 0 }

// AbortRead makes every blocked and later Read fail at once.
func (c *Conn) AbortRead() {
	if c.rd.signal(bitAborted) {
		c.loop.post(c)
	}
}

// Resume takes AbortRead back. Only the reader may call it.
func (c *Conn) Resume() { c.rd.state.And(^uint32(bitAborted)) }

func (c *Conn) readTimer() safely.Func {
	if !c.fire[0].Made() {
		c.fire[0] = safely.Own(func() {
			defer c.fired()
			safely.Enter("timer")
			if c.rd.signal(bitExpired) {
				c.loop.post(c)
			}
		})
	}
	return c.fire[0]
}

func (c *Conn) writeTimer() safely.Func {
	if !c.fire[1].Made() {
		c.fire[1] = safely.Own(func() {
			defer c.fired()
			safely.Enter("timer")
			c.wr.signal(bitExpired)
		})
	}
	return c.fire[1]
}

// fired is the end of a timer: one that has met a bug takes its connection with it, whose
// deadline nobody would see.
func (c *Conn) fired() {
	if safely.Caught("timer", recover()) {
		c.Abort()
	}
}
