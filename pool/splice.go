package pool

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// pipedMin is the content still to come from which on it goes through a pipe,
// pipedMinPaced the same where the kernel paces what is sent to the client: the
// proxy, faster than the client is allowed to be, then sleeps and wakes for each
// piece. bench/README.md has what was measured against copies of 256 KiB.
const (
	pipedMin      = 512 << 10
	pipedMinPaced = 3 << 20
)

var (
	// errNoPipe means that content has to be copied.
	errNoPipe = errors.New("no pipe is left")
	// errPipeStuck is a kernel that takes nothing out of a pipe and gives no reason.
	errPipeStuck = errors.New("cannot empty a pipe")
)

// NextPiped is Next without a copy: the next bytes of the content, in a pipe
// that to.WritePipe has to empty before the Attempt is used again. No pipe and
// OK means that Next is the way: a chunked, short or undelimited content, one
// that has begun to come into the buffer, TLS on either side, or no pipe is
// left. It waits until byNanos, as Next does.
func (a *Attempt) NextPiped(to *Conn, byNanos int64) (*Pipe, Outcome) {
	if !a.pipes(to) {
		return nil, OK
	}
	a.in.Release()
	c := a.conn
	c.SetReadBy(byNanos)
	for {
		n, err := a.fillPipe()
		if n == 0 && err == nil {
			if err = c.awaitRead(); err == os.ErrDeadlineExceeded { //nolint:errorlint // our own, unwrapped
				n, err = a.fillPipeLast()
			}
		}
		switch {
		case n > 0:
			a.body.Moved(n)
			return a.pipe, OK
		case err == errNoPipe: //nolint:errorlint // our own, unwrapped
			return nil, OK
		case err != nil:
			return nil, a.bodyOutcome(err)
		}
	}
}

// fillPipe moves what the socket has into a fresh pipe, without waiting; 0 and
// nil mean that nothing is there, and then there is no pipe either.
func (a *Attempt) fillPipe() (int, error) {
	if s := a.conn.rd.state.Load(); s&bitAborted != 0 || s&(bitReady|bitHung) == 0 {
		a.dropPipe()
		return 0, nil
	}
	if a.pipe == nil {
		if a.pipe = takePipe(); a.pipe == nil {
			return 0, errNoPipe
		}
	}
	n, err := a.conn.readPipe(a.pipe, a.body.Raw())
	if n == 0 {
		a.dropPipe()
	}
	return n, err
}

// fillPipeLast is for a deadline that has passed, as Conn.lastRead.
func (a *Attempt) fillPipeLast() (int, error) {
	a.conn.rd.state.Or(bitReady)
	n, err := a.fillPipe()
	if n == 0 && err == nil {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// pipes decides on the way of the rest. What has begun in a pipe ends in one.
func (a *Attempt) pipes(to *Conn) bool {
	left, least := a.body.Raw(), int64(pipedMin)
	if to.kernelPaced {
		least = pipedMinPaced
	}
	a.piped = left >= least || (a.piped && left > 0)
	return a.piped && a.in.Len() == 0 && to.isBare() && a.conn.isBare()
}

// isBare reports that the bytes of the socket are those of the connection.
func (c *Conn) isBare() bool { return c.secure == nil && c.stream == nil }

func (a *Attempt) dropPipe() {
	if a.pipe != nil {
		a.pipe.release()
		a.pipe = nil
	}
}

// readPipe moves at most limit bytes from the socket into p, which is empty. It
// does not wait; 0 and nil mean that nothing is there. ready stays set: whether
// the socket is empty or the slots of the pipe are used up, it does not say.
func (c *Conn) readPipe(p *Pipe, limit int64) (int, error) {
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
