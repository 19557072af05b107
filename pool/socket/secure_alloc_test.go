//go:build !race

package socket

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
)

// secureEcho answers messages of 64 bytes with content in the loop.
type secureEcho struct {
	c       *Conn
	in      Buffer
	content []byte
	ended   chan struct{}
}

func (e *secureEcho) Ready() {
	for {
		n, err := e.in.ReadFrom(e.c, 1<<16)
		if err == ErrWouldBlock { //nolint:errorlint // our own, unwrapped
			return
		}
		if err != nil {
			e.c.Take()
			close(e.ended)
			return
		}
		e.in.Discard(n)
		if n == 64 {
			_, _ = e.c.Write(e.content) // less than the socket holds
		}
	}
}

func startEcho(t testing.TB, size int, version uint16) *tls.Conn {
	t.Helper()
	l := testLoop(t)
	c, client := securePair(t, l, version, unwrapped)
	e := &secureEcho{c: c, content: make([]byte, size), ended: make(chan struct{})}
	e.in.Sized(4 << 10)
	c.Hand(e, false)
	t.Cleanup(func() {
		_ = client.Close()
		<-e.ended
		e.in.Release()
	})
	return client
}

// TestSecureExchangeAllocatesNothing counts the one small reader that crypto/tls
// makes on the heap for each look at the socket: only the client does that.
func TestSecureExchangeAllocatesNothing(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			client := startEcho(t, 100, version)
			request, answer := make([]byte, 64), make([]byte, 100)
			if n := testing.AllocsPerRun(200, func() {
				if _, err := client.Write(request); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(client, answer); err != nil {
					t.Fatal(err)
				}
			}); n > 1 {
				t.Errorf("got %v allocations on both sides together; want 1", n)
			}
		})
	}
}

func TestSecureWriteAllocatesNothing(t *testing.T) {
	for _, size := range []int{100, 64 << 10} {
		var raw net.Conn
		c, _ := securePair(t, testLoop(t), tls.VersionTLS13, func(conn net.Conn) net.Conn {
			raw = conn
			return conn
		})
		ended := make(chan struct{})
		go func() {
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{raw}, make([]byte, 1<<17))
			close(ended)
		}()
		head, body := make([]byte, 200), make([]byte, size)
		if n := testing.AllocsPerRun(200, func() {
			if _, err := c.Writev(head, body, nil); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%d bytes: %v allocations; want 0", size, n)
		}
		_ = c.Close()
		<-ended
	}
}

func BenchmarkSecureExchange(b *testing.B) {
	client := startEcho(b, 100, tls.VersionTLS13)
	request, answer := make([]byte, 64), make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(client, answer); err != nil {
			b.Fatal(err)
		}
	}
}
