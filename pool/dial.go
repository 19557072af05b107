package pool

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// unixPrefix marks an address that is a path of a unix socket.
const unixPrefix = "unix:"

// splitAddress returns network and address for package net.
func splitAddress(address string) (network, addr string) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return "unix", path
	}
	return "tcp", address
}

// Dial connects to a backend within timeout (0 is no limit) and returns a
// *Conn. TCP_NODELAY is on, as package net does it, and the kernel's keep-alive
// probes find a dead peer under an idle connection.
func Dial(address string, timeout time.Duration) (net.Conn, error) {
	network, addr := splitAddress(address)
	d := net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
	}
	c, err := d.DialContext(context.Background(), network, addr)
	if err != nil {
		return nil, err //nolint:wrapcheck // dialOutcome reads it, on the hot path
	}
	s, err := NewConn(c)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return s, nil
}

// dialOutcome is what a failed connect means.
func dialOutcome(err error) Outcome {
	switch {
	case errors.Is(err, fasthttp.ErrNoFreeConns):
		return NoFreeConn
	case errors.Is(err, syscall.ECONNREFUSED):
		return ConnectRefused
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, fasthttp.ErrDialTimeout), isTimeout(err):
		return ConnectTimeout
	}
	return ConnectFailed
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
