package pool

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Acceptor takes connections from a listening socket straight into a loop: the
// runtime's poller, which would watch each of them a second time, only watches
// the listening socket.
//
// Any number of goroutines may accept.
type Acceptor struct {
	ln   net.Listener
	file *os.File // ln's socket once more: a net.Listener does not lend its poller
	raw  syscall.RawConn

	paces  bool // the kernel paces what accepted connections send
	closed atomic.Bool
}

// NewAcceptor prepares ln, a TCP or unix listener. What accepted sockets inherit
// is set here, once: TCP_NODELAY, probes that find a dead peer, no pacing on
// loopback.
func NewAcceptor(ln net.Listener) (*Acceptor, error) {
	fl, ok := ln.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("cannot accept from a %T: it has no descriptor", ln)
	}
	file, err := fl.File()
	if err != nil {
		return nil, fmt.Errorf("cannot accept: %w", err)
	}
	a := &Acceptor{ln: ln, file: file}
	if a.raw, err = file.SyscallConn(); err == nil && ln.Addr().Network() != networkUnix {
		var serr error
		err = a.raw.Control(func(fd uintptr) { serr = a.prepareSocket(int(fd)) })
		err = errors.Join(err, serr)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("cannot prepare listening socket: %w", err)
	}
	return a, nil
}

// Close stops listening; a goroutine inside Accept returns net.ErrClosed.
func (a *Acceptor) Close() error {
	a.closed.Store(true)
	return errors.Join(a.ln.Close(), a.file.Close())
}

// Addr is the address that is listened on.
func (a *Acceptor) Addr() net.Addr { return a.ln.Addr() }

func (a *Acceptor) prepareSocket(fd int) error {
	if tcp, ok := a.ln.Addr().(*net.TCPAddr); ok {
		unpace(fd, tcp.IP)
		a.paces = paces(fd)
	}
	return errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 60),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 10),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3),
	)
}

// Accept waits for a connection for l and returns it with its peer's address,
// which is not valid for a unix socket. The loop does not watch it before it is
// handed over: its first bytes are announced then, to the handler itself. Errors
// are those of accept4, or wrap net.ErrClosed.
func (a *Acceptor) Accept(l *Loop) (*Conn, netip.Addr, error) {
	fd, peer, errno := -1, netip.Addr{}, syscall.Errno(0)
	err := a.raw.Read(func(ln uintptr) bool {
		for {
			if fd, peer, errno = quickAccept(ln); errno != syscall.EINTR {
				return errno != syscall.EAGAIN
			}
		}
	})
	switch {
	case err != nil && a.closed.Load():
		return nil, netip.Addr{}, net.ErrClosed
	case err != nil:
		return nil, netip.Addr{}, err
	case errno != 0:
		return nil, netip.Addr{}, errno
	}
	c, err := newConn(l, fd)
	if err == nil {
		c.kernelPaced = a.paces
	}
	return c, peer, err
}
