package attempt

import (
	"io"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// aged is a peer whose connections live for so long.
func aged(t *testing.T, start func(testing.TB) *peerOf, age time.Duration) *peerOf {
	t.Helper()
	b := start(t)
	linkOf(b.hc).clients.CloseIdle()
	linkOf(b.hc).clients.Options.connections.MaxAge = age
	return b
}

// A connection that has had its time is closed while it waits, also where nobody asks
// for it, whether in the pool or parked.
func TestOldConnectionIsClosedWhileItWaits(t *testing.T) {
	for _, answer := range []string{rig.OKAnswer, emptyAnswer} {
		for over, start := range peers() {
			t.Run(over, func(t *testing.T) {
				b := aged(t, start, 300*time.Millisecond)
				var a Attempt
				b.openFresh(&a, ReuseFree)
				began := socket.Nanos()
				b.exchange(&a, answer)
				_ = b.SetReadDeadline(time.Now().Add(10 * time.Second))
				if n, err := b.stream.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // unwrapped
					t.Fatalf("the backend reads %d bytes, %v; want the end", n, err)
				}
				if took := time.Duration(socket.Nanos() - began); took > 5*time.Second {
					t.Errorf("it was closed after %v; want at most 300 ms", took)
				}
				if out := a.OpenPooled(b.hc, ReuseFree); out != Pending {
					t.Errorf("the loop got %v; want %v", out, Pending)
				}
				if linkOf(b.hc).clients.ages.known() {
					t.Error("an age was learnt; want none")
				}
			})
		}
	}
}

// An exchange under way is left alone, and its connection is not used again.
func TestOldConnectionIsClosedBehindItsExchange(t *testing.T) {
	for over, start := range peers() {
		t.Run(over, func(t *testing.T) {
			b := aged(t, start, 20*time.Millisecond)
			var a Attempt
			b.openFresh(&a, ReuseFree)
			b.send(&a)
			b.receive()
			b.until(reuseOf(a.conn).IsOld)
			b.say(rig.OKAnswer)
			if out := a.Head(false, rig.Soon()); out != OK {
				t.Fatalf("head: %v", out)
			}
			if _, out := a.Next(rig.Soon()); out != OK || !a.Done() {
				t.Fatalf("content: %v", out)
			}
			a.Close(true, socket.Nanos())
			if open, _ := linkOf(b.hc).clients.Counts(); open != 0 {
				t.Errorf("%d connections are open; want 0", open)
			}
		})
	}
}

func TestAgesAreSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		age := socket.Sooner(time.Hour)
		if age > time.Hour || age < 54*time.Minute {
			t.Fatalf("got %v; want 54 minutes to an hour", age)
		}
		seen[age] = true
	}
	if len(seen) < 50 {
		t.Errorf("got %d different ages of 100; want most of them to differ", len(seen))
	}
	if got := socket.Sooner(1); got != 1 {
		t.Errorf("got %v; want 1", got)
	}
}
