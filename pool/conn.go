package pool

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// expired marks a half whose runtime timer has fired and not been set since.
const expired = -1

// errAborted is what a blocked Read or Write returns after Abort.
var errAborted = errors.New("connection aborted by the proxy")

// Conn is a stream socket as the hot path needs it. It adds to net.Conn:
//
//   - deadlines that cost two stores: the runtime's timer is armed once and
//     left alone while the wanted deadline moves further away; when it fires
//     too early it is armed again (SetReadDeadline for each request costs
//     about 90 ns twice, this costs 2 ns and one timer a timeout period);
//   - a Read that takes its buffer only when bytes are there, so that an idle
//     connection holds none;
//   - Writev, and Quiet, the look at the socket before it is used again.
//
// One goroutine may read and another one write at the same time. Abort and
// Close may be called by any goroutine.
type Conn struct {
	net.Conn
	raw syscall.RawConn
	rd  half
	wr  half

	setRead, setWrite func(time.Time) error // made once, see half

	peek  func(fd uintptr)
	used  bool // a request was sent on it; owned by the Attempt
	lease any  // what HostClient.AcquireConn returned, for its release
}

// half is one direction of a Conn, owned by the goroutine that uses that
// direction. The closure is made once a connection and talks to its caller
// through these fields, because a closure made for each call would be an
// allocation.
type half struct {
	aborted     atomic.Bool
	wantedNanos int64 // deadline asked for; 0 is none
	armedNanos  int64 // deadline the runtime has; 0 is none
	step        func(fd uintptr) bool
	buf         []byte    // of a read
	parts       [3][]byte // of a write
	late        *Buffer
	n           int
	err         error
}

// NewConn takes over c, which must be a TCP or unix stream socket.
func NewConn(c net.Conn) (*Conn, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("cannot use connection: it has no file descriptor")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &Conn{Conn: c, raw: raw}
	s.rd.step = s.readStep
	s.wr.step = s.writeStep
	s.peek = s.peekStep
	s.setRead, s.setWrite = c.SetReadDeadline, c.SetWriteDeadline
	return s, nil
}

// SetReadBy sets the moment, in Nanos, after which a blocked or later Read
// fails with a timeout; 0 is never. Only the reading goroutine may call it.
func (c *Conn) SetReadBy(nanos int64) { c.rd.wantedNanos = nanos }

// SetWriteBy is SetReadBy for writes.
func (c *Conn) SetWriteBy(nanos int64) { c.wr.wantedNanos = nanos }

// Abort makes every blocked and later Read and Write fail at once. The
// descriptor stays open until Close.
func (c *Conn) Abort() {
	c.wr.aborted.Store(true)
	_ = c.SetWriteDeadline(longAgo)
	c.AbortRead()
}

// Aborted reports that Abort was called: a deadline that passes then is not a
// peer that is late.
func (c *Conn) Aborted() bool { return c.wr.aborted.Load() }

// AbortRead makes every blocked and later Read fail at once. The flag is set
// before the deadline and looked at after every arming, so an Abort that meets
// an arming half-way is never lost.
func (c *Conn) AbortRead() {
	c.rd.aborted.Store(true)
	_ = c.SetReadDeadline(longAgo)
}

// Resume takes AbortRead back. Only the reading goroutine may call it.
func (c *Conn) Resume() {
	c.rd.aborted.Store(false)
	c.rd.armedNanos = expired
}

// Read reads what is there, at most len(p) bytes, and waits for the first one.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.rd.buf, c.rd.late = p, nil
	return c.read()
}

// readLate reads into b, which gets its memory only once bytes are there. When
// it fails b may have no memory.
func (c *Conn) readLate(b *Buffer) (int, error) {
	c.rd.buf, c.rd.late = nil, b
	n, err := c.read()
	c.rd.late = nil
	return n, err
}

func (c *Conn) read() (int, error) {
	for {
		if err := c.rd.arm(c.setRead); err != nil {
			return 0, err
		}
		err := c.raw.Read(c.rd.step)
		if err != nil {
			if c.rd.early(err) {
				continue
			}
			return 0, err
		}
		switch {
		case c.rd.err != nil:
			return 0, c.rd.err
		case c.rd.n == 0:
			return 0, io.EOF
		}
		return c.rd.n, nil
	}
}

