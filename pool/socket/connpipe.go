package socket

import (
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What goes from one descriptor to another inside of the kernel.

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
	c.parts, c.written, c.from, c.span = [3][]byte{}, 0, p, nil
	return c.Flush()
}

// WriteFile writes head and then what s says, without a copy: the kernel moves it from its
// memory of the file (sendfile). It waits for the disk, so it is for a goroutine. s is as
// far as the kernel has come; head and s must stay until it returns. The connection speaks
// clear text.
func (c *Conn) WriteFile(head []byte, s *Span) (int, error) {
	c.parts, c.written, c.from, c.span = [3][]byte{head}, 0, nil, s
	n, err := c.Flush()
	c.span = nil
	return n, err
}

// tryWriteFile is tryWrite for a file. The head waits in the kernel for the first bytes of
// the file, and they go out together.
func (c *Conn) tryWriteFile() (done bool, err error) {
	for len(c.parts[0]) > 0 {
		n, errno := c.sendMore(c.parts[0])
		switch errno {
		case 0:
			c.written += n
			c.advance(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false, nil
		default:
			return false, os.NewSyscallError("send", errno)
		}
	}
	for s := c.span; s.Left > 0; {
		n, err := unix.Sendfile(c.fd, s.FD, &s.At, int(min(s.Left, sendfileMax)))
		switch {
		case err == syscall.EAGAIN: //nolint:errorlint // a number of the kernel, unwrapped
			return false, nil
		case err == syscall.EINTR: //nolint:errorlint // likewise
			continue
		case err == syscall.EINVAL, err == syscall.ENOSYS, err == syscall.EOPNOTSUPP: //nolint:errorlint // likewise
			return false, ErrNoSendfile
		case err != nil:
			return false, os.NewSyscallError("sendfile", err)
		case n <= 0:
			return false, ErrFileEnded
		}
		s.Left -= int64(n)
		c.written += n
	}
	return true, nil
}

// sendfileMax is what one call of the kernel may move: it would take no more, and on its way
// nobody hears that the client has left.
const sendfileMax = 1 << 20

// sendMore is one write of bytes behind which others follow at once.
func (c *Conn) sendMore(b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_MORE|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
