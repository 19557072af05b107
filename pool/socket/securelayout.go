package socket

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// layout is where a tls.Conn has its buffers: offsets in bytes, 0 where unknown. The zero
// value is a layout that nobody knows, with which crypto/tls reads by itself.
type layout struct{ rawInput, input, hand uintptr }

// layoutOf looks for the buffers by name and type.
func layoutOf(conn reflect.Type) layout {
	place := func(name string, is reflect.Type) uintptr {
		f, ok := conn.FieldByName(name)
		if !ok || f.Type != is || len(f.Index) != 1 {
			return 0
		}
		return f.Offset
	}
	buffer, reader := reflect.TypeFor[bytes.Buffer](), reflect.TypeFor[bytes.Reader]()
	return layout{rawInput: place("rawInput", buffer), input: place("input", reader), hand: place("hand", buffer)}
}

func (l layout) known() bool { return l.rawInput != 0 && l.input != 0 && l.hand != 0 }

// of are the buffers of a session: the records that were not decrypted, what was
// decrypted and not read (a window on the former), and messages of the handshake. The
// layout must be known.
func (l layout) of(c *tls.Conn) (raw *bytes.Buffer, input *bytes.Reader, hand *bytes.Buffer) {
	at := unsafe.Pointer(c)
	return (*bytes.Buffer)(unsafe.Add(at, l.rawInput)), (*bytes.Reader)(unsafe.Add(at, l.input)), (*bytes.Buffer)(unsafe.Add(at, l.hand))
}

// tlsLayout is the layout of this program's crypto/tls, once it has shown that it uses its
// buffers as secure needs it; else why not, and one that nobody knows. It costs a handshake
// in memory, once: a millisecond.
var tlsLayout = sync.OnceValues(func() (layout, error) {
	l := layoutOf(reflect.TypeFor[tls.Conn]())
	if err := l.check(); err != nil {
		return layout{}, err
	}
	return l, nil
})

// CheckTLS reports why connections that speak TLS keep memory while they are idle: this
// version of Go has the buffers of crypto/tls elsewhere, or uses them otherwise. nil: they
// keep none.
func CheckTLS() error {
	_, err := tlsLayout()
	return err
}

// checkTime bounds the handshake of a check, which takes a millisecond.
const checkTime = 10 * time.Second

// check makes a session in memory and tries on it what secure does with real ones.
func (l layout) check() (err error) {
	if !l.known() {
		return errors.New("crypto/tls has its buffers elsewhere")
	}
	if !safely.Do("TLS check", func() { err = l.try() }, nil) {
		return errors.New("the check of crypto/tls met a bug, see the log")
	}
	return err
}

func (l layout) try() error {
	server, client, wire, err := sessionInMemory()
	if err != nil {
		return err
	}
	raw, input, hand := l.of(server)
	if raw.Len() != 0 || input.Len() != 0 || hand.Len() != 0 {
		return errors.New("crypto/tls keeps something behind a handshake")
	}
	for _, text := range []string{"first", "second"} {
		if _, err := client.Write([]byte(text)); err != nil {
			return err //nolint:wrapcheck // of memory
		}
		*raw = *bytes.NewBuffer(bytes.Clone(wire.Bytes()))
		wire.Reset()
		got := make([]byte, len(text))
		if n, err := server.Read(got[:2]); n != 2 || err != nil || raw.Len() != 0 || input.Len() != len(text)-2 {
			return fmt.Errorf("crypto/tls does not read what was put into its buffer: %d bytes, %w", n, err)
		}
		if n, err := server.Read(got[2:]); n != len(text)-2 || err != nil || string(got) != text || input.Len() != 0 {
			return fmt.Errorf("crypto/tls does not go on with what it has decrypted: %q, %w", got, err)
		}
		input.Reset(nil)
		*raw, *hand = bytes.Buffer{}, bytes.Buffer{}
		if _, err := server.Read(got); err != errNoRecord { //nolint:errorlint // our own, unwrapped
			return fmt.Errorf("crypto/tls does not read on after it found nothing: %w", err)
		}
	}
	return nil
}

// sessionInMemory are the two ends of a session behind its handshake. What the client
// writes lies in wire; the server finds nothing to read.
func sessionInMemory() (server, client *tls.Conn, wire *bytes.Buffer, err error) {
	certificate, err := anyCertificate()
	if err != nil {
		return nil, nil, nil, err
	}
	here, there := net.Pipe()
	defer func() { _, _ = here.Close(), there.Close() }()
	_ = here.SetDeadline(time.Now().Add(checkTime))
	_ = there.SetDeadline(time.Now().Add(checkTime))
	near, far := &memoryEnd{Conn: here}, &memoryEnd{Conn: there}
	server = tls.Server(near, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
	})
	client = tls.Client(far, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}) //nolint:gosec // it is ourselves
	done := make(chan error, 1)
	safely.GoThen("TLS check", func() { done <- client.HandshakeContext(context.Background()) }, func() { close(done) })
	if err := errors.Join(server.HandshakeContext(context.Background()), <-done); err != nil {
		return nil, nil, nil, fmt.Errorf("cannot make a session in memory: %w", err)
	}
	near.over, far.over = true, true
	return server, client, &far.wrote, nil
}

// memoryEnd is one end of a pipe, until its handshake is over.
type memoryEnd struct {
	net.Conn

	over  bool
	wrote bytes.Buffer // since then
}

func (m *memoryEnd) Read(p []byte) (int, error) {
	if m.over {
		return 0, errNoRecord
	}
	return m.Conn.Read(p) //nolint:wrapcheck // as a connection's
}

func (m *memoryEnd) Write(p []byte) (int, error) {
	if m.over {
		return m.wrote.Write(p) //nolint:wrapcheck // memory takes everything
	}
	return m.Conn.Write(p) //nolint:wrapcheck // as a connection's
}

// anyCertificate is one for nobody in particular.
func anyCertificate() (tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot make a key: %w", err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, public, private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// errNoRecord is temporary in the sense of net.Error, as crypto/tls asks.
var errNoRecord net.Error = noRecordError{}

type noRecordError struct{}

func (noRecordError) Error() string   { return "no TLS record is there now" }
func (noRecordError) Timeout() bool   { return true }
func (noRecordError) Temporary() bool { return true }
