package http2

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// look makes st, whose head has no tail yet, one of those ahead.
func (s *Session) look(st *Stream, wait time.Duration) {
	st.dueNanos = socket.After(socket.Nanos(), wait)
	s.ahead.n++
	s.ahead.byNanos = socket.Earlier(s.ahead.byNanos, st.dueNanos)
}

// lookedAt makes st none of them any more.
func (s *Session) lookedAt(st *Stream) {
	st.dueNanos = 0
	s.ahead.n--
	if s.ahead.n == 0 {
		s.ahead.byNanos = 0
	}
}

// isAhead reports one of them.
func (st *Stream) isAhead() bool { return st.dueNanos != 0 }

// begin begins the exchange of one of them; content: there is some, or may be.
func (s *Session) begin(st *Stream, content bool) {
	s.lookedAt(st)
	s.lock()
	st.input.EndHead(content)
	s.unlock()
	s.host.Open(st)
}

// beginDue begins those that have waited for long enough: content may come yet.
func (s *Session) beginDue(nowNanos int64) {
	if !passed(s.ahead.byNanos, nowNanos) {
		return
	}
	m := &s.mu
	s.ahead.byNanos = 0
	list := s.shard.due[:0]
	s.lock()
	for _, st := range m.streams {
		switch {
		case passed(st.dueNanos, nowNanos):
			list = append(list, st)
		case st.isAhead():
			s.ahead.byNanos = socket.Earlier(s.ahead.byNanos, st.dueNanos)
		}
	}
	s.unlock()
	s.shard.due = nil // a call may come back here
	for i, st := range list {
		list[i] = nil
		if st.session == s && st.isAhead() {
			s.begin(st, true)
		}
	}
	s.shard.due = list[:0]
}

// dropAheadLocked ends a stream of which nobody else has heard.
func (s *Session) dropAheadLocked(st *Stream) {
	s.lookedAt(st)
	st.gone = true
	st.dropInputLocked()
	s.forgetLocked(st)
}

// loseLocked is the end of a stream by the peer, or for a fault of its; leave is the second
// half, without the mutex. begun: there is an exchange, which has to hear of it.
func (st *Stream) loseLocked(why error) (begun bool) {
	if st.isAhead() {
		st.session.dropAheadLocked(st)
		return false
	}
	st.leaveLocked(why)
	return true
}

// leave tells the exchange; a stream without one is used again.
func (st *Stream) leave(begun bool) {
	if begun {
		st.Conn.Left(true)
		return
	}
	st.Recycle()
}
