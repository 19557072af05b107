package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// NetworkUnix is package net's name of unix stream sockets.
const NetworkUnix = "unix"

// unixPrefix marks an address that is a path of a unix socket.
const unixPrefix = "unix:"

// SplitAddress returns network and address for package net.
func SplitAddress(address string) (network, addr string) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return NetworkUnix, path
	}
	return "tcp", address
}

// Dial connects to a backend within timeout (0 is no limit) and the life of ctx, and
// returns a connection on l. TCP_NODELAY is on, as package net does it, and the kernel's
// keep-alive probes find a dead peer under an idle connection.
func Dial(ctx context.Context, l *Loop, address string, timeout time.Duration) (*Conn, error) {
	network, addr := SplitAddress(address)
	d := net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
		Control:         unpaceDial,
	}
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller reads it, on the hot path
	}
	defer func() { _ = c.Close() }() // ours is a duplicate
	return Adopt(l, c)
}

// unpaceDial is called with the address that is connected to, before it is.
func unpaceDial(_, address string, c syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil //nolint:nilerr // a unix socket
	}
	return c.Control(func(fd uintptr) { unpace(int(fd), net.ParseIP(host)) })
}

// Adopt returns a connection on l for c's socket. c stays open and has to be
// closed by the caller, in any case.
func Adopt(l *Loop, c net.Conn) (*Conn, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("cannot use a connection of type %T: it has no descriptor", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot use connection: %w", err)
	}
	fd, dupErr := -1, error(nil)
	if err := raw.Control(func(from uintptr) {
		fd, dupErr = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) // it shares O_NONBLOCK
	}); err != nil {
		return nil, fmt.Errorf("cannot use connection: %w", err)
	}
	if dupErr != nil {
		return nil, fmt.Errorf("cannot use connection: %w", dupErr)
	}
	return NewConn(l, fd)
}

// IsTimeout reports a network error that is a deadline.
func IsTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
