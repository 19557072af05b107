package socket

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// secure is the TLS layer inside a Conn. Whoever uses the Conn sees clear text
// and the same rules: reads and writes that wait, or return ErrWouldBlock in the
// loop, so a connection that is idle has neither goroutine nor buffer of ours.
//
// crypto/tls knows no such thing, but two of its habits suffice. An error of the
// socket that calls itself temporary leaves the record under way as it is, to be
// read on later: reads that find nothing return one. A failed write ends the
// session for good, so no write fails for want of room: records go to the
// outbox, which the Conn empties as the socket takes them.
type secure struct {
	c      *Conn
	tls    *tls.Conn
	places layout // of the buffers inside tls

	// Owned by the reader. crypto/tls reads ahead: whole counts the records it
	// was given and may not have decrypted yet, for which no event will come.
	// It is never too low; too high costs a read that finds nothing.
	whole  int
	head   [recordHead]byte // of the record under way
	headed int              // bytes of it that came
	left   int              // bytes of its content to come
	early  []byte           // came before the handshake began
	ahead  *memory          // what readAhead lends to crypto/tls
	failed error            // of the socket, for crypto/tls to meet
	over   bool             // crypto/tls has met an end, which its next read returns

	client   bool   // our side of the session
	open     bool   // the handshake is done
	reset    bool   // nothing may look like an orderly end
	protocol string // that ALPN agreed on
	out      outbox
}

// recordHead is the length of a record's header (RFC 8446 section 5.1).
const recordHead = 5

// ServeTLS makes c speak TLS, as a server. early are bytes that were already
// read from the peer. reached is what the choice of a certificate is told as the
// address the peer has reached; nil is that of the socket. It waits, within the deadlines set, for the peer, so the
// loop must not have the connection: the caller has taken it, and its reader and
// its writer are the caller. After an error only Close may be called, and Write
// and CloseWrite if the peer turned out to speak clear text.
func (c *Conn) ServeTLS(config *tls.Config, early []byte, reached net.Addr) error {
	s := &secure{c: c, early: bytes.Clone(early)}
	s.places, _ = tlsLayout()
	s.tls = tls.Server(s.at(reached), config)
	return s.handshake()
}

// ConnectTLS makes c speak TLS, as a client, under the rules of ServeTLS.
func (c *Conn) ConnectTLS(config *tls.Config) error {
	s := &secure{c: c, client: true}
	s.places, _ = tlsLayout()
	s.tls = tls.Client((*records)(s), config)
	return s.handshake()
}

func (s *secure) handshake() error {
	c := s.c
	if err := s.tls.HandshakeContext(context.Background()); err != nil {
		return err //nolint:wrapcheck // the caller asks for its type
	}
	s.protocol = s.tls.ConnectionState().NegotiatedProtocol
	s.open, c.secure = true, s
	c.parts = [3][]byte{} // they would keep the server's flight: 1.7 KiB
	s.shrink()
	c.rd.state.Or(bitReady) // what crypto/tls has read ahead was announced to nobody
	return nil
}

// Secure reports that the connection speaks TLS.
func (c *Conn) Secure() bool {
	return c.secure != nil || c.within != nil && c.within.Secure() || c.carrier() != nil
}

// Protocol is what the two sides agreed to speak, by ALPN; it is empty where they
// agreed on nothing, and for clear text.
func (c *Conn) Protocol() string {
	if c.secure == nil {
		return ""
	}
	return c.secure.protocol
}

// TLSState describes the session; it is zero for a connection in clear text.
// Each call gathers it anew.
func (c *Conn) TLSState() tls.ConnectionState {
	if of := c.carrier(); of != nil {
		return of.TLSState()
	}
	if c.secure == nil {
		return tls.ConnectionState{}
	}
	return c.secure.tls.ConnectionState()
}

// tryRead is Conn.tryRead for clear text: 0 and nil mean that no whole record
// is there. A close_notify behind data is returned by the next read.
func (s *secure) tryRead(p []byte) (int, error) {
	if s.whole == 0 && !s.over && !s.readAhead() {
		return 0, nil
	}
	n, err := s.tls.Read(p)
	if n == 0 {
		if err == errNoRecord { //nolint:errorlint // our own, unwrapped
			s.whole = 0
			return 0, nil
		}
		return 0, err //nolint:wrapcheck // as a socket's
	}
	if n < len(p) && s.whole > 0 {
		s.whole-- // it took the rest of a record, or several
	}
	s.over = err != nil
	if n == len(p) || s.whole > 0 || s.over || len(s.early) > 0 {
		s.c.rd.state.Or(bitReady)
	}
	return n, nil
}

