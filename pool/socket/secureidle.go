package socket

import (
	"bytes"
	"errors"
	"io"
)

// crypto/tls keeps the buffers of its reader for the life of a connection: 3.5
// KiB after a ClientHello with a post-quantum key share, and 17 KiB more after
// the first large record. On connections that wait most of the time this is half
// of what they cost, or more (5,000 idle connections: 12.3 to 13.3 KB each with
// them, GC slack included). And each time it looks at the socket it makes a small
// reader on the heap, the only allocation of an exchange.
//
// There is no way around either but by the places of the buffers, which
// securelayout.go knows: the socket is read into memory of ours that crypto/tls takes for
// its own, and is given back when nothing is in it. Where a version of Go has the
// buffers elsewhere, or uses them otherwise, crypto/tls reads by itself and keeps what it
// has; CheckTLS says so, and TestSecureConnGivesBuffersBack fails.

// buffers are those of the reader: see layout.of. ok is false where their places are not
// known.
func (s *secure) buffers() (raw *bytes.Buffer, input *bytes.Reader, hand *bytes.Buffer, ok bool) {
	if !s.places.known() {
		return nil, nil, nil, false
	}
	raw, input, hand = s.places.of(s.tls)
	return raw, input, hand, true
}

// errNoCloseNotify is the end of a backend's connection without the alert that
// announces it. Whoever cuts a connection can make one, so an answer that only an
// end would complete is not complete (RFC 9112 section 9.8).
var errNoCloseNotify = errors.New("the backend ended the connection without a close_notify")

const (
	// readAheadRoom takes the largest record in one read, and often the next.
	readAheadRoom = 32 << 10
	// recordMax is the largest content of a record that crypto/tls takes.
	recordMax = 16<<10 + 2<<10
)

// readAhead reads the socket for crypto/tls, which has neither clear text nor a
// whole record. It reports whether a read of crypto/tls makes sense: a whole
// record is there, or an end.
func (s *secure) readAhead() bool {
	raw, _, _, ok := s.buffers()
	if !ok || len(s.early) > 0 {
		return true // it reads by itself
	}
	for s.whole == 0 && s.left <= recordMax {
		p := s.room(raw)
		n, err := s.socket(p)
		if err != nil {
			s.failed = err
			return true
		}
		if n == 0 {
			return false
		}
		_, _ = raw.Write(p[:n]) // where they are already
	}
	return true
}

// room is what is free behind the records in raw: enough for the rest of the one
// under way. Clients get little until they announce more: many of them can begin
// a record at the same time and leave it at that.
func (s *secure) room(raw *bytes.Buffer) []byte {
	need := s.left + bytes.MinRead
	if raw.Available() < need {
		old, n := s.ahead, raw.Len()
		if old == nil || n+need > len(old.b) {
			least := BufferSizeMin
			if s.client {
				least = readAheadRoom
			}
			s.ahead = takeMemory(max(n+need, least))
		}
		n = copy(s.ahead.b, raw.Bytes())
		*raw = *bytes.NewBuffer(s.ahead.b[:n])
		if old != nil && old != s.ahead {
			giveMemory(old)
		}
	}
	p := raw.AvailableBuffer()
	return p[:cap(p)]
}

// socket is one read of the socket, after the handshake; 0 and nil mean that
// nothing is there.
func (s *secure) socket(p []byte) (int, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	if s.c.rd.state.Load()&(bitReady|bitHung) == 0 {
		return 0, nil
	}
	n, err := s.c.trySocket(p)
	s.saw(p[:n])
	if err == io.EOF && s.client { //nolint:errorlint // trySocket's own, unwrapped
		err = errNoCloseNotify
	}
	return n, err
}

// shrink gives back what is empty. Only the reader may call it.
func (s *secure) shrink() {
	raw, input, hand, ok := s.buffers()
	if !ok {
		return
	}
	if input.Len() == 0 && raw.Len() == 0 && raw.Cap() > 0 {
		s.giveBack(raw, input)
	}
	if hand.Len() == 0 && hand.Cap() > 0 {
		*hand = bytes.Buffer{}
	}
}

func (s *secure) giveBack(raw *bytes.Buffer, input *bytes.Reader) {
	input.Reset(nil)
	*raw = bytes.Buffer{}
	if s.ahead != nil {
		mangle(s.ahead.b)
		giveMemory(s.ahead)
		s.ahead = nil
	}
}

// drop gives all memory back, with what is in it. Nobody reads or writes any more.
func (s *secure) drop() {
	s.out.drop()
	if raw, input, _, ok := s.buffers(); ok {
		s.giveBack(raw, input)
	}
}
