package http2

import (
	"bytes"
	"time"

	"github.com/isame-lb/isame-lb/pool"
)

// How long the end of a request is awaited behind its head: most have no content, and
// some clients say so only behind the head, at once. HTTP/1.1 has to know then, and a GET
// with a chunked body of nothing is refused by some backends. A method that has content
// by its nature may wait for an answer before it sends some.
const (
	endWait     = 100 * time.Millisecond
	contentWait = 5 * time.Millisecond
)

// noteContent notes fields which say that content follows, maybe late: a client that
// waits for 100 (Continue) sends none before, and one of gRPC may want an answer first.
func (t *headText) noteContent(name, value []byte) {
	if string(name) == "expect" || string(name) == "content-type" && bytes.HasPrefix(value, grpcType) {
		t.expected = true
	}
}

// endWait is how long to wait for the end of the request behind its head, unless content
// comes before; 0: that would tell nothing, or must not be done.
func (t *headText) endWait() time.Duration {
	switch {
	case t.length >= 0, t.tunnels(), t.expected:
		return 0
	case wantsLength(t.of(t.method)):
		return contentWait
	}
	return endWait
}

// The ends of a head as text, behind its fields.
var (
	tailChunked = []byte("Transfer-Encoding: chunked\r\n\r\n")
	tailEmpty   = []byte("Content-Length: 0\r\n\r\n")
	tailNone    = []byte("\r\n")
)

// tail is the one of a head.
func (t *headText) tail(chunked bool) []byte {
	return tailOf(chunked, t.length < 0 && !t.tunnels() && wantsLength(t.of(t.method)))
}

// tailOf is the end of a head; wanted: a request without content has to say so.
func tailOf(chunked, wanted bool) []byte {
	switch {
	case chunked:
		return tailChunked
	case wanted:
		return tailEmpty
	}
	return tailNone
}

// ahead are the streams whose exchange has not begun since it is not known whether they
// have content. They are open to everything else: they count against streamsMax, and a
// drain waits for them. The loop owns it.
type ahead struct {
	n       int
	byNanos int64 // when the first of them is due, or earlier; 0: there are none
}

// look makes st, whose head has no tail yet, one of them.
func (s *Session) look(st *Stream, wait time.Duration) {
	st.dueNanos = pool.After(pool.Nanos(), wait)
	s.ahead.n++
	s.ahead.byNanos = pool.Earlier(s.ahead.byNanos, st.dueNanos)
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
	tail := tailOf(content, st.wantsLength)
	s.lock()
	st.chunked = content
	st.in.Append(tail)
	st.headLeft += len(tail)
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
			s.ahead.byNanos = pool.Earlier(s.ahead.byNanos, st.dueNanos)
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
	st.dropLocked()
	s.forgetLocked(st)
}

// forgetLocked takes a stream out of the session.
func (s *Session) forgetLocked(st *Stream) {
	m := &s.mu
	delete(m.streams, st.id)
	if len(m.streams) == 0 {
		m.quiet = pool.Nanos()
		if m.goingAway {
			s.conn.Again() // the loop ends the session
		}
	}
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
