package socket

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// serverTLS is a configuration with a certificate of its own.
func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, DynamicRecordSizingDisabled: true}
}

// securePair is a Conn on l that speaks TLS, and its client, whose bytes go
// through wrap.
func securePair(t testing.TB, l *Loop, version uint16, wrap func(net.Conn) net.Conn) (*Conn, *tls.Conn) {
	t.Helper()
	c, peer := pair(t, l)
	client := tls.Client(wrap(peer), &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	errs := make(chan error, 1)
	go func() { errs <- client.Handshake() }()
	if err := c.ServeTLS(serverTLS(t), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	if got := c.TLSState().Version; got != version {
		t.Fatalf("got version %x; want %x", got, version)
	}
	return c, client
}

func unwrapped(c net.Conn) net.Conn { return c }

// inPieces writes a few bytes at a time.
type inPieces struct {
	net.Conn

	size int
}

func (p inPieces) Write(b []byte) (int, error) {
	for i := 0; i < len(b); i += p.size {
		if n, err := p.Conn.Write(b[i:min(i+p.size, len(b))]); err != nil {
			return i + n, err
		}
	}
	return len(b), nil
}

// atOnce collects what is written until flush.
type atOnce struct {
	net.Conn

	hold    bool
	pending []byte
}

func (a *atOnce) Write(b []byte) (int, error) {
	if !a.hold {
		return a.Conn.Write(b)
	}
	a.pending = append(a.pending, b...)
	return len(b), nil
}

func TestSecureConnCarriesMoreThanTheSocketHolds(t *testing.T) {
	l := testLoop(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			c, client := securePair(t, l, version, unwrapped)
			head, body, tail := "head", strings.Repeat("0123456789abcdef", 4<<16), "tail"
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() {
				if n, err := c.Writev([]byte(head), []byte(body), []byte(tail)); err != nil || n != len(head+body+tail) {
					t.Errorf("wrote %d, %v", n, err)
				}
				if err := c.CloseWrite(); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, err := io.WriteString(client, body); err != nil {
					t.Error(err)
				}
				if err := client.CloseWrite(); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if got, err := io.ReadAll(c); err != nil || string(got) != body {
					t.Errorf("read %d bytes, %v; want %d", len(got), err, len(body))
				}
			})
			if got, err := io.ReadAll(client); err != nil || string(got) != head+body+tail {
				t.Errorf("the client read %d bytes, %v; want the three parts", len(got), err)
			}
		})
	}
}

// loopReader reads all there is whenever the loop calls.
type loopReader struct {
	c    *Conn
	in   Buffer
	got  chan string
	ends chan error
}

func (r *loopReader) Ready() {
	for {
		n, err := r.in.ReadFrom(r.c, 1<<20)
		if err == ErrWouldBlock { //nolint:errorlint // our own, unwrapped
			if r.in.Held() || r.c.secure.out.mu.bytes.mem != nil || r.c.secure.ahead != nil && r.c.secure.left+r.c.secure.headed == 0 {
				r.c.Take()
				r.ends <- errors.New("an idle connection holds memory")
			}
			return
		}
		if err != nil {
			r.c.Take()
			r.ends <- err
			return
		}
		text := string(r.in.Bytes()[:n])
		r.in.Discard(n)
		r.got <- text
	}
}

// expect reads want, in whatever pieces.
func (r *loopReader) expect(t *testing.T, want string) {
	t.Helper()
	late := time.After(20 * time.Second)
	for got := ""; got != want; {
		select {
		case piece := <-r.got:
			got += piece
			if !strings.HasPrefix(want, got) {
				t.Fatalf("got %d bytes that differ; want %d", len(got), len(want))
			}
		case err := <-r.ends:
			t.Fatalf("the connection ended after %d bytes: %v", len(got), err)
		case <-late:
			t.Fatalf("got %d bytes; want %d", len(got), len(want))
		}
	}
}

