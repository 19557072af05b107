package socket

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// testLoop is a loop that ends with the test.
func testLoop(t testing.TB) *Loop {
	t.Helper()
	l, err := NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// pair is a Conn on l and its peer.
func pair(t testing.TB, l *Loop) (*Conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	c, err := Dial(t.Context(), l, ln.Addr().String(), time.Second)
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

func TestConnReadWaitsForBytesAndTheEnd(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	go func() {
		_, _ = io.WriteString(peer, "hello")
		_ = peer.Close()
	}()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v; want hello and its end", got, err)
	}
}

func TestConnWritesMoreThanTheSocketHolds(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	head, body, tail := "head", strings.Repeat("x", 8<<20), "tail"
	var got []byte
	var wg sync.WaitGroup
	wg.Go(func() { got, _ = io.ReadAll(peer) })
	n, err := c.Writev([]byte(head), []byte(body), []byte(tail))
	if want := len(head) + len(body) + len(tail); err != nil || n != want {
		t.Fatalf("wrote %d, %v; want %d", n, err, want)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if string(got) != head+body+tail {
		t.Errorf("the peer read %d bytes; want the three parts in order", len(got))
	}
}

func TestConnDeadlines(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	one := make([]byte, 1)
	c.SetReadBy(Nanos() + int64(time.Millisecond))
	if _, err := c.Read(one); !IsTimeout(err) {
		t.Fatalf("read: %v; want a timeout", err)
	}
	// The timer that is armed fires long before the deadline wanted now.
	c.SetReadBy(Nanos() + int64(2*time.Millisecond))
	if _, err := c.Read(one); !IsTimeout(err) {
		t.Fatalf("second read: %v; want a timeout", err)
	}
	c.SetReadBy(Nanos() + int64(time.Millisecond))
	_, _ = io.WriteString(peer, "x")
	if _, err := c.Read(one); err != nil {
		t.Fatalf("read of what is there: %v", err)
	}
	c.SetReadBy(Nanos() + int64(time.Hour))
	go func() { _, _ = io.WriteString(peer, "y") }()
	if n, err := c.Read(one); n != 1 || err != nil {
		t.Errorf("got %d, %v after an early timer; want a byte", n, err)
	}
	c.SetWriteBy(Nanos() + int64(time.Millisecond))
	if _, err := c.Write(make([]byte, 32<<20)); !IsTimeout(err) {
		t.Errorf("write to a peer that reads nothing: %v; want a timeout", err)
	}
}

func TestConnAbortWakesReaderAndWriter(t *testing.T) {
	c, _ := pair(t, testLoop(t))
	ended := make(chan error, 2)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	go func() {
		_, err := c.Write(make([]byte, 32<<20))
		ended <- err
	}()
	c.Abort()
	for range 2 {
		if err := <-ended; !errors.Is(err, ErrAborted) {
			t.Errorf("got %v; want aborted", err)
		}
	}
}

func TestConnQuiet(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	if !quiet(c) {
		t.Error("fresh connection is not quiet")
	}
	_, _ = io.WriteString(peer, "unasked")
	for quiet(c) { // until the kernel has delivered it
	}
	if _, err := c.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	if !quiet(c) {
		t.Error("not quiet after everything was read")
	}
	_ = peer.Close()
	for quiet(c) {
	}
}

// counting is a handler that reads all there is.
type counting struct {
	c    *Conn
	seen chan string
	err  chan error
}

func (h *counting) Ready() {
	p := make([]byte, 64)
	for {
		n, err := h.c.Read(p)
		switch {
		case errors.Is(err, ErrWouldBlock):
			return
		case err != nil:
			h.err <- err
			return
		}
		h.seen <- string(p[:n])
	}
}

func TestLoopCallsTheHandler(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	h := &counting{c: c, seen: make(chan string, 8), err: make(chan error, 8)}
	_, _ = io.WriteString(peer, "before")
	c.Hand(h, false)
	if got := <-h.seen; got != "before" {
		t.Fatalf("got %q; want before: bytes that came before Hand lead to a call", got)
	}
	_, _ = io.WriteString(peer, "after")
	if got := <-h.seen; got != "after" {
		t.Fatalf("got %q; want after", got)
	}
	_ = peer.Close()
	if err := <-h.err; !errors.Is(err, io.EOF) {
		t.Errorf("got %v; want the end", err)
	}
}

func TestLoopCallsTheHandlerAtItsDeadline(t *testing.T) {
	c, _ := pair(t, testLoop(t))
	h := &counting{c: c, seen: make(chan string, 1), err: make(chan error, 8)}
	c.SetReadBy(Nanos() + int64(time.Millisecond))
	c.Hand(h, true)
	if err := <-h.err; !IsTimeout(err) {
		t.Errorf("got %v; want a timeout", err)
	}
}

func TestAcceptorGivesConnectionsToALoop(t *testing.T) {
	l := testLoop(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAcceptor(ln)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := net.Dial("tcp", a.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	c, ip, err := a.Accept(l)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.RemoteAddr().String(), peer.LocalAddr().String(); got != want || ip.String() != "127.0.0.1" {
		t.Errorf("peer %s, %s; want %s", got, ip, want)
	}
	_, _ = io.WriteString(peer, "first")
	h := &counting{c: c, seen: make(chan string, 8), err: make(chan error, 8)}
	c.Hand(h, false)
	if got := <-h.seen; got != "first" {
		t.Errorf("got %q; want what came before the loop watched", got)
	}
	if n, err := unix.GetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY); err != nil || n == 0 {
		t.Errorf("TCP_NODELAY %d, %v; want it inherited", n, err)
	}
	_ = c.Close()
	ended := make(chan error, 1)
	go func() {
		_, _, err := a.Accept(l)
		ended <- err
	}()
	_ = a.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after close: %v; want net.ErrClosed", err)
	}
}

// stuck is a handler that holds its loop up until free is closed.
type stuck struct{ entered, free chan struct{} }

func (h *stuck) Ready() {
	select {
	case h.entered <- struct{}{}:
	case <-h.free:
	}
	<-h.free
}

// heldUp is a connection of a loop that learns nothing of it until free is called.
func heldUp(t *testing.T) (c *Conn, peer net.Conn, free func()) {
	t.Helper()
	l := testLoop(t)
	c, peer = pair(t, l)
	other, _ := pair(t, l)
	h := &stuck{entered: make(chan struct{}), free: make(chan struct{})}
	other.Hand(h, true)
	<-h.entered
	return c, peer, func() { close(h.free) }
}

func TestBusyLoopDoesNotMakeThePeerLate(t *testing.T) {
	c, peer, free := heldUp(t)
	_, _ = io.WriteString(peer, "x") // the loop cannot learn of it
	for quiet(c) {
	}
	c.SetReadBy(Nanos() + int64(time.Millisecond))
	n, err := c.Read(make([]byte, 2))
	if n != 1 || err != nil {
		t.Errorf("got %d, %v; want the byte that had come in time", n, err)
	}
	free()
}

// minding gives its connection to a goroutine, the test, at the first call.
type minding struct {
	c           *Conn
	taken, hung chan struct{}
}

func (h *minding) Ready() {
	h.c.TakeMinded()
	h.taken <- struct{}{}
}

func (h *minding) Hung() { h.hung <- struct{}{} }

func TestLoopTellsWhenThePeerOfAGoroutineLeaves(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	h := &minding{c: c, taken: make(chan struct{}, 1), hung: make(chan struct{}, 4)}
	c.Hand(h, true)
	<-h.taken
	_, _ = io.WriteString(peer, "x")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatalf("a minded connection cannot be read: %v", err)
	}
	if c.Ended() {
		t.Error("bytes are taken for a hang-up")
	}
	_ = peer.Close()
	<-h.hung
	if !c.Ended() {
		t.Error("told of a hang-up that Ended does not know")
	}
}

// soon is a moment until which what a test waits for has come.
func soon() int64 { return Nanos() + int64(10*time.Second) }

// quiet reports that c may carry another request.
func quiet(c *Conn) bool { return c.Look() == FoundSilence }
