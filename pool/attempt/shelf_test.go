package attempt

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// shelved takes the idle connection of b and puts it back as one that was last used then.
func (b *peerOf) shelved(idleNanos int64) *socket.Conn {
	b.t.Helper()
	c, err := leases.take(b.hc)
	if err != nil {
		b.t.Fatal(err)
	}
	c.Wake()
	if !c.Rest(idleNanos) {
		b.t.Fatal("the connection is closed already")
	}
	leases.put(b.hc, c)
	return c
}

// TestTheOldestLeaveTheShelf: what was not used for the limit is taken away, wherever it
// lies, and the last one used is the next one to be used.
func TestTheOldestLeaveTheShelf(t *testing.T) {
	b := newPeer(t)
	k := linkOf(b.hc)
	k.clients.Options.connections.Idle = time.Hour
	b.shelved(1000)
	c, err := leases.take(b.hc)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error, 1)
	go func() { accepted <- b.accept() }()
	other, err := leases.take(b.hc) // the shelf is empty: it is dialled
	if err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	other.Rest(3000)
	leases.put(b.hc, other)
	leases.put(b.hc, c)
	if open, idle := k.clients.Counts(); open != 2 || idle != 2 {
		t.Fatalf("%d open, %d idle; want 2 and 2", open, idle)
	}
	if list := k.shelf.due(1999, 1000); len(list) != 0 {
		t.Errorf("%d are due; want none", len(list))
	}
	list := k.shelf.due(2000, 1000)
	if len(list) != 1 || list[0] != c {
		t.Fatalf("%d are due; want the one that was used at 1000", len(list))
	}
	if !k.shelf.mu.runs {
		t.Error("nobody looks after the other one")
	}
	k.dropIdle(c)
	if open, idle := k.clients.Counts(); open != 1 || idle != 1 {
		t.Errorf("%d open, %d idle; want 1 and 1", open, idle)
	}
	if next := k.shelf.pop(); next != other {
		t.Error("the one that stays is not there any more")
	} else {
		reuseOf(next).shelved = false
		leases.put(b.hc, next)
	}
	if list := k.shelf.due(5000, 1000); len(list) != 1 || k.shelf.mu.runs {
		t.Errorf("%d are due, the timer runs: %v; want one, and nothing to wait for", len(list), k.shelf.mu.runs)
	} else {
		k.dropIdle(other)
	}
}

// TestIdleConnectionsEndByThemselves, and one that is in use meanwhile does not.
func TestIdleConnectionsEndByThemselves(t *testing.T) {
	b := newPeer(t)
	k := linkOf(b.hc)
	k.clients.Options.connections.Idle = 20 * time.Millisecond
	var a Attempt
	b.open(&a, ReuseFree)
	if k.shelf.len() != 0 {
		t.Fatal("the connection in use lies on the shelf")
	}
	b.exchange(&a, rig.OKAnswer)
	_ = b.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := b.stream.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // unwrapped
		t.Errorf("the backend reads %d bytes, %v; want the end of the connection", n, err)
	}
	b.until(func() bool {
		open, idle := k.clients.Counts()
		return open == 0 && idle == 0
	})
	b.openFresh(&a, ReuseFree)
	b.exchange(&a, rig.OKAnswer)
}

// TestClosedConnectionsLeaveNothingBehind: no timer, and no goroutine that sleeps for as
// long as a connection might have been idle.
func TestClosedConnectionsLeaveNothingBehind(t *testing.T) {
	b := newPeer(t)
	k := linkOf(b.hc)
	k.clients.Options.connections.Idle = time.Hour
	b.shelved(socket.Nanos())
	if !k.shelf.mu.runs {
		t.Fatal("nothing would end the idle connection")
	}
	k.clients.CloseIdle()
	if open, idle := k.clients.Counts(); open != 0 || idle != 0 || k.shelf.mu.runs {
		t.Errorf("%d open, %d idle, the timer runs: %v", open, idle, k.shelf.mu.runs)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if strings.Contains(string(stacks), "connsCleaner") {
		t.Errorf("the HostClient has a goroutine of its own:\n%s", stacks)
	}
}

// TestAConnectionIsGivenBackOnce: it would serve two exchanges at the same time.
func TestAConnectionIsGivenBackOnce(t *testing.T) {
	b := newPeer(t)
	c := b.shelved(socket.Nanos())
	defer func() {
		if recover() == nil {
			t.Error("it was taken back twice")
		}
	}()
	leases.put(b.hc, c)
}