// TestSecureConnInTheLoop sends messages of every size in every cut: no event
// may be missed although crypto/tls reads ahead, and none may be needed twice.
func TestSecureConnInTheLoop(t *testing.T) {
	l := testLoop(t)
	for _, size := range []int{0, 1, 7, 600} {
		t.Run("", func(t *testing.T) {
			var raw *atOnce
			c, client := securePair(t, l, tls.VersionTLS13, func(conn net.Conn) net.Conn {
				if size > 0 {
					return inPieces{conn, size}
				}
				raw = &atOnce{Conn: conn}
				return raw
			})
			r := &loopReader{c: c, got: make(chan string, 1<<16), ends: make(chan error, 1)}
			r.in.Sized(4 << 10)
			c.Hand(r, false)
			for _, n := range []int{1, 100, 4096, 4097, 16384, 40000} {
				message := strings.Repeat("x", n-1) + "y"
				if raw != nil { // several records in one segment
					raw.hold = true
				}
				for range 3 {
					if _, err := io.WriteString(client, message); err != nil {
						t.Fatal(err)
					}
				}
				if raw != nil {
					raw.hold = false
					if _, err := raw.Write(raw.pending); err != nil {
						t.Fatal(err)
					}
					raw.pending = nil
				}
				r.expect(t, strings.Repeat(message, 3))
			}
			if err := client.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if err := <-r.ends; !errors.Is(err, io.EOF) {
				t.Errorf("got %v; want the end", err)
			}
		})
	}
}

// TestSecureConnGivesBuffersBack pins the places inside crypto/tls, and that a
// connection that waits after a large message keeps little.
func TestSecureConnGivesBuffersBack(t *testing.T) {
	c, client := securePair(t, testLoop(t), tls.VersionTLS13, unwrapped)
	kept := func() int {
		raw, _, hand, _ := c.secure.buffers()
		return raw.Cap() + hand.Cap()
	}
	if err := CheckTLS(); err != nil {
		t.Fatalf("connections keep the buffers of crypto/tls: %v", err)
	}
	if got := kept(); got != 0 {
		t.Errorf("%d bytes are kept after the handshake; want 0", got)
	}
	c.Wait(false)
	var in Buffer
	defer in.Release()
	in.Sized(64 << 10)
	for _, size := range []int{100, 16 << 10, 100} {
		want := strings.Repeat("x", size)
		if _, err := io.WriteString(client, want); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < size; {
			n, err := in.ReadFrom(c, 1<<20)
			if err != nil && !errors.Is(err, ErrWouldBlock) {
				t.Fatal(err)
			}
			in.Discard(n)
			got += n
		}
		if _, err := in.ReadFrom(c, 1<<20); !errors.Is(err, ErrWouldBlock) {
			t.Fatal(err)
		}
		if got := kept(); got != 0 || c.secure.ahead != nil {
			t.Errorf("%d bytes are kept after %d; want none", got, size)
		}
	}
}

// TestSecureConnReadsWhatCameEarly gives the handshake its first bytes by hand,
// as after a PROXY header.
func TestSecureConnReadsWhatCameEarly(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	client := tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
	errs := make(chan error, 1)
	go func() {
		_, err := io.WriteString(client, "hello")
		errs <- errors.Join(err, client.CloseWrite())
	}()
	early := make([]byte, 100)
	if _, err := io.ReadFull(c, early); err != nil {
		t.Fatal(err)
	}
	if err := c.ServeTLS(serverTLS(t), early, nil); err != nil {
		t.Fatal(err)
	}
	clear(early) // the caller's
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v; want hello", got, err)
	}
	if err := <-errs; err != nil {
		t.Error(err)
	}
}

