package http2

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// A stream to a backend that is used again, and given up before it has a number, ends no other one: the number
// that it had before may be another's by now.
func TestStreamUsedAgainHasNoNumber(t *testing.T) {
	s := &Session{client: &client{nextID: 1, streamsMax: 10}, conn: &socket.Conn{}, shard: &Shard{}}
	other := &Stream{session: s, id: 5}
	s.mu.streams = map[uint32]*Stream{5: other}
	st := s.newRequest(true)
	st.id, st.promise = 5, false // it was that one before
	st.Recycle()
	s.client.reserved = 1
	again := s.newRequest(true)
	if again != st {
		t.Fatal("a new stream was made; want the one that was given back")
	}
	again.close()
	if s.mu.streams[5] != other || s.client.reserved != 0 {
		t.Errorf("stream 5 is %p, %d are reserved; want %p, none", s.mu.streams[5], s.client.reserved, other)
	}
}