// Quiet reports that the peer has neither sent anything nor closed since the
// last read: the connection may carry another request. A byte that nobody asked
// for would otherwise be taken for the answer to the next request (response
// queue poisoning). It costs one recvfrom that does not wait.
func (c *Conn) Quiet() bool {
	if c.rd.aborted.Load() || c.wr.aborted.Load() {
		return false
	}
	c.rd.n = 0
	if err := c.raw.Control(c.peek); err != nil {
		return false
	}
	return c.rd.n == quiet
}

// quiet is what peekStep leaves in n when the socket has nothing to say.
const quiet = -2

func (c *Conn) peekStep(fd uintptr) {
	var b [1]byte
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), 1,
			syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if errno == syscall.EAGAIN {
			c.rd.n = quiet
		}
		return
	}
}

// readOnce is read(2); with the number in hand nothing is boxed into an error.
func readOnce(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

// readStep is the body of every read: one system call on a socket that never
// blocks; false waits for the poller.
func (c *Conn) readStep(fd uintptr) bool {
	h := &c.rd
	p := h.buf
	if h.late != nil {
		h.late.take()
		p = h.late.free()
	}
	for {
		n, errno := readOnce(fd, p)
		switch errno { //nolint:exhaustive // every other number is a failure
		case 0:
			h.n, h.err = n, nil
			return true
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			if h.late != nil {
				h.late.giveBackEmpty()
			}
			return false
		}
		h.n, h.err = 0, os.NewSyscallError("read", errno)
		return true
	}
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) { return c.Writev(p, nil, nil) }

// Writev writes all of the three parts, in order, with as few system calls as
// the socket allows, and returns how many bytes were taken.
func (c *Conn) Writev(head, body, tail []byte) (int, error) {
	h := &c.wr
	h.parts, h.n = [3][]byte{head, body, tail}, 0
	total := len(head) + len(body) + len(tail)
	for h.n < total {
		if err := h.arm(c.setWrite); err != nil {
			return h.n, err
		}
		err := c.raw.Write(h.step)
		if err != nil {
			if h.early(err) {
				continue
			}
			return h.n, err
		}
		if h.err != nil {
			return h.n, h.err
		}
	}
	h.parts = [3][]byte{}
	return total, nil
}

// writeStep writes until everything is taken (true), an error is met (true),
// or the socket is full (false).
func (c *Conn) writeStep(fd uintptr) bool {
	h := &c.wr
	h.err = nil
	for {
		n, errno := h.writeOnce(fd)
		switch errno {
		case 0:
			h.n += n
			if h.advance(n) {
				return true
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			h.err = os.NewSyscallError("write", errno)
			return true
		}
	}
}

// advance drops n written bytes from the parts and reports that none is left.
func (h *half) advance(n int) bool {
	for i := range h.parts {
		k := min(n, len(h.parts[i]))
		h.parts[i] = h.parts[i][k:]
		n -= k
	}
	return len(h.parts[0])+len(h.parts[1])+len(h.parts[2]) == 0
}

// writeOnce is one write, or one writev when there is more than one part.
func (h *half) writeOnce(fd uintptr) (int, syscall.Errno) {
	var iov [3]syscall.Iovec
	parts := 0
	for i := range h.parts {
		if p := h.parts[i]; len(p) > 0 {
			iov[parts].Base = unsafe.SliceData(p)
			iov[parts].SetLen(len(p))
			parts++
		}
	}
	var n uintptr
	var errno syscall.Errno
	if parts <= 1 {
		n, _, errno = syscall.Syscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(iov[0].Base)), uintptr(iov[0].Len))
	} else {
		n, _, errno = syscall.Syscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&iov[0])), uintptr(parts))
	}
	return int(n), errno
}

// early reports whether err is only the runtime's timer firing before the
// wanted deadline; the next arming then sets it anew.
func (h *half) early(err error) bool {
	if h.aborted.Load() || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	h.armedNanos = expired
	return h.wantedNanos == 0 || h.wantedNanos > Nanos()
}

// arm makes sure that the runtime's timer fires no later than wanted. A timer
// that fires earlier is left alone: see early.
func (h *half) arm(set func(time.Time) error) error {
	switch {
	case h.armedNanos == expired && h.wantedNanos == 0:
		h.armedNanos = 0
		if err := set(time.Time{}); err != nil {
			return err
		}
	case h.wantedNanos == 0, h.armedNanos > 0 && h.armedNanos <= h.wantedNanos:
		return nil
	default:
		h.armedNanos = h.wantedNanos
		if err := set(momentOf(h.wantedNanos)); err != nil {
			return err
		}
	}
	if h.aborted.Load() {
		return errAborted
	}
	return nil
}
