package socket

import (
	"io"
	"testing"
	"time"
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
