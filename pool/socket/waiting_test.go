package socket

import (
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A loop waits that is kept from an event, until it has dealt with that.
func TestLoopsWait(t *testing.T) {
	c, peer, free := heldUp(t)
	heard := &counting{c: c, seen: make(chan string, 8), err: make(chan error, 8)}
	c.Hand(heard, false)
	becomes := func(want bool) {
		t.Helper()
		for by := time.Now().Add(10 * time.Second); loopsWait() != want; {
			if time.Now().After(by) {
				t.Fatalf("loopsWait is %v for 10 s; want %v", !want, want)
			}
		}
	}
	_, _ = io.WriteString(peer, "x")
	becomes(true)
	free()
	<-heard.seen
	becomes(false)
}

// A loop does not go to sleep on a look that it has made while somebody peeked: the kernel may have shown it
// nothing although something was there.
func TestLookDuringAPeekIsMadeAgain(t *testing.T) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(epfd) }()
	l := &Loop{epfd: epfd} // which does not run
	look := func() bool { return l.lookStep(uintptr(l.epfd)) }
	if look() {
		t.Error("a look that finds nothing goes on; want it to sleep")
	}
	peeks.began.Add(1)
	if !look() {
		t.Error("a look during a peek sleeps; want another one")
	}
	peeks.ended.Add(1)
	if look() {
		t.Error("a look behind a peek goes on; want it to sleep")
	}
}
