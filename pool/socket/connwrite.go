package socket

import (
	"os"
	"syscall"
	"unsafe"
)

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) { return c.Writev(p, nil, nil) }

// Writev writes all of the three parts, in order, with as few system calls as
// the socket allows, and returns how many bytes were taken. After ErrWouldBlock
// the rest is written by Flush, and the parts must stay as they are.
func (c *Conn) Writev(head, body, tail []byte) (int, error) {
	c.parts, c.written, c.from = [3][]byte{head, body, tail}, 0, nil
	return c.Flush()
}

// Flush goes on with a Writev that would have blocked. It returns how many
// bytes the whole Writev has taken.
func (c *Conn) Flush() (int, error) {
	h := &c.wr
	for {
		if h.state.Load()&bitAborted != 0 {
			return c.written, ErrAborted
		}
		if done, err := c.tryWrite(); done || err != nil {
			return c.written, err
		}
		if err := c.awaitRoom(); err != nil {
			return c.written, err
		}
	}
}

// awaitRoom waits until the socket takes more, or for as long as its pace says.
// Room is announced late, when a third of the socket's buffer is free; what
// the peer's kernel has taken meanwhile counts as progress too.
func (c *Conn) awaitRoom() error {
	h := &c.wr
	if !c.paced || h.nowait {
		if err := h.blocked(); err != nil {
			return err
		}
		h.arm(c.writeTimer())
		h.sleep(c.full)
		h.state.And(^uint32(bitReady))
		return nil
	}
	began, queued := Nanos(), c.Queued()
	h.wantedNanos = Earlier(c.writePace.By(began), c.writeEnd)
	h.arm(c.writeTimer())
	h.sleep(c.full)
	h.state.And(^uint32(bitReady))
	h.late() // the pace decides
	switch {
	case h.state.Load()&bitAborted != 0:
		return ErrAborted
	case c.writeEnd != 0 && Nanos() >= c.writeEnd, !c.writePace.Took(Nanos()-began, queued-c.Queued()):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Queued is how many written bytes the peer's kernel has not acknowledged.
func (c *Conn) Queued() int64 {
	if c.stream != nil {
		return c.stream.Queued()
	}
	return quickQueued(c.fd)
}

// full tries again after the waiting bit was set: room that came before it was
// not announced to anybody.
func (c *Conn) full() bool {
	if c.stream != nil {
		return c.stream.Full()
	}
	return quickFull(c.fd)
}

// tryWrite writes until everything is taken (true), the socket is full (false),
// or an error is met.
func (c *Conn) tryWrite() (done bool, err error) {
	switch {
	case c.stream != nil:
		return c.tryWriteStream()
	case c.secure != nil:
		return c.secure.tryWrite()
	case c.from != nil:
		return c.tryWritePipe()
	}
	for {
		n, errno := c.writeCounted()
		switch errno {
		case 0:
			c.written += n
			if c.advance(n) {
				return true, nil
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false, nil
		default:
			return false, os.NewSyscallError("write", errno)
		}
	}
}

// advance drops n written bytes from the parts and reports that none is left.
func (c *Conn) advance(n int) bool {
	for i := range c.parts {
		k := min(n, len(c.parts[i]))
		c.parts[i] = c.parts[i][k:]
		n -= k
	}
	return len(c.parts[0])+len(c.parts[1])+len(c.parts[2]) == 0
}

// writeOnce is one write, or one writev when there is more than one part. Like
// the read it does not tell the scheduler: the socket never blocks, and the two
// notes cost 60 ns a call.
func (c *Conn) writeOnce() (int, syscall.Errno) {
	var iov [3]syscall.Iovec
	parts := 0
	for i := range c.parts {
		if p := c.parts[i]; len(p) > 0 {
			iov[parts].Base = unsafe.SliceData(p)
			iov[parts].SetLen(len(p))
			parts++
		}
	}
	var n uintptr
	var errno syscall.Errno
	if parts <= 1 {
		n, _, errno = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(iov[0].Base)), uintptr(iov[0].Len))
	} else {
		n, _, errno = syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(c.fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(parts))
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
