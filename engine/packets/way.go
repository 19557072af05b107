package packets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// wayBytes is how much waits in a way: some hundred packets. The kernel may allow less.
const wayBytes = 1 << 20

// way is one end of a pair of sockets between two processes. Messages stay apart, the end
// of the other process is the end of it, and it may be handed to a third process.
type way struct {
	*net.UnixConn

	raw syscall.RawConn

	// Of send, which one goroutine calls.
	parts [2][]byte
	err   error
	try   func(fd uintptr) bool // a closure made anew for each packet would be garbage
}

// newPair is a way, and the descriptor of its other end, which is the caller's.
func newPair() (here *way, there int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("cannot make a pair of sockets: %w", os.NewSyscallError("socketpair", err))
	}
	for _, fd := range fds { // what the kernel does not allow is cut by it, and less will do
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, wayBytes)
	}
	here, err = newWay(fds[0])
	if err != nil {
		return nil, -1, errors.Join(err, unix.Close(fds[1]))
	}
	return here, fds[1], nil
}

// newWay takes the descriptor over.
func newWay(fd int) (*way, error) {
	file := os.NewFile(uintptr(fd), "way")
	defer func() { _ = file.Close() }() // the connection has a copy
	c, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("cannot use a socket of the other process: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("cannot use a %T as a way to the other process", c), c.Close())
	}
	w := &way{UnixConn: u}
	w.try = w.sendOnce
	if w.raw, err = u.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot use a way to the other process: %w", err), u.Close())
	}
	return w, nil
}

// send writes a message, or loses it where the way is full: it never waits.
func (w *way) send(head, rest []byte) error {
	w.parts = [2][]byte{head, rest}
	err := w.raw.Write(w.try)
	w.parts = [2][]byte{}
	if err != nil {
		return err
	}
	return w.err
}

func (w *way) sendOnce(fd uintptr) bool {
	for {
		_, w.err = unix.SendmsgBuffers(int(fd), w.parts[:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if !errors.Is(w.err, unix.EINTR) {
			return true
		}
	}
}

// copy is a descriptor of the same end, for a third process.
func (w *way) copy() (fd int, err error) { return socket.Copy(w.raw) }
