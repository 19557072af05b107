package socket

import (
	"io"
	"os"
	"syscall"
)

// IsBare reports that the bytes of the socket are those of the connection.
func (c *Conn) IsBare() bool { return c.secure == nil && c.stream == nil }

// Paced reports that the kernel sends at its own pace: see unpace.
func (c *Conn) Paced() bool { return c.kernelPaced }

// MayRead reports that a read may find something: the kernel has said so.
func (c *Conn) MayRead() bool {
	s := c.rd.state.Load()
	return s&bitAborted == 0 && s&(bitReady|bitHung) != 0
}

// ReadPipe moves at most limit bytes from the socket into p, which is empty. It
// does not wait; 0 and nil mean that nothing is there. ready stays set: whether
// the socket is empty or the slots of the pipe are used up, it does not say.
func (c *Conn) ReadPipe(p *Pipe, limit int64) (int, error) {
	h := &c.rd
	h.state.And(^uint32(bitReady))
	n, errno := splice(c.fd, p.in, min(limit, pipeFillMax))
	switch {
	case errno == syscall.EAGAIN:
		return 0, nil
	case errno != 0:
		return 0, os.NewSyscallError("splice", errno)
	case n == 0:
		return 0, io.EOF
	}
	h.state.Or(bitReady)
	p.held = n
	return n, nil
}

// WritePipe writes all that p holds, like Writev, and leaves p empty. After
// ErrWouldBlock the rest is written by Flush. The connection speaks clear text.
func (c *Conn) WritePipe(p *Pipe) (int, error) {
	c.parts, c.written, c.from = [3][]byte{}, 0, p
	return c.Flush()
}
