package rig

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// Handshakes are what a Backend was told in handshakes, in their order.
type Handshakes struct {
	Names   []string // by SNI
	Resumed []bool
	Offered []string // protocols, in the last one
}

// Backend is a server that answers every request with OKAnswer.
type Backend struct {
	Address string

	mu struct {
		sync.Mutex
		saw Handshakes
	}
}

// StartBackend serves with a configuration until the test ends; nil is clear
// text.
func StartBackend(t testing.TB, server *tls.Config) *Backend {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &Backend{Address: ln.Addr().String()}
	if server != nil {
		server = server.Clone()
		server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.mu.saw.Names, b.mu.saw.Offered = append(b.mu.saw.Names, hello.ServerName), hello.SupportedProtos
			return nil, nil //nolint:nilnil // the one there is
		}
	}
	var wg sync.WaitGroup
	var open sync.Map
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				b.serve(c, server)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		open.Range(func(c, _ any) bool {
			if c, ok := c.(net.Conn); ok {
				_ = c.Close()
			}
			return true
		})
		wg.Wait()
	})
	return b
}

func (b *Backend) serve(c net.Conn, server *tls.Config) {
	if server != nil {
		s := tls.Server(c, server)
		if s.HandshakeContext(context.Background()) != nil {
			return
		}
		b.mu.Lock()
		b.mu.saw.Resumed = append(b.mu.saw.Resumed, s.ConnectionState().DidResume)
		b.mu.Unlock()
		c = s
	}
	for got := []byte(nil); ; {
		chunk := make([]byte, 1024)
		n, err := c.Read(chunk)
		if err != nil {
			return
		}
		if server == nil && chunk[0] == 0x16 { // what servers of clear text say to a ClientHello
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			return
		}
		if got = append(got, chunk[:n]...); !bytes.HasSuffix(got, []byte("\r\n\r\n")) && !bytes.HasSuffix(got, []byte("hi")) {
			continue
		}
		got = nil
		if _, err := io.WriteString(c, OKAnswer); err != nil {
			return
		}
	}
}

// Saw is what it was told so far.
func (b *Backend) Saw() Handshakes {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.mu.saw
	h.Names, h.Resumed = slices.Clone(h.Names), slices.Clone(h.Resumed)
	return h
}
