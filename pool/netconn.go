package pool

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// LocalAddr is our address, asked of the kernel each time; nil if it does not know.
func (c *Conn) LocalAddr() net.Addr {
	sa, err := unix.Getsockname(c.fd)
	if err != nil {
		return nil
	}
	return addrOf(sa)
}

// RemoteAddr is the peer's address, asked of the kernel each time; nil if it
// does not know.
func (c *Conn) RemoteAddr() net.Addr {
	sa, err := unix.Getpeername(c.fd)
	if err != nil {
		return nil
	}
	return addrOf(sa)
}

func addrOf(sa unix.Sockaddr) net.Addr {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	case *unix.SockaddrInet6:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: a.Name, Net: networkUnix}
	}
	return nil
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
