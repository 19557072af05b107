package rig

import (
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// Request is what tests of attempts send, OKAnswer what their backends say to it.
const (
	Request  = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi"
	OKAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

// Soon is a moment, in socket.Nanos, until which what a test waits for has come.
func Soon() int64 { return socket.Nanos() + int64(10*time.Second) }

// Loops are n loops that end with the test.
func Loops(t testing.TB, n int) []*socket.Loop {
	t.Helper()
	loops := make([]*socket.Loop, 0, n)
	for range n {
		l, err := socket.NewLoop()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		loops = append(loops, l)
	}
	return loops
}

// Pair is a Conn on l and its peer. Both are closed with the test.
func Pair(t testing.TB, l *socket.Loop) (*socket.Conn, net.Conn) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	c, err := socket.Dial(t.Context(), l, ln.Addr().String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = peer.Close()
		_ = c.Close()
	})
	return c, peer
}

// Serve calls serve for each connection to a backend, tcp or unix, and closes it then.
// The address is as the configuration spells it. It ends with the test, which waits for
// what was begun.
func Serve(t testing.TB, network string, serve func(c net.Conn)) (address string) {
	t.Helper()
	at, prefix := "127.0.0.1:0", ""
	if network == socket.NetworkUnix {
		at, prefix = filepath.Join(t.TempDir(), "s"), "unix:"
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), network, at)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return prefix + ln.Addr().String()
}

// Closed is an address on which nobody listens.
func Closed(t testing.TB) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}
