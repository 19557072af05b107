package socket

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Close closes the socket. Later calls do nothing.
func (c *Conn) Close() error {
	if c.gone.Swap(true) {
		return nil
	}
	c.Unwatch() // a call that was posted must not meet the descriptor's next owner
	c.Unmind()
	for _, h := range []*half{&c.rd, &c.wr} {
		if h.timer != nil {
			h.timer.Stop()
		}
	}
	if c.stream != nil {
		c.stream.Close()
		return nil
	}
	if c.kept != nil {
		c.kept.end()
	}
	if c.secure != nil {
		c.secure.closeWrite()
		c.secure.drop()
	}
	setConn(c.fd, nil)
	return os.NewSyscallError("close", quickClose(c.fd))
}

// Gone reports that Close was called: by its owner or, while it rested, by the loop.
func (c *Conn) Gone() bool { return c.gone.Load() }

// CloseWrite ends our side: the peer reads an end, and may still send.
func (c *Conn) CloseWrite() error {
	switch {
	case c.stream != nil:
		return c.stream.CloseWrite()
	case c.secure != nil:
		c.secure.closeWrite()
	}
	return os.NewSyscallError("shutdown", quickShutdown(c.fd, unix.SHUT_WR))
}

// ResetOnClose makes Close a reset, so that the peer sees a broken connection.
func (c *Conn) ResetOnClose() {
	if c.stream != nil {
		return // one that is closed before its end is reset anyway
	}
	if c.secure != nil {
		c.secure.reset = true
	}
	_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // a unix socket has none
}

// LocalAddr is our address, asked of the kernel each time; nil if it does not know.
func (c *Conn) LocalAddr() net.Addr {
	if c.stream != nil {
		if of := c.carrier(); of != nil {
			return of.LocalAddr()
		}
		return c.outer((*Conn).LocalAddr)
	}
	sa, err := unix.Getsockname(c.fd)
	if err != nil {
		return nil
	}
	return addrOf(sa)
}

// RemoteAddr is the peer's address, asked of the kernel each time; nil if it
// does not know.
func (c *Conn) RemoteAddr() net.Addr {
	if c.stream != nil {
		if of := c.carrier(); of != nil {
			return of.RemoteAddr()
		}
		return c.outer((*Conn).RemoteAddr)
	}
	sa, err := unix.Getpeername(c.fd)
	if err != nil {
		return nil
	}
	return addrOf(sa)
}

// outer asks the connection that a stream is a part of.
func (c *Conn) outer(ask func(*Conn) net.Addr) net.Addr {
	if c.within == nil {
		return nil
	}
	return ask(c.within)
}

func addrOf(sa unix.Sockaddr) net.Addr {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	case *unix.SockaddrInet6:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: a.Name, Net: NetworkUnix}
	}
	return nil
}

// LeavesNoPort makes Close free our port at once, for a connection whose one
// exchange is complete. The side that ends a connection first keeps its port for
// a minute (TIME_WAIT), and with one connection for each request some 470 requests
// a second would use up all of them. A backend that has ended already, as it was
// asked to, keeps it itself; another one is sent a reset, behind the end of the
// session if it is TLS.
func (c *Conn) LeavesNoPort() {
	if c.Ended() {
		return
	}
	if c.secure != nil {
		c.secure.closeWrite()
	}
	_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // a unix socket has none
}

// SetDeadline implements net.Conn; the hot path uses SetReadBy and SetWriteBy.
func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn; it does not wake a Read under way.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.rd.wantedNanos = nanosOf(t)
	return nil
}

// SetWriteDeadline implements net.Conn; it does not wake a Write under way.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.wr.wantedNanos = nanosOf(t)
	return nil
}
