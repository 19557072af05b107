package socket

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestClassesCoverEverySize(t *testing.T) {
	for _, tc := range []struct{ size, want int }{
		{0, 4 << 10},
		{1, 4 << 10},
		{4 << 10, 4 << 10},
		{4<<10 + 1, 8 << 10},
		{16 << 10, 16 << 10},
		{100_000, 128 << 10},
		{1 << 20, 1 << 20},
		{1 << 30, 1 << 20},
	} {
		if got := BufferSizeMin << classOf(tc.size); got != tc.want {
			t.Errorf("%d bytes: got a buffer of %d; want %d", tc.size, got, tc.want)
		}
	}
}

func TestBufferKeepsWhatIsNotConsumed(t *testing.T) {
	var b Buffer
	b.Sized(4 << 10)
	if !b.Append([]byte("hello world")) {
		t.Fatal("no room in an empty buffer")
	}
	b.Discard(6)
	if !b.Append(make([]byte, 4<<10-5)) || b.Append([]byte("x")) {
		t.Error("a full buffer took more, or one with room refused")
	}
	if got := string(b.Bytes()[:5]); got != "world" || !b.Full() {
		t.Errorf("got %q, full %v; want world and full", got, b.Full())
	}
	b.Release()
	if b.Held() || b.Len() != 0 {
		t.Error("a released buffer holds memory or bytes")
	}
}

// Whoever waits for bytes holds no memory for them, in the loop and in a
// goroutine alike: that is what an idle connection costs.
func TestWaitingBufferHoldsNoMemory(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	var b Buffer
	b.Sized(16 << 10)
	_, _ = io.WriteString(peer, "x")
	if _, err := b.ReadFrom(c, 1<<10); err != nil || b.Len() != 1 {
		t.Fatalf("got %d bytes, %v; want one", b.Len(), err)
	}
	b.Discard(1)
	c.Wait(false)
	if _, err := b.ReadFrom(c, 1<<10); !errors.Is(err, ErrWouldBlock) || b.Held() {
		t.Errorf("in the loop: %v, memory held %v; want to wait without", err, b.Held())
	}
	c.Wait(true)
	c.SetReadBy(Nanos() + int64(time.Millisecond))
	if _, err := b.ReadFrom(c, 1<<10); !IsTimeout(err) || b.Held() {
		t.Errorf("in a goroutine: %v, memory held %v; want a timeout without", err, b.Held())
	}
}

func TestBufferKeepsWhatIsConsumedWhileThereIsRoom(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	var b Buffer
	b.Sized(4 << 10)
	b.Keep()
	read := func(text string) {
		t.Helper()
		_, _ = io.WriteString(peer, text)
		for b.Len() < len(text) {
			if _, err := b.ReadFrom(c, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		b.Discard(b.Len())
	}
	read("one")
	read("two")
	c.Wait(false)
	if _, err := b.ReadFrom(c, 1); !errors.Is(err, ErrWouldBlock) || !b.Kept() {
		t.Fatalf("got %v, kept %v; want everything kept while it waits", err, b.Kept())
	}
	c.Wait(true)
	b.Rewind()
	if got := string(b.Bytes()); got != "onetwo" {
		t.Errorf("got %q; want onetwo", got)
	}
	b.Discard(6)
	read(strings.Repeat("x", 4<<10-6))
	if !b.Kept() {
		t.Error("not kept although everything fits")
	}
	read("y")
	if b.Kept() {
		t.Error("kept although there was no room")
	}
	b.Release()
	b.Keep()
	b.Release()
	if b.Kept() {
		t.Error("kept after the release")
	}
}

func TestRoomIsWhatAppendTakes(t *testing.T) {
	for _, held := range []string{"", "held", "held, and a part consumed"} {
		var b Buffer
		b.Sized(5000)
		if held != "" {
			b.Append([]byte(held))
			b.Discard(len(held) / 2)
		}
		room := b.Room()
		if b.Append(make([]byte, room+1)) {
			t.Errorf("with %q: %d bytes fitted; want %d at most", held, room+1, room)
		}
		if !b.Append(make([]byte, room)) || b.Room() != 0 {
			t.Errorf("with %q: %d bytes did not fit", held, room)
		}
		b.Release()
	}
}
