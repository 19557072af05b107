package ctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// socketMode is the mode of a unix socket: only this user may connect, as
// whoever connects may change things when no token is set.
const socketMode = 0o600

// bind takes host:port or unix:/path.sock, and does not listen yet.
func bind(address string) (*socket.Bound, error) {
	path, isUnix := strings.CutPrefix(address, "unix:")
	if isUnix {
		return bindUnix(path)
	}
	b, err := socket.Bind("tcp", address, nil)
	if err != nil {
		return nil, listenError(address, err)
	}
	return b, nil
}

// bindUnix replaces the socket file of a process that is gone, never one
// that is answered.
func bindUnix(path string) (*socket.Bound, error) {
	address := "unix:" + path
	if err := removeStale(path); err != nil {
		return nil, listenError(address, err)
	}
	// The mode is set before bind, so that the file never exists with another one.
	b, err := socket.Bind("unix", path, func(fd int) error { return syscall.Fchmod(fd, socketMode) })
	if err != nil {
		return nil, listenError(address, err)
	}
	return b, nil
}

// removeStale removes a socket nobody listens on.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look at the file: %w", err)
	}
	if st.Mode().Type() != fs.ModeSocket {
		return errors.New("the file exists and is not a socket")
	}
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	if err == nil {
		return errors.Join(syscall.EADDRINUSE, c.Close())
	}
	if errors.Is(err, fs.ErrNotExist) { // its process has ended just now
		return nil
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether the socket is in use: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the socket of a process that is gone: %w", err)
	}
	return nil
}

func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on admin.address %q: the address is already in use by another process: %w", address, err)
	}
	return fmt.Errorf("cannot listen on admin.address %q: %w", address, err)
}

// patientListener survives what Accept may fail with for a while: fasthttp
// ends its Serve at the first such error, and the admin endpoint is wanted
// most when descriptors run out.
type patientListener struct {
	net.Listener
	stop   <-chan struct{}
	logger zerolog.Logger
}

// acceptPause is how long Accept rests after a failure.
const acceptPause = 50 * time.Millisecond

// Accept returns the next connection, or an error once the listener is closed.
func (l *patientListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			return &lingerConn{Conn: c, opened: time.Now()}, nil
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, err //nolint:wrapcheck // a wrapper of a listener answers as the listener
		}
		l.logger.Warn().Err(err).Msg("the admin endpoint cannot accept a connection, and tries again")
		select {
		case <-l.stop:
			return nil, net.ErrClosed
		case <-time.After(acceptPause):
		}
	}
}
