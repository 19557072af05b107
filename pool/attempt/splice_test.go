package attempt

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// unixPair is pair with a unix socket.
func unixPair(t testing.TB, l *socket.Loop) (*socket.Conn, net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := socket.NewConn(l, fds[0])
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[1]), "peer")
	defer func() { _ = f.Close() }()
	peer, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		_ = peer.Close()
	})
	return c, peer
}

// spliced is an Attempt in the middle of an answer, and the client's side.
type spliced struct {
	Attempt

	backend, client net.Conn // the peers
	to              *socket.Conn
	pipes, copies   int
}

func splicedPair(t testing.TB, network string, length int64) *spliced {
	t.Helper()
	l, s := rig.Loops(t, 1)[0], &spliced{}
	sockets := rig.Pair
	if network == socket.NetworkUnix {
		sockets = unixPair
	}
	s.conn, s.backend = sockets(t, l)
	s.to, s.client = sockets(t, l)
	s.in.Sized(ResponseHeadMax)
	s.body.Begin(wire.Length, length)
	t.Cleanup(func() {
		s.in.Release()
		s.dropPipe()
	})
	return s
}

// step passes the next bytes on, in a pipe where that is the way.
func (s *spliced) step(byNanos int64) (Outcome, error) {
	p, out := s.NextPiped(s.to, byNanos)
	if out != OK {
		return out, nil
	}
	if p != nil {
		s.pipes++
		_, err := s.to.WritePipe(p)
		return OK, err
	}
	data, out := s.Next(byNanos)
	if out != OK {
		return out, nil
	}
	s.copies++
	_, err := s.to.Write(data)
	return OK, err
}

// noise is content that looks different everywhere.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

func TestContentArrivesUnchanged(t *testing.T) {
	for _, network := range []string{"tcp", socket.NetworkUnix} {
		for _, tc := range []struct {
			bytes int
			piped bool
		}{{1, false}, {256 << 10, false}, {pipedMin - 1, false}, {pipedMin, true}, {pipedMin + 1, true}, {5<<20 + 12345, true}, {64 << 20, true}} {
			t.Run(network+"/"+strconv.Itoa(tc.bytes), func(t *testing.T) {
				s, content := splicedPair(t, network, int64(tc.bytes)), noise(tc.bytes)
				go func() { _, _ = s.backend.Write(append(content, "next"...)) }()
				sum := make(chan []byte, 1)
				go func() {
					h := sha256.New()
					_, _ = io.Copy(h, s.client)
					sum <- h.Sum(nil)
				}()
				for !s.Done() {
					if out, err := s.step(0); out != OK || err != nil {
						t.Fatalf("got %v, %v after %d pipes", out, err, s.pipes)
					}
				}
				if err := s.to.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				if want := sha256.Sum256(content); !bytes.Equal(<-sum, want[:]) {
					t.Error("the client got something else than the backend sent")
				}
				if piped := s.pipes > 0; piped != tc.piped || (piped && s.copies > 0) {
					t.Errorf("%d pipes and %d copies; want pipes: %v", s.pipes, s.copies, tc.piped)
				}
				if tc.piped {
					next := make([]byte, 8)
					if n, err := s.conn.Read(next); err != nil || string(next[:n]) != "next" {
						t.Errorf("behind the content came %q, %v; want it left alone", next[:n], err)
					}
				}
			})
		}
	}
}

func TestContentThatIsCopied(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(t *testing.T, s *spliced)
	}{
		{"chunked", func(_ *testing.T, s *spliced) { s.body.Begin(wire.ChunkedBody, 0) }},
		{"until the end of the connection", func(_ *testing.T, s *spliced) { s.body.Begin(wire.UntilClose, 0) }},
		{"already in the buffer", func(_ *testing.T, s *spliced) { s.in.Append([]byte("x")) }},
		{"to a client that speaks TLS", func(t *testing.T, s *spliced) { t.Helper(); speakTLS(t, s.to, s.client) }},
		{"from a backend that speaks TLS", func(t *testing.T, s *spliced) { t.Helper(); speakTLS(t, s.conn, s.backend) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := splicedPair(t, "tcp", 2*pipedMin)
			tc.prepare(t, s)
			if p, out := s.NextPiped(s.to, 0); p != nil || out != OK {
				t.Errorf("got pipe %v, %v; want none, OK", p, out)
			}
		})
	}
}

