package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

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

// windowUpdate takes WINDOW_UPDATE (RFC 9113 section 6.9).
func (s *Session) windowUpdate(h frame.Header, payload []byte) *frame.Fault {
	if s.isIdle(h.Stream) {
		return errIdle
	}
	by, f := frame.WindowUpdate(h, payload)
	if f == nil {
		f = s.pay(stream.CostFrame)
	}
	if f != nil {
		return f
	}
	if h.Stream == 0 {
		return s.openSession(int64(by))
	}
	m := &s.mu
	s.lock()
	st := m.streams[h.Stream]
	over, wake := false, false
	if st != nil {
		st.window += int64(by)
		st.given += int64(by)
		over = st.window > frame.WindowMax
		if wake = st.waits == waitWindow && st.window > 0; wake {
			st.unblockLocked()
		}
	}
	s.unlock()
	switch {
	case over:
		return errStreamWindow
	case wake:
		st.Conn.Room(true)
	}
	return nil
}

// openSession makes the window of the session larger.
func (s *Session) openSession(by int64) *frame.Fault {
	m := &s.mu
	s.lock()
	m.window += by
	m.given += by
	over, wake := m.window > frame.WindowMax, m.waiting[waitSession] > 0
	s.unlock()
	if over {
		return errWindow
	}
	if wake {
		s.wake(waitSession)
	}
	return nil
}
