package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// drop is what is known of a request that is dropped.
type drop struct {
	left     int   // bytes that may come, frames and all
	owed     int   // bytes whose window was not given back
	byNanos  int64 // when it is reset if nothing comes, and endNanos in any case
	endNanos int64
}

// dropRestLocked lets the rest of a request come that is answered, until it has been
// silent for dropTime; then the client is told to stop by a reset without an error, as
// RFC 9113 section 8.1 has it. One that comes with the answer, or while the client is
// sending, is a failure to many (curl takes a 200 for one), and without one some send
// nothing behind the end of an answer, and wait. Windows are given back meanwhile, for
// dropMax bytes. These streams are open to the client, and count as such.
func (s *Session) dropRestLocked(st *Stream) {
	m := &s.mu
	if m.dropping == nil {
		m.dropping = make(map[uint32]drop)
	}
	nowNanos := socket.Nanos()
	d := drop{left: dropMax, byNanos: nowNanos + int64(dropTime), endNanos: nowNanos + int64(dropTimeMax)}
	m.dropping[st.id] = d
	m.dropBy = socket.Earlier(m.dropBy, d.byNanos)
	if st.taken > 0 {
		s.appendLocked(frame.AppendWindowUpdate(nil, st.id, uint32(st.taken)))
	}
	s.conn.Again() // the loop sets the alarm
}

// dropFrameLocked takes a frame of such a request.
func (s *Session) dropFrameLocked(id uint32, size int, end bool) bool {
	m := &s.mu
	d, ok := m.dropping[id]
	d.left -= frame.HeaderBytes + size
	d.owed += size
	switch {
	case !ok:
		return false
	case end:
		delete(m.dropping, id)
		s.keepResetLocked(id) // it may be spoken of once more
		s.nudgeLocked()
		return true
	case d.left < -stream.Window: // more than any window that it was given
		delete(m.dropping, id)
		s.resetLocked(id, frame.CodeNone)
		return true
	case d.left > 0 && d.owed >= stream.Window/4:
		s.appendLocked(frame.AppendWindowUpdate(nil, id, uint32(d.owed)))
		d.owed = 0
	}
	d.byNanos = min(socket.Nanos()+int64(dropTime), d.endNanos)
	m.dropping[id] = d
	return true
}

// stopDropped resets the requests that have had their time. The loop calls it.
func (s *Session) stopDropped(nowNanos int64) {
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	if !passed(m.dropBy, nowNanos) {
		return
	}
	m.dropBy = 0
	for id, d := range m.dropping {
		if !passed(d.byNanos, nowNanos) {
			m.dropBy = socket.Earlier(m.dropBy, d.byNanos)
			continue
		}
		delete(m.dropping, id)
		s.resetLocked(id, frame.CodeNone)
	}
	if passed(m.nudgeBy, nowNanos) {
		m.nudgeBy = 0
		s.appendLocked(frame.AppendPing(nil, nudgePing))
	}
	m.dropBy = socket.Earlier(m.dropBy, m.nudgeBy)
	s.wroteLocked(true)
}

// endedLocked is the end of the content by the peer.
func (st *Stream) endedLocked() {
	st.input.End()
	if st.output.Done() && st.session.client == nil {
		st.session.nudgeLocked()
	}
}

// nudgeLocked has a client hear something in dropTime: the end of its request has come
// behind that of our answer. curl 7.88 may sleep then until it hears anything at all (a
// third of requests of 3 bytes to a redirect; none of 40 with a PING).
func (s *Session) nudgeLocked() {
	m := &s.mu
	m.nudgeBy = socket.Earlier(m.nudgeBy, socket.Nanos()+int64(dropTime))
	m.dropBy = socket.Earlier(m.dropBy, m.nudgeBy)
	s.conn.Again() // the loop sets the alarm
}
