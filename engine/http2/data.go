package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// beginData takes the header of a DATA frame, and the length of its padding where it
// has some; 0: more bytes are needed.
func (s *Session) beginData(h frame.Header, rest []byte) (used int) {
	pad := 0
	used = frame.HeaderBytes
	if h.Flags.Has(frame.FlagPadded) {
		if len(rest) == 0 {
			return 0
		}
		pad = int(rest[0]) + 1
		used++
	}
	s.checked = false
	if pad > int(h.Length) {
		s.end(frame.ErrPadding.Code, frame.ErrPadding.Cause)
		return used
	}
	d := &s.data
	*d = inData{id: h.Stream, left: int(h.Length) - pad, pad: max(pad-1, 0), end: h.Flags.Has(frame.FlagEndStream)}
	st, f := s.admitData(h, d.left)
	d.stream = st
	if f == nil && h.Length == 0 && !d.end {
		f = s.pay(stream.CostFrame)
	}
	if f != nil {
		s.fail(h.Stream, f)
	}
	if pad > 0 {
		s.giveBack(st, pad)
	}
	switch {
	case d.left == 0:
		s.endData()
	case d.stream != nil && st.isAhead():
		s.begin(st, true)
	}
	return used
}

// admitData counts the frame against the windows, and finds who it is for.
func (s *Session) admitData(h frame.Header, content int) (*Stream, *frame.Fault) {
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.taken += int64(h.Length)
	st := m.streams[h.Stream]
	switch {
	case m.taken > stream.SessionWindow:
		return nil, errWindow
	case st == nil || st.gone:
		m.owed += content
		s.payBackLocked()
		if s.dropFrameLocked(h.Stream, int(h.Length), h.Flags.Has(frame.FlagEndStream)) {
			return nil, nil
		}
		return nil, s.strayLocked(h.Stream)
	case st.input.Ended():
		m.owed += content
		return nil, errStreamClosed
	}
	st.taken += int64(h.Length)
	switch {
	case st.taken > stream.Window:
		m.owed += content
		return nil, errStreamWindow
	case !st.input.Counts(int64(content), h.Flags.Has(frame.FlagEndStream)):
		m.owed += content
		return nil, errMalformed // not the length it said
	}
	return st, nil
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

// drop is what is known of a request that is dropped.
type drop struct {
	left     int   // bytes that may come, frames and all
	owed     int   // bytes whose window was not given back
	byNanos  int64 // when it is reset if nothing comes, and endNanos in any case
	endNanos int64
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

// strayLocked judges a frame for a stream that is not there.
func (s *Session) strayLocked(id uint32) *frame.Fault {
	switch {
	case s.isIdleLocked(id):
		return errIdle
	case s.client != nil:
		return nil // an answer that nobody waits for any more
	case s.wasResetLocked(id):
		return nil // it did not know yet
	}
	return errStreamClosed
}

// moreData passes content on as it comes, and drops padding.
func (s *Session) moreData(b []byte) (used int) {
	d := &s.data
	if d.left == 0 {
		used = min(d.pad, len(b))
		d.pad -= used
		return used
	}
	used = min(d.left, len(b))
	d.left -= used
	if st := d.stream; st != nil {
		m := &s.mu
		s.lock()
		here := !st.gone && st.id == d.id
		if here {
			st.input.Append(b[:used]) // the window is smaller than what it holds
		} else {
			d.stream = nil
			m.owed += used + d.left // what is still to come, too
			s.payBackLocked()
		}
		s.unlock()
		if here && d.left > 0 {
			st.Conn.Arrived(true)
		}
	}
	if d.left == 0 {
		s.endData()
	}
	return used
}

// endData is the end of the content of a frame.
func (s *Session) endData() {
	st := s.data.stream
	s.data.stream = nil
	if st == nil {
		return
	}
	s.lock()
	here := !st.gone && st.id == s.data.id
	if here && s.data.end {
		st.endedLocked()
	}
	s.unlock()
	switch {
	case here && st.isAhead():
		if s.data.end {
			s.begin(st, false)
		}
	case here:
		st.Conn.Arrived(true)
	}
}

// giveBack returns the window of bytes that nobody reads: padding, and what is for
// nobody.
func (s *Session) giveBack(st *Stream, n int) {
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.owed += n
	s.payBackLocked()
	if st != nil && !st.gone {
		st.owed += n
		st.payBackLocked()
	}
}

// payBackLocked gives the window of the session back, once it is worth a frame.
func (s *Session) payBackLocked() {
	m := &s.mu
	if m.owed < stream.SessionWindow/4 {
		return
	}
	m.taken -= int64(m.owed)
	s.appendLocked(frame.AppendWindowUpdate(nil, 0, uint32(m.owed)))
	m.owed = 0
}

// payBackLocked is the same for the window of a stream.
func (st *Stream) payBackLocked() {
	if st.owed < stream.Window/4 || st.input.Ended() || st.gone {
		return
	}
	st.taken -= int64(st.owed)
	st.session.appendLocked(frame.AppendWindowUpdate(nil, st.id, uint32(st.owed)))
	st.owed = 0
}
