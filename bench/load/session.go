package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"time"
)

// session is TLS on a non-blocking socket. crypto/tls wants a blocking
// connection for its handshake, so that runs as a coroutine which is suspended
// whenever the socket has nothing to read; afterwards an empty socket is a
// temporary error, from which tls.Conn.Read recovers.
type session struct {
	conn   *tls.Conn
	pipe   *pipe
	resume func() (struct{}, bool)
	cancel func()
	err    error // of the handshake
}

func newSession(fd int, config *tls.Config) *session {
	s := &session{pipe: &pipe{fd: fd}}
	s.conn = tls.Client(s.pipe, config)
	s.resume, s.cancel = iter.Pull(func(yield func(struct{}) bool) {
		s.pipe.suspend = yield
		s.err = s.conn.Handshake() //nolint:noctx // suspended and cancelled by the worker
		s.pipe.suspend = nil
	})
	return s
}

// handshake goes on with the handshake as far as the socket allows.
func (s *session) handshake() (done bool, err error) {
	if err := s.pipe.flush(); err != nil {
		return false, err
	}
	if _, suspended := s.resume(); suspended {
		return false, nil
	}
	return s.err == nil, s.err
}

// unwritten reports whether encrypted bytes wait for room in the socket.
func (s *session) unwritten() bool { return len(s.pipe.out) > 0 }

func (s *session) read(b []byte) (int, error) {
	n, err := s.conn.Read(b)
	if n == 0 && errors.Is(err, errNotYet) {
		return 0, errAgain
	}
	return n, err //nolint:wrapcheck // io.EOF and errno are told apart, and shown with their cause
}

// write encrypts the call once, then flushes until all is with the kernel.
func (s *session) write(c *conn) (done bool, err error) {
	if c.written == 0 {
		if c.written, err = s.conn.Write(c.out); err != nil {
			return false, fmt.Errorf("cannot encrypt a request: %w", err)
		}
	} else if err := s.pipe.flush(); err != nil {
		return false, err
	}
	return !s.unwritten(), nil
}

// close ends the session; the socket stays open.
func (s *session) close() {
	s.cancel()
	_ = s.conn.Close() // a close_notify, if there is room for it
}

// notYetError is the temporary error that tls.Conn passes on without giving up.
type notYetError struct{}

func (notYetError) Error() string   { return "nothing to read yet" }
func (notYetError) Timeout() bool   { return true }
func (notYetError) Temporary() bool { return true }

var errNotYet net.Error = notYetError{} //nolint:gochecknoglobals // a sentinel

// pipe is a socket as crypto/tls sees it: reads suspend or fail with errNotYet,
// writes always succeed and keep what the socket has no room for.
type pipe struct {
	suspend func(struct{}) bool // set during the handshake
	out     []byte
	fd      int
}

func (p *pipe) Read(b []byte) (int, error) {
	for {
		n, err := readSocket(p.fd, b)
		if err != errAgain { //nolint:errorlint // our own value, never wrapped
			return n, err
		}
		if p.suspend == nil {
			return 0, errNotYet
		}
		if !p.suspend(struct{}{}) {
			return 0, io.ErrClosedPipe
		}
	}
}

func (p *pipe) Write(b []byte) (int, error) {
	p.out = append(p.out, b...)
	return len(b), p.flush()
}

func (p *pipe) flush() error {
	if len(p.out) == 0 {
		return nil
	}
	n, err := writeSocket(p.fd, p.out)
	if err != nil && err != errAgain { //nolint:errorlint // our own value, never wrapped
		return err
	}
	p.out = append(p.out[:0], p.out[n:]...)
	return nil
}

func (p *pipe) Close() error                     { return nil }
func (p *pipe) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (p *pipe) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
