package socket

import (
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// calls counts what the loop says to a connection.
type calls struct {
	n   int
	do  func(n int)
	out chan int
}

func (k *calls) Ready() {
	k.n++
	k.do(k.n)
	k.out <- k.n
}

func await(t *testing.T, k *calls) int {
	t.Helper()
	select {
	case n := <-k.out:
		return n
	case <-time.After(10 * time.Second):
		t.Fatal("the loop did not call")
		return 0
	}
}

// A call that was asked for before Close must not come after it: by then the
// descriptor may belong to another client's connection.
func TestClosedConnIsNotCalled(t *testing.T) {
	l := testLoop(t)
	c, _ := pair(t, l)
	k := &calls{out: make(chan int, 8)}
	k.do = func(n int) {
		if n == 1 {
			c.Again()
			_ = c.Close()
		}
	}
	c.Hand(k, true)
	await(t, k)
	other, _ := pair(t, l)
	last := &calls{out: make(chan int, 8), do: func(int) {}}
	other.Hand(last, true) // posted later, so called later
	await(t, last)
	if n := len(k.out); n != 0 {
		t.Errorf("%d calls came after Close; want 0", n)
	}
}

// A connection that is given to the loop with a deadline is called then, also
// when it has never been read from, and when an older deadline has passed while
// nobody waited.
func TestHandedAndWatchedConnsAreLate(t *testing.T) {
	l := testLoop(t)
	for _, tc := range []struct {
		name string
		give func(*Conn, Handler)
	}{
		{"handed", func(c *Conn, h Handler) { c.Hand(h, false) }},
		{"watched", func(c *Conn, h Handler) { c.Wait(false); c.Watch(h) }},
	} {
		for _, before := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				c, peer := pair(t, l)
				if before {
					c.SetReadBy(Nanos() + int64(20*time.Millisecond))
					if _, err := c.Read(make([]byte, 1)); err == nil {
						t.Fatal("read something; want a timeout")
					}
					c.SetReadBy(Nanos() + int64(20*time.Millisecond)) // armed by this read, fires while idle
					go func() { _, _ = io.WriteString(peer, "x") }()
					if _, err := c.Read(make([]byte, 1)); err != nil {
						t.Fatal(err)
					}
					other, _ := pair(t, l) // whose deadline is later, of the same loop
					other.SetReadBy(Nanos() + int64(20*time.Millisecond))
					if _, err := other.Read(make([]byte, 1)); err == nil {
						t.Fatal("read something; want a timeout")
					}
				}
				errs := make(chan error, 8)
				k := &calls{out: make(chan int, 8), do: func(int) {
					_, err := c.Read(make([]byte, 1))
					errs <- err
				}}
				c.SetReadBy(Nanos() + int64(50*time.Millisecond))
				tc.give(c, k)
				for await(t, k); ; await(t, k) {
					if err := <-errs; err != ErrWouldBlock { //nolint:errorlint // our own, unwrapped
						if !IsTimeout(err) {
							t.Errorf("got %v; want a timeout", err)
						}
						return
					}
				}
			})
		}
	}
}

// The kernel's word about a descriptor's last owner is not about the new one.
func TestStaleEventDoesNotBreakTheNextConn(t *testing.T) {
	l := testLoop(t)
	c, _ := pair(t, l)
	hangUp := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLHUP | unix.EPOLLRDHUP, Fd: int32(c.fd), Pad: c.serial}
	stale := hangUp
	stale.Pad--
	events := []*unix.EpollEvent{&stale, &hangUp}
	k := &calls{out: make(chan int, 8), do: func(n int) { l.deliver(events[n-1]) }} // in the loop's goroutine, whose it is
	other, _ := pair(t, l)
	other.Hand(k, true)
	await(t, k)
	if c.Broken() || !quiet(c) {
		t.Error("the connection looks closed; want it as it was")
	}
	other.Again()
	await(t, k)
	if !c.Broken() || quiet(c) {
		t.Error("the connection looks open; want it closed")
	}
}
