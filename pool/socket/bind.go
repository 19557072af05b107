package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Bound is a socket that has its address and does not listen yet: whoever connects is
// refused. What may fail does so between Bind and Listen, for the kernel completes the
// handshakes of a socket that listens, and who has got one has been promised an answer.
// One goroutine uses it.
type Bound struct {
	fd   int // -1 once it listens or is closed
	addr net.Addr
	made os.FileInfo // the file of a unix socket that has one
	lent bool        // another process has it as well: its file stays
}

// backlogMax is the length of the kernel's queue of connections that nobody has
// accepted; net.core.somaxconn is the bound.
const backlogMax = 1<<16 - 1

// errTakenOut ends package net's part in a Bind that has succeeded.
var errTakenOut = errors.New("the socket was taken out")

// Bind makes a socket of network ("tcp" or "unix") with address. prepare, which may be
// nil, sets options before. Package net chooses protocol, family and options as for any
// listener; it has no way to bind without listening, so the socket is taken out of its
// hands in the function that it calls before both.
func Bind(network, address string, prepare func(fd int) error) (*Bound, error) {
	b := &Bound{fd: -1}
	lc := net.ListenConfig{Control: func(_, resolved string, c syscall.RawConn) error {
		if b.fd >= 0 { // its first try was Multipath TCP, and it has another
			return errTakenOut
		}
		var err error
		ctlErr := c.Control(func(fd uintptr) { err = b.bind(int(fd), network, resolved, prepare) })
		if err = errors.Join(ctlErr, err); err == nil {
			return errTakenOut
		}
		return err
	}}
	ln, err := lc.Listen(context.Background(), network, address)
	switch {
	case err == nil:
		return nil, errors.Join(errors.New("BUG: a socket listens that was only to be bound"), ln.Close())
	case !errors.Is(err, errTakenOut):
		return nil, err //nolint:wrapcheck // it names network and address
	}
	return b, nil
}

// bind makes b a copy of fd, with the address.
func (b *Bound) bind(fd int, network, address string, prepare func(fd int) error) error {
	if prepare != nil {
		if err := prepare(fd); err != nil {
			return err
		}
	}
	at, err := socketAddress(fd, network, address)
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, at); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if b.fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if network == NetworkUnix {
		b.addr = &net.UnixAddr{Name: address, Net: NetworkUnix}
		if address[0] != '@' { // one of the abstract space has no file
			b.made, err = os.Lstat(address)
		}
		return err //nolint:wrapcheck // it names the file
	}
	own, err := unix.Getsockname(b.fd)
	if err != nil {
		return errors.Join(os.NewSyscallError("getsockname", err), b.Close())
	}
	b.addr = tcpAddress(own)
	return nil
}

// socketAddress is address, whose names were resolved, in the family of fd.
func socketAddress(fd int, network, address string) (unix.Sockaddr, error) { //nolint:ireturn // as bind takes it
	if network == NetworkUnix {
		return &unix.SockaddrUnix{Name: address}, nil
	}
	tcp, err := net.ResolveTCPAddr(network, address)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the address
	}
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	if family == unix.AF_INET {
		at := &unix.SockaddrInet4{Port: tcp.Port}
		copy(at.Addr[:], tcp.IP.To4())
		return at, nil
	}
	at := &unix.SockaddrInet6{Port: tcp.Port}
	if !tcp.IP.IsUnspecified() { // 0.0.0.0 is every address of both families here
		copy(at.Addr[:], tcp.IP.To16())
	}
	if tcp.Zone != "" {
		i, err := net.InterfaceByName(tcp.Zone)
		if err != nil {
			return nil, fmt.Errorf("cannot find the interface %q: %w", tcp.Zone, err)
		}
		at.ZoneId = uint32(i.Index)
	}
	return at, nil
}

func tcpAddress(a unix.Sockaddr) net.Addr {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	case *unix.SockaddrInet6:
		tcp := &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
		if i, err := net.InterfaceByIndex(int(a.ZoneId)); a.ZoneId != 0 && err == nil {
			tcp.Zone = i.Name
		}
		return tcp
	}
	return nil
}

// Addr is the address; the kernel has chosen a port where 0 was asked for.
func (b *Bound) Addr() net.Addr { return b.addr }

// Listen begins to listen. It fails with EADDRINUSE where somebody else was quicker.
// b is of no use afterwards, but to be closed.
func (b *Bound) Listen() (net.Listener, error) {
	if !b.hasFile() {
		return nil, fmt.Errorf("cannot listen on %q, whose file somebody else has replaced: %w", b.addr, syscall.EADDRINUSE)
	}
	if err := unix.Listen(b.fd, backlogMax); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	file := os.NewFile(uintptr(b.fd), b.addr.String())
	b.fd = -1
	defer func() { _ = file.Close() }() // the listener has a copy
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names what failed
	}
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(!b.lent)
	}
	return ln, nil
}

// hasFile reports that a unix socket still has its file: whoever starts at the same
// time may have taken it for one that is left over.
func (b *Bound) hasFile() bool {
	if b.made == nil {
		return true
	}
	now, err := os.Lstat(b.addr.String())
	return err == nil && os.SameFile(now, b.made)
}

// Close gives the address back. It is allowed after Listen, and does nothing then.
func (b *Bound) Close() error {
	if b.fd < 0 {
		return nil
	}
	fd := b.fd
	b.fd = -1
	if b.made != nil && b.hasFile() {
		_ = os.Remove(b.addr.String())
	}
	return os.NewSyscallError("close", unix.Close(fd))
}
