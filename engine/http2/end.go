package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// fail answers a fault: a stream is reset, a session ended. One that is idle may not
// be reset.
func (s *Session) fail(id uint32, f *frame.Fault) {
	if f.Stream && !s.isIdle(id) {
		s.resetStream(id, f.Code)
		f = s.pay(stream.CostReset)
	}
	if f != nil {
		s.end(f.Code, f.Cause)
	}
}

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

// isNew reports that the session has just begun, so that its first request is on its way:
// see stream.NewTime.
func (s *Session) isNew() bool {
	return s.client == nil && s.lastID == 0 && !passed(deadline(s.times.opened, stream.NewTime), socket.Nanos())
}

// leaveInTime begins the drain of a session that was asked to leave, once it is not new any more.
func (s *Session) leaveInTime() {
	if s.leaves && s.drained == 0 && !s.isNew() {
		s.beginDrain()
	}
}

// beginDrain is the first step, once: of a drain, or of the end of a session that is
// idle, which a request may cross just the same.
func (s *Session) beginDrain() {
	m := &s.mu
	s.lock()
	if m.away || s.over || s.drained > 0 {
		s.unlock()
		return
	}
	s.drained, s.times.drained = 1, socket.Nanos()
	s.appendLocked(frame.AppendGoAway(nil, frame.StreamMax, frame.CodeNone, ""))
	s.appendLocked(frame.AppendPing(nil, drainPing))
	s.wroteLocked(true)
	s.unlock()
}

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

// Crashed ends the session when a call of the loop has met a bug: what it knows of its
// streams, and of what is half written, cannot be trusted any more. All exchanges see
// their peer leave, and the connection is closed.
func (s *Session) Crashed() {
	if s.locked {
		s.unlock()
	}
	if s.over {
		return
	}
	s.over, s.dead = true, true
	for _, st := range s.lost() {
		safely.Do("crash", func() { st.Conn.Left(true) }, func() { _ = st.Conn.Close() })
	}
	s.in.Release()
	s.block.bytes.Drop()
	s.host.Failed(frame.CodeInternal)
	s.host.Closed()
}

// lost closes the session for everybody, and returns the streams that have to be told.
func (s *Session) lost() (list []*Stream) {
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.closed, m.away = true, true
	m.out.Drop()
	if !m.settled {
		s.welcomeLocked() // nobody has to wait for it
	}
	for id, st := range m.streams {
		switch {
		case st.isAhead():
			delete(m.streams, id)
		case !st.gone:
			st.gone = true
			st.input.Fail(socket.ErrStreamLost)
			list = append(list, st)
		}
	}
	return list
}
