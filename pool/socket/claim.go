package socket

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// claimPoll is how often an address that is in use is asked for again.
const claimPoll = 10 * time.Millisecond

// Claim makes the sockets of a listener: for TCP count of them with SO_REUSEPORT,
// between which the kernel spreads connections, for a unix socket ("unix:" and its
// path) one, that may be accepted from by many. None listens: a start or a reload that
// is refused must not have taken a connection. An address somebody else holds is an
// error, after patience, although SO_REUSEPORT would let two processes of one user
// share it in silence.
func Claim(address string, count int, patience time.Duration) ([]*Bound, error) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		b, err := claimUnix(path)
		if err != nil {
			return nil, err
		}
		return []*Bound{b}, nil
	}
	return claimTCP(address, count, patience)
}

func claimTCP(address string, count int, patience time.Duration) ([]*Bound, error) {
	// The first bind is exclusive, so that a foreign holder is seen; only then
	// is the port shared between our own.
	address, err := Vacant(address, patience)
	if err != nil {
		return nil, err
	}
	all := make([]*Bound, 0, count)
	for range count {
		b, err := Bind("tcp", address, reusePort)
		if err != nil {
			Forgo(all)
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// Vacant takes an address of TCP for itself and gives it back, for it is free: with the
// port that the kernel chooses for 0. One in use is asked for again for as long as
// patience.
func Vacant(address string, patience time.Duration) (free string, err error) {
	for by := time.Now().Add(patience); ; {
		b, err := Bind("tcp", address, nil)
		if err == nil {
			return b.Addr().String(), b.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) || !time.Now().Before(by) {
			return "", err
		}
		<-time.After(claimPoll)
	}
}

func reusePort(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// claimUnix replaces a socket file that nobody listens on any more.
func claimUnix(path string) (*Bound, error) {
	b, err := Bind(NetworkUnix, path, nil)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return b, err
	}
	c, dialErr := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), NetworkUnix, path)
	if dialErr == nil {
		return nil, errors.Join(err, c.Close())
	}
	if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, err
	}
	if rmErr := os.Remove(path); rmErr != nil {
		return nil, errors.Join(err, rmErr)
	}
	return Bind(NetworkUnix, path, nil)
}

// Forgo gives back what does not listen yet.
func Forgo(bound []*Bound) {
	for _, b := range bound {
		_ = b.Close() // nothing was accepted
	}
}
