package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// resetStream answers a fault of a stream. Its exchange, if it runs, sees the client
// leave.
func (s *Session) resetStream(id uint32, code frame.Code) {
	m := &s.mu
	s.lock()
	st := m.streams[id]
	if st != nil && st.gone {
		st = nil
	}
	s.resetLocked(id, code)
	begun := st != nil && st.loseLocked(faultError(s.client, code))
	s.wroteLocked(true)
	s.unlock()
	s.host.Failed(code)
	if st != nil {
		st.leave(begun)
	}
}

// faultError is what a reader sees of a stream that we have reset for a fault.
func faultError(c *client, code frame.Code) error {
	if c != nil && code == frame.CodeProtocol {
		return socket.ErrStreamBad
	}
	return stream.ErrReset
}

func (s *Session) resetLocked(id uint32, code frame.Code) {
	s.keepResetLocked(id)
	s.appendLocked(frame.AppendRSTStream(nil, id, code))
}

func (s *Session) keepResetLocked(id uint32) {
	m := &s.mu
	m.resets[m.resetAt] = id
	m.resetAt = (m.resetAt + 1) % resetsKept
}

func (s *Session) wasResetLocked(id uint32) bool {
	for _, known := range &s.mu.resets {
		if known == id {
			return true
		}
	}
	return false
}

// end sends GOAWAY and ends the session: all exchanges see their client leave, and
// what still comes is dropped for a while.
func (s *Session) end(code frame.Code, why string) {
	if s.dead {
		s.finish()
		return
	}
	m := &s.mu
	s.lock()
	m.away = true
	s.appendLocked(frame.AppendGoAway(nil, s.served, code, why))
	s.flushLocked()
	stuck := m.stuck
	s.unlock()
	if code != frame.CodeNone {
		s.host.Failed(code)
	}
	s.abandon()
	if stuck || s.client != nil && !s.mu.settled {
		s.finish()
		return
	}
	s.hangUp()
}

// hangUp ends our side. What the peer still sends is dropped for a while: closing
// with unread bytes would be a reset, which can overtake what was sent last.
func (s *Session) hangUp() {
	s.dead, s.times.dead = true, socket.Nanos()
	m := &s.mu
	s.lock()
	m.closed = true
	m.out.Drop()
	s.unlock()
	if s.conn.CloseWrite() != nil {
		s.finish()
		return
	}
	s.setAlarm()
}

// abandon tells every exchange that its client has left.
func (s *Session) abandon() {
	m := &s.mu
	s.lock()
	list, aside := make([]*Stream, 0, len(m.streams)), []*Stream(nil)
	for _, st := range m.streams {
		switch {
		case st.gone:
		case st.loseLocked(socket.ErrStreamLost):
			list = append(list, st)
		default:
			aside = append(aside, st)
		}
	}
	s.unlock()
	for _, st := range list {
		st.leave(true)
	}
	for _, st := range aside {
		st.leave(false)
	}
}

// finish is the end: the host closes the connection. Exchanges that still run in
// goroutines find everything closed.
func (s *Session) finish() {
	if s.over {
		return
	}
	m := &s.mu
	s.lock()
	m.closed = true
	m.out.Drop()
	s.unlock()
	s.abandon()
	s.over = true
	if !s.mu.settled {
		s.lock()
		s.welcomeLocked() // nobody has to wait for it
		s.unlock()
	}
	s.in.Release()
	s.block.bytes.Drop()
	s.host.Closed()
}

// Drain makes the session end when its exchanges have: GOAWAY says so to the peer
// (RFC 9113 section 6.8), in two steps since it may have opened a stream meanwhile.
// The loop calls it.
func (s *Session) Drain() {
	if s.beginDrain() {
		s.finishTurn()
	}
}

// beginDrain is the first step, once: of a drain, or of the end of a session that is
// idle, which a request may cross just the same.
func (s *Session) beginDrain() bool {
	m := &s.mu
	s.lock()
	if m.away || s.over || s.drained > 0 {
		s.unlock()
		return false
	}
	s.drained, s.times.drained = 1, socket.Nanos()
	s.appendLocked(frame.AppendGoAway(nil, frame.StreamMax, frame.CodeNone, ""))
	s.appendLocked(frame.AppendPing(nil, drainPing))
	s.wroteLocked(true)
	s.unlock()
	return true
}

// What our PINGs carry: one is answered to tell that a GOAWAY has been seen, the others
// only to be heard.
var (
	drainPing = [8]byte{'d', 'r', 'a', 'i', 'n'}
	nudgePing = [8]byte{'n', 'u', 'd', 'g', 'e'}
)

// goAway is the second step. The peer has answered our PING, so it has seen the first
// one, and no stream comes any more that it opened before; or it leaves the PING
// unanswered.
func (s *Session) goAway() {
	s.drained = 2
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.away = true
	s.appendLocked(frame.AppendGoAway(nil, s.served, frame.CodeNone, ""))
	s.wroteLocked(true)
}

// busy reports that exchanges run. Any goroutine may call it.
func (s *Session) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.streams) > 0 || s.client != nil && s.client.reserved > 0
}

// Each calls f for every stream whose exchange runs. The loop calls it.
func (s *Session) Each(f func(*Stream)) {
	m := &s.mu
	s.lock()
	list := make([]*Stream, 0, len(m.streams))
	for _, st := range m.streams {
		if !st.isAhead() {
			list = append(list, st)
		}
	}
	s.unlock()
	for _, st := range list {
		f(st)
	}
}
