package attempt

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// However many clients read slowly, what their answers hold together is bounded: late
// comers get small buffers, and everything comes back.
func TestBuffersOfSlowReadersAreBounded(t *testing.T) {
	before := roomsTaken.Load()
	const readers = 20000
	all := make([]Attempt, readers)
	for i := range all {
		a := &all[i]
		a.body.Begin(wire.ChunkedBody, 0)
		a.in.Sized(ResponseHeadMax)
		a.widen()
		a.widen() // of the next read
		if size := a.in.Room(); i < 1000 && size != relayRoom || i == readers-1 && size != socket.BufferSizeMin {
			t.Fatalf("reader %d got %d bytes", i, size)
		}
	}
	if got, most := roomsTaken.Load(), rooms[len(rooms)-1].upTo+readers*socket.BufferSizeMin; got > most {
		t.Errorf("%d bytes are held; want at most %d", got, most)
	}
	for i := range all {
		all[i].narrow()
		all[i].narrow()
	}
	if got := roomsTaken.Load(); got != before {
		t.Errorf("%d bytes are held at the end; want %d", got, before)
	}
	var short Attempt
	short.body.Begin(wire.Length, 100)
	short.in.Sized(ResponseHeadMax)
	short.widen()
	if short.room != 0 {
		t.Error("a short answer got a buffer for a long one")
	}
}

// TestContentIsKeptShort: a piece of long content is none longer than one of a short one,
// until the next attempt.
func TestContentIsKeptShort(t *testing.T) {
	var a Attempt
	begin := func() int {
		a.body.Begin(wire.ChunkedBody, 0)
		a.in.Sized(ResponseHeadMax)
		return a.in.Room()
	}
	want := begin()
	before := roomsTaken.Load()
	a.KeepShort()
	a.widen()
	if a.in.Room() != want || roomsTaken.Load() != before {
		t.Errorf("got room for %d bytes; want the %d of a head", a.in.Room(), want)
	}
	a.narrow()
	begin()
	a.widen()
	if a.in.Room() != relayRoom {
		t.Errorf("afterwards: got room for %d bytes; want %d", a.in.Room(), relayRoom)
	}
	a.KeepShort() // too late
	a.narrow()
	if roomsTaken.Load() != before {
		t.Errorf("%d bytes are held at the end; want %d", roomsTaken.Load(), before)
	}
}
