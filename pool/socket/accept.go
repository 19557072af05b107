package socket

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

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

	paces    bool // the kernel paces what accepted connections send
	finished atomic.Bool
	closed   atomic.Bool
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
	if a.raw, err = file.SyscallConn(); err == nil && ln.Addr().Network() != NetworkUnix {
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

// Close stops listening; a goroutine inside Accept returns net.ErrClosed. The kernel
// resets connections that nobody has accepted: see Finish.
func (a *Acceptor) Close() error {
	if a.closed.Swap(true) {
		return nil
	}
	return errors.Join(a.ln.Close(), a.file.Close())
}

// Refuse makes the kernel refuse new connections from now on. Those that are in its
// queue, and those whose handshake has begun, are not touched: Close at once would
// reset them. On systems that cannot do it new ones are taken until Close.
func (a *Acceptor) Refuse() {
	if u, ok := a.ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // somebody else may listen there by then
		_ = os.Remove(a.ln.Addr().String())
		return
	}
	_ = a.raw.Control(func(fd uintptr) {
		// A listening socket that is bound to an interface which does not exist is
		// not found for a SYN any more. Handshakes under way are found by themselves.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, math.MaxInt32)
	})
}

// Finish lets Accept return what comes within wait and what is in the kernel's queue
// then; afterwards Accept returns net.ErrClosed, and Close loses nothing.
func (a *Acceptor) Finish(wait time.Duration) {
	a.finished.Store(true)
	_ = a.file.SetReadDeadline(time.Now().Add(wait))
}

// Copy is Copy of the listening socket.
func (a *Acceptor) Copy() (fd int, err error) { return Copy(a.raw) }

// Copy is a descriptor of the same socket, for a process that is to have it as well. The
// caller closes it. It is no os.File, as that of a socket that is asked for its descriptor
// makes every copy of it wait in the kernel (O_NONBLOCK belongs to all of them together):
// who accepts from another one then could not be woken any more.
func Copy(of syscall.RawConn) (fd int, err error) {
	ctlErr := of.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(ctlErr, err); err != nil {
		return -1, fmt.Errorf("cannot copy a socket: %w", err)
	}
	return fd, nil
}

// Abandon stops accepting, and nothing else: another process has the socket, and with it
// what waits in the queue of the kernel.
func (a *Acceptor) Abandon() {
	if u, ok := a.ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	_ = a.Close() // a copy is closed, nothing ends
}

// Loopback reports that only processes of this host can connect.
func (a *Acceptor) Loopback() bool {
	tcp, ok := a.ln.Addr().(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
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
	if err != nil && a.finished.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		if fd, peer, errno = a.acceptLast(); errno == syscall.EAGAIN {
			return nil, netip.Addr{}, net.ErrClosed
		}
		err = nil
	}
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

// acceptLast is Accept without waiting; EAGAIN is the end of the queue.
func (a *Acceptor) acceptLast() (fd int, peer netip.Addr, errno syscall.Errno) {
	err := a.raw.Control(func(ln uintptr) {
		for fd, peer, errno = quickAccept(ln); errno == syscall.EINTR; {
			fd, peer, errno = quickAccept(ln)
		}
	})
	if err != nil {
		return -1, netip.Addr{}, syscall.EAGAIN // closed meanwhile
	}
	return fd, peer, errno
}
