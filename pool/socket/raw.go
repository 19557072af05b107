package socket

import (
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the others do with a socket of the kernel, one system call each. None waits. They are the calls
// of sockets, as read and write take a way through the file system first: 3 % of what a message of 128
// bytes costs in all. Nor do they raise SIGPIPE.

// trySocket is one read of the socket. One that fills p leaves ready set, a
// shorter one has taken all.
func (c *Conn) trySocket(p []byte) (int, error) {
	h := &c.rd
	for {
		h.state.And(^uint32(bitReady))
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), 0, 0, 0)
		switch errno { //nolint:exhaustive // every other number is a failure
		case 0:
			if n == 0 {
				return 0, io.EOF
			}
			if int(n) == len(p) {
				h.state.Or(bitReady)
			}
			return int(n), nil
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, nil
		}
		return 0, os.NewSyscallError("read", errno)
	}
}

// silent reports that the socket has nothing to read, not even an end.
func (c *Conn) silent() bool {
	var b [1]byte
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), 1,
			syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		if errno != syscall.EINTR {
			return errno == syscall.EAGAIN
		}
	}
}

// peek is what the socket has to read, which stays there.
func (c *Conn) peek(word *[wordBytes]byte) int {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(word)), wordBytes,
			syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		switch errno { //nolint:exhaustive // every other number is the end of the connection
		case 0:
			return int(n)
		case syscall.EINTR:
			continue
		}
		return 0
	}
}

// writeCounted is writeOnce, with what a connection to a backend has to know.
func (c *Conn) writeCounted() (int, unix.Errno) {
	if c.kept == nil {
		return c.writeOnce()
	}
	total := len(c.parts[0]) + len(c.parts[1]) + len(c.parts[2])
	c.kept.sent.Add(int64(total))
	n, errno := c.writeOnce()
	if n < total {
		c.kept.tally(total, n, errno)
	}
	return n, errno
}

// writeRecords is one write of encrypted records, counted like the others.
func (c *Conn) writeRecords(b []byte) (int, unix.Errno) {
	if c.kept != nil {
		c.kept.sent.Add(int64(len(b)))
	}
	n, errno := c.sendOne(unsafe.SliceData(b), len(b))
	if c.kept != nil && n < len(b) {
		c.kept.tally(len(b), n, errno)
	}
	return n, errno
}

// writeOnce is one sendto, or one sendmsg when there is more than one part. Like
// the read it does not tell the scheduler: the socket never blocks, and the two
// notes cost 60 ns a call.
func (c *Conn) writeOnce() (int, syscall.Errno) {
	var iov [3]unix.Iovec
	parts := 0
	for i := range c.parts {
		if p := c.parts[i]; len(p) > 0 {
			iov[parts].Base = unsafe.SliceData(p)
			iov[parts].SetLen(len(p))
			parts++
		}
	}
	if parts <= 1 {
		return c.sendOne(iov[0].Base, int(iov[0].Len))
	}
	message := unix.Msghdr{Iov: &iov[0]}
	message.SetIovlen(parts)
	n, _, errno := syscall.RawSyscall(syscall.SYS_SENDMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&message)), syscall.MSG_NOSIGNAL)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sendOne is one sendto of n bytes that begin at p.
func (c *Conn) sendOne(p *byte, n int) (int, syscall.Errno) {
	sent, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(p)), uintptr(n),
		syscall.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(sent), 0
}

// Queued is how many written bytes the peer's kernel has not acknowledged.
func (c *Conn) Queued() int64 {
	if c.stream != nil {
		return c.stream.Queued()
	}
	return quickQueued(c.fd)
}

// Acknowledge has the kernel acknowledge what has come at once, where it would wait to see
// whether there is something to send along (RFC 9293 section 3.8.6.3). A peer that writes in small pieces
// without TCP_NODELAY holds each back until the one before is acknowledged (RFC 896), so the two wait for
// each other, 40 ms on Linux. It holds until the next write. What is no TCP connection of its own stays
// as it is. Only the reader may call it.
func (c *Conn) Acknowledge() {
	if c.stream == nil {
		quickAcknowledge(c.fd)
	}
}

// full tries again after the waiting bit was set: room that came before it was
// not announced to anybody.
func (c *Conn) full() bool {
	if c.stream != nil {
		return c.stream.Full()
	}
	return quickFull(c.fd)
}