func TestBackendFailsWhilePiped(t *testing.T) {
	late := func() int64 { return socket.Nanos() + int64(20*time.Millisecond) }
	for _, tc := range []struct {
		name string
		fail func(s *spliced)
		by   func() int64
		wait bool
		want Outcome
	}{
		{"ends", func(s *spliced) { _ = s.backend.Close() }, func() int64 { return 0 }, true, Truncated},
		{"is silent", func(*spliced) {}, late, true, Timeout},
		{"is aborted", func(s *spliced) { s.conn.Abort() }, func() int64 { return 0 }, true, Truncated},
		{"is awaited in the loop", func(*spliced) {}, func() int64 { return 0 }, false, Pending},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := splicedPair(t, "tcp", 2*pipedMin)
			go func() { _, _ = io.Copy(io.Discard, s.client) }()
			const sent = 1000
			if _, err := s.backend.Write(make([]byte, sent)); err != nil {
				t.Fatal(err)
			}
			for s.body.Raw() > 2*pipedMin-sent {
				if out, err := s.step(0); out != OK || err != nil {
					t.Fatal(out, err)
				}
			}
			tc.fail(s)
			s.conn.Wait(tc.wait)
			if out, _ := s.step(tc.by()); out != tc.want {
				t.Errorf("got %v; want %v", out, tc.want)
			}
			if s.pipe != nil {
				t.Error("who waits, or has failed, still has a pipe; want none")
			}
		})
	}
}

// BenchmarkRelay moves an answer from socket to socket; the peers, which cost
// what the proxy does, are in the figure.
func BenchmarkRelay(b *testing.B) {
	for _, way := range []string{"copy", "pipe"} {
		for _, size := range []int64{4 << 20, 16 << 20} {
			b.Run("way="+way+"/bytes="+strconv.FormatInt(size, 10), func(b *testing.B) {
				s := splicedPair(b, "tcp", size)
				go func() {
					for piece := make([]byte, 256<<10); ; {
						if _, err := s.backend.Write(piece); err != nil {
							return
						}
					}
				}()
				go func() { _, _ = io.Copy(io.Discard, s.client) }()
				b.SetBytes(size)
				b.ReportAllocs()
				for b.Loop() {
					s.relay(b, size, way == "pipe")
				}
			})
		}
	}
}

// relay passes one answer on.
func (s *spliced) relay(t testing.TB, size int64, piped bool) {
	t.Helper()
	s.body.Begin(wire.Length, size)
	for !s.Done() {
		if piped {
			if out, err := s.step(0); out != OK || err != nil {
				t.Fatal(out, err)
			}
			continue
		}
		data, out := s.Next(0)
		if _, err := s.to.Write(data); out != OK || err != nil {
			t.Fatal(out, err)
		}
	}
}

// speakTLS makes both ends of a connection do so.
func speakTLS(t *testing.T, c *socket.Conn, peer net.Conn) {
	t.Helper()
	certificate := rig.NewAuthority(t).Issue(rig.Tomorrow(), "a.test")
	done := make(chan error, 1)
	go func() { done <- tls.Client(peer, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
	if err := c.ServeTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// What a client did not take stays in the pipe of who gave up, which closes it.
func TestPipeOfAClientThatHasGoneIsNotUsedAgain(t *testing.T) {
	s := splicedPair(t, "tcp", 64<<20)
	go func() { _, _ = s.backend.Write(make([]byte, 64<<20)) }()
	s.to.Wait(false)
	var err error
	for err == nil { // until the client's socket is full
		if _, err = s.step(0); s.pipes > 256 {
			t.Fatal("a client that reads nothing has taken everything")
		}
	}
	if !errors.Is(err, socket.ErrWouldBlock) || s.pipe == nil {
		t.Fatalf("got %v and pipe %v; want one that waits", err, s.pipe)
	}
	_ = s.client.Close()
	s.to.Wait(true)
	if _, err = s.to.Flush(); err == nil {
		t.Fatal("the rest was written to a client that has gone")
	}
	s.dropPipe()
	if s.pipe != nil {
		t.Error("the attempt keeps the pipe")
	}
	if _, err = s.to.Write([]byte("x")); err == nil {
		t.Error("a write after a failed one succeeded")
	}
}

func TestContentIsCopiedWhenNoPipeIsLeft(t *testing.T) {
	var taken []*socket.Pipe
	for p := socket.TakePipe(); p != nil && len(taken) < 1000; p = socket.TakePipe() {
		taken = append(taken, p)
	}
	defer func() {
		for _, p := range taken {
			p.Release()
		}
	}()
	s := splicedPair(t, "tcp", 2*pipedMin)
	go func() { _, _ = s.backend.Write(make([]byte, 100)) }()
	if p, out := s.NextPiped(s.to, 0); p != nil || out != OK {
		t.Errorf("got pipe %v, %v; want none, OK: content is copied then", p, out)
	}
	if data, out := s.Next(0); len(data) == 0 || out != OK {
		t.Errorf("got %d bytes, %v; want a copy", len(data), out)
	}
}
