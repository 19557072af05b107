package socket

import (
	"errors"
	"os"
	"syscall"
)

// errPipeStuck is a kernel that takes nothing out of a pipe and gives no reason.
var errPipeStuck = errors.New("cannot empty a pipe")

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) { return c.Writev(p, nil, nil) }

// Writev writes all of the three parts, in order, with as few system calls as
// the socket allows, and returns how many bytes were taken. After ErrWouldBlock
// the rest is written by Flush, and the parts must stay as they are.
func (c *Conn) Writev(head, body, tail []byte) (int, error) {
	c.parts, c.written, c.from, c.span = [3][]byte{head, body, tail}, 0, nil, nil
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
	case c.span != nil:
		return c.tryWriteFile()
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

// tryWritePipe is tryWrite for content in a pipe.
func (c *Conn) tryWritePipe() (done bool, err error) {
	for p := c.from; p.held > 0; {
		n, errno := splice(p.out, c.fd, int64(p.held))
		switch {
		case errno == syscall.EAGAIN:
			return false, nil
		case errno != 0:
			return false, os.NewSyscallError("splice", errno)
		case n == 0:
			return false, errPipeStuck
		}
		p.held -= n
		c.written += n
	}
	c.from = nil
	return true, nil
}