// TestSecureWriteInTheLoopGoesOnLater fills the socket of a client that reads
// nothing: what is kept is bounded, and the rest goes out when it reads.
func TestSecureWriteInTheLoopGoesOnLater(t *testing.T) {
	c, client := securePair(t, testLoop(t), tls.VersionTLS13, unwrapped)
	body := bytes.Repeat([]byte("0123456789abcdef"), 2<<20)
	c.Wait(false)
	n, err := c.Writev(body, nil, nil)
	if !errors.Is(err, ErrWouldBlock) {
		t.Fatalf("wrote %d, %v; want ErrWouldBlock", n, err)
	}
	if held := c.secure.out.held(); held == 0 || held > outboxMax {
		t.Errorf("%d bytes are kept; want some, at most %d", held, outboxMax)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		got := make([]byte, len(body))
		if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, body) {
			t.Errorf("the client read something else: %v", err)
		}
	})
	c.Wait(true)
	if n, err := c.Flush(); err != nil || n != len(body) {
		t.Errorf("wrote %d, %v; want %d", n, err, len(body))
	}
	if c.secure.out.mu.bytes.mem != nil {
		t.Error("memory is held although everything is written")
	}
}

// TestSecureEnds pins how a connection looks that ends well, or does not.
func TestSecureEnds(t *testing.T) {
	l := testLoop(t)
	for _, tc := range []struct {
		name  string
		reset bool
	}{{"close", false}, {"reset", true}} {
		t.Run(tc.name, func(t *testing.T) {
			c, client := securePair(t, l, tls.VersionTLS13, unwrapped)
			if _, err := io.WriteString(c, "bye"); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 3)
			if _, err := io.ReadFull(client, got); err != nil {
				t.Fatal(err)
			}
			if tc.reset {
				c.ResetOnClose()
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Read(got); errors.Is(err, io.EOF) == tc.reset {
				t.Errorf("got %v; want an orderly end: %v", err, !tc.reset)
			}
		})
	}
}

// TestSecureConnIsAbortedAndLate pins that the ways out of a wait are those of
// a plain connection.
func TestSecureConnIsAbortedAndLate(t *testing.T) {
	l := testLoop(t)
	c, client := securePair(t, l, tls.VersionTLS13, unwrapped)
	c.SetReadBy(Nanos() + int64(20*time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !IsTimeout(err) {
		t.Errorf("got %v; want a timeout", err)
	}
	c.SetReadBy(0)
	if _, err := io.WriteString(client, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("after the timeout: %v", err)
	}
	go c.Abort()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, ErrAborted) {
		t.Errorf("got %v; want %v", err, ErrAborted)
	}
}

func TestHandshakeErrors(t *testing.T) {
	l := testLoop(t)
	for _, tc := range []struct {
		name, send string
		check      func(error) bool
	}{
		{"clear text", "GET / HTTP/1.1\r\n\r\n", func(err error) bool {
			var r tls.RecordHeaderError
			return errors.As(err, &r) && r.Conn != nil && string(r.RecordHeader[:]) == "GET /"
		}},
		{"silence", "", IsTimeout},
		{"half a hello", "\x16\x03\x01\x02\x00\x01\x00", IsTimeout},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, peer := pair(t, l)
			if _, err := io.WriteString(peer, tc.send); err != nil {
				t.Fatal(err)
			}
			c.SetReadBy(Nanos() + int64(50*time.Millisecond))
			if err := c.ServeTLS(serverTLS(t), nil, nil); !tc.check(err) {
				t.Errorf("got %v", err)
			}
			if c.Secure() {
				t.Error("the connection speaks TLS")
			}
		})
	}
}

// FuzzRecordBorders compares the count of whole records with a plain one,
// however the bytes are cut.
func FuzzRecordBorders(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x02ab\x17\x03\x03\x00\x00\x15\x03\x03\x00\x01x"), uint8(3))
	f.Add([]byte("\x17\x03\x03\xff\xff"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		var s secure
		for b := stream; len(b) > 0; {
			n := min(int(step)+1, len(b))
			s.saw(b[:n])
			b = b[n:]
		}
		want := 0
		for b := stream; len(b) >= recordHead; want++ {
			n := recordHead + int(b[3])<<8 + int(b[4])
			if n > len(b) {
				break
			}
			b = b[n:]
		}
		if s.whole != want {
			t.Errorf("got %d whole records; want %d", s.whole, want)
		}
	})
}
