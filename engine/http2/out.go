package http2

import (
	"errors"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// appendLocked appends frames to those on their way.
func (s *Session) appendLocked(frames []byte) {
	m := &s.mu
	if m.closed || m.out.Append(frames) {
		return
	}
	// Far above outHard. Without a frame, those behind it would mean something else.
	m.closed = true
	m.out.Drop()
	s.conn.Abort()
}

// flushLocked writes as much as the socket takes. A write that has to wait keeps
// nothing: the next one begins with the first byte that was not taken.
func (s *Session) flushLocked() {
	m := &s.mu
	if m.stuck || m.closed {
		return
	}
	n, err := s.conn.Writev(m.out.Bytes(), nil, nil)
	m.written += int64(n)
	m.out.Discard(n)
	switch {
	case errors.Is(err, socket.ErrWouldBlock):
		m.stuck = true
		m.fullNanos, m.queued = socket.Nanos(), s.conn.Queued()
	case err != nil:
		m.closed = true // reading tells why
		m.out.Drop()
	}
}

// wroteLocked makes sure that what was appended goes out: at the end of the loop's
// round or, where a goroutine has written, now.
func (s *Session) wroteLocked(inLoop bool) {
	m := &s.mu
	switch {
	case m.later || m.stuck:
	case inLoop:
		m.later = true
		s.conn.Later()
	default:
		s.flushElsewhereLocked()
	}
}

// flushElsewhereLocked is flushLocked for a goroutine: what follows is the loop's, to
// wait for room, or to tell of it.
func (s *Session) flushElsewhereLocked() {
	m := &s.mu
	if m.stuck {
		return
	}
	s.flushLocked()
	m.met = m.stuck
	if m.stuck || m.waiting[waitRoom] > 0 {
		s.conn.Again()
	}
}

// What our PINGs carry: one is answered to tell that a GOAWAY has been seen, the others
// only to be heard.
var (
	drainPing = [8]byte{'d', 'r', 'a', 'i', 'n'}
	nudgePing = [8]byte{'n', 'u', 'd', 'g', 'e'}
)
