package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"
)

// networkUnix is package net's name of unix stream sockets.
const networkUnix = "unix"

// unixPrefix marks an address that is a path of a unix socket.
const unixPrefix = "unix:"

// splitAddress returns network and address for package net.
func splitAddress(address string) (network, addr string) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return networkUnix, path
	}
	return "tcp", address
}

// Dial connects to a backend within timeout (0 is no limit) and the life of ctx, and
// returns a connection on l. TCP_NODELAY is on, as package net does it, and the kernel's
// keep-alive probes find a dead peer under an idle connection.
func Dial(ctx context.Context, l *Loop, address string, timeout time.Duration) (*Conn, error) {
	network, addr := splitAddress(address)
	d := net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
		Control:         unpaceDial,
	}
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err //nolint:wrapcheck // dialOutcome reads it, on the hot path
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

// dialOutcome is what a failed connect means.
func dialOutcome(err error) Outcome {
	switch {
	case errors.Is(err, ErrLeft):
		return ClientGone
	case errors.Is(err, ErrLate):
		return ConnectLate
	case errors.Is(err, fasthttp.ErrNoFreeConns):
		return NoFreeConn
	case errors.Is(err, syscall.ECONNREFUSED):
		return ConnectRefused
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, fasthttp.ErrDialTimeout), isTimeout(err):
		return ConnectTimeout
	}
	if _, failed := errors.AsType[*tlsError](err); failed {
		return TLSFailed
	}
	return ConnectFailed
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