// saw follows the borders of the records in what crypto/tls is given.
func (s *secure) saw(b []byte) {
	for len(b) > 0 {
		if s.left == 0 {
			k := copy(s.head[s.headed:], b)
			s.headed += k
			b = b[k:]
			if s.headed < recordHead {
				return
			}
			s.headed = 0
			if s.left = int(s.head[3])<<8 | int(s.head[4]); s.left == 0 {
				s.whole++
			}
			continue
		}
		k := min(s.left, len(b))
		s.left -= k
		b = b[k:]
		if s.left == 0 {
			s.whole++
		}
	}
}

// sealedMax bounds the clear text that is encrypted before the socket has taken
// what was encrypted before: three full records.
const sealedMax = 3 << 14

// tryWrite is Conn.tryWrite: the parts are encrypted as far as the bound allows
// and written, until everything is taken (true) or the socket is full.
func (s *secure) tryWrite() (done bool, err error) {
	c := s.c
	for {
		if err := s.seal(); err != nil {
			return false, err
		}
		if empty, err := s.out.push(c); err != nil || !empty {
			return false, err
		}
		if len(c.parts[0])+len(c.parts[1])+len(c.parts[2]) == 0 {
			return true, nil
		}
	}
}

func (s *secure) seal() error {
	c := s.c
	room := sealedMax - s.out.held()
	for i := range c.parts {
		k := min(len(c.parts[i]), room)
		if k <= 0 {
			continue
		}
		n, err := s.tls.Write(c.parts[i][:k])
		c.parts[i] = c.parts[i][n:]
		c.written += n
		room -= n
		if err != nil {
			return err //nolint:wrapcheck // as a socket's
		}
	}
	return nil
}

// closeWrite says that nothing follows, if the socket takes it at once.
func (s *secure) closeWrite() {
	if s.reset {
		return
	}
	if s.tls.CloseWrite() == nil {
		_, _ = s.out.push(s.c) // the end of the socket says it too
	}
}

// records is a secure as crypto/tls sees it: the socket.
type records secure

// Read gives crypto/tls what the socket has. It waits only in the handshake.
func (r *records) Read(p []byte) (n int, err error) {
	s := (*secure)(r)
	switch {
	case len(s.early) > 0:
		n = copy(p, s.early)
		if s.early = s.early[n:]; len(s.early) == 0 {
			s.early = nil
		}
	case s.open:
		if n, err = s.socket(p); n == 0 && err == nil {
			err = errNoRecord
		}
		return n, err
	default:
		n, err = s.c.Read(p)
	}
	s.saw(p[:n])
	return n, err
}

// Write takes records of crypto/tls: of the writer, and of the reader where it
// has to answer the peer. It waits only in the handshake.
func (r *records) Write(p []byte) (int, error) {
	s := (*secure)(r)
	if !s.open {
		return s.c.Write(p)
	}
	if !s.out.add(p) {
		return 0, errOutboxFull
	}
	return len(p), nil
}

// Close does nothing: the Conn closes.
func (r *records) Close() error { return nil }

// at is the transport of s for a peer that has reached an address; nil is the Conn's.
func (s *secure) at(reached net.Addr) net.Conn {
	if reached == nil {
		return (*records)(s)
	}
	return elsewhere{records: (*records)(s), reached: reached}
}

// elsewhere are the records of a connection that a proxy in front has taken.
type elsewhere struct {
	*records

	reached net.Addr
}

// LocalAddr is what the peer has reached.
func (e elsewhere) LocalAddr() net.Addr { return e.reached }

// LocalAddr is the Conn's.
func (r *records) LocalAddr() net.Addr { return r.c.LocalAddr() }

// RemoteAddr is the Conn's.
func (r *records) RemoteAddr() net.Addr { return r.c.RemoteAddr() }

// SetDeadline does nothing, like the two below: the Conn has deadlines.
func (r *records) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (r *records) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (r *records) SetWriteDeadline(time.Time) error { return nil }

// errOutboxFull ends a session whose peer makes us answer and takes nothing.
var errOutboxFull = errors.New("the peer asks for more TLS records than it takes")

// outboxMax bounds the records of one connection that the socket has not taken:
// what sealedMax makes, with room for what the reader answers.
const outboxMax = 128 << 10

// outbox holds encrypted records until the socket takes them. It has memory
// only meanwhile. Reader and writer may use it at the same time.
type outbox struct {
	mu struct {
		sync.Mutex
		bytes Fifo
	}
}

func (o *outbox) held() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.bytes.Len()
}

// add appends a copy of p, or reports that there is no room.
func (o *outbox) add(p []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.bytes.Len()+len(p) <= outboxMax && o.mu.bytes.Append(p)
}

// push writes to c's socket what it takes, and reports whether that was all.
func (o *outbox) push(c *Conn) (empty bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := &o.mu.bytes
	for b.Len() > 0 {
		n, errno := c.writeRecords(b.Bytes())
		switch errno {
		case 0:
			b.Discard(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false, nil
		default:
			return false, os.NewSyscallError("write", errno)
		}
	}
	return true, nil
}

// drop gives the memory back, with what was not sent.
func (o *outbox) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.bytes.Drop()
}
