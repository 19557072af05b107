package http2

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// lingerTime is how long what a peer still sends is read after the end, so that the
// GOAWAY which says why is not lost to a reset, and how long one may leave unanswered
// that we drain.
const lingerTime = 2 * time.Second

// times are moments, in Nanos, that the deadlines of a session count from; 0 is never.
// The loop owns them. What they bound besides stands behind the mutex: quietNanos, and the
// time in which the socket is full.
type times struct {
	begun   int64 // since when the peer is in the middle of something
	looked  int64 // when it was seen last that streams run
	drained int64 // when a drain has begun
	dead    int64 // when our side has ended
}

// noteBegun follows whether the peer is in the middle of something: its preface, a
// frame, or a header block. It may take its time for content.
func (s *Session) noteBegun() {
	switch {
	case s.mu.settled && !s.sequence.Open() && s.in.Len() == 0:
		s.times.begun = 0
	case s.times.begun == 0:
		s.times.begun = socket.Nanos()
	}
}

// setAlarm says when the loop calls although nothing has come: at the nearest of the
// moments until which something is waited for.
func (s *Session) setAlarm() {
	t := &s.times
	if s.dead {
		s.conn.Alarm(deadline(t.dead, lingerTime))
		return
	}
	m := &s.mu
	s.lock()
	quietNanos, by := m.quietNanos, m.dropBy
	alone := quietNanos != 0
	if m.stuck {
		by = socket.Earlier(by, m.pace.By(m.fullNanos))
	}
	s.unlock()
	if quietNanos == 0 {
		quietNanos = t.looked // when the last one ends, a goroutine may not be able to tell
	}
	by = socket.Earlier(socket.Earlier(by, s.ahead.byNanos), deadline(t.begun, s.opts.Header))
	switch {
	case s.drained == 0:
		by = socket.Earlier(by, deadline(quietNanos, s.opts.Idle))
	case s.drained == 1:
		by = socket.Earlier(by, deadline(t.drained, lingerTime))
	case alone:
		by = socket.Earlier(by, deadline(t.drained, 2*lingerTime))
	}
	if s.client != nil {
		by = socket.Earlier(by, s.client.lookBy(t.looked))
	}
	s.conn.Alarm(by)
}

// late deals with an alarm, and reports that it was the end.
func (s *Session) late() bool {
	t, nowNanos := &s.times, socket.Nanos()
	m := &s.mu
	s.stopDropped(nowNanos)
	s.lock()
	quietNanos, starved := m.quietNanos, false
	if m.stuck && passed(m.pace.By(m.fullNanos), nowNanos) {
		starved = !s.tookLocked()
	}
	s.unlock()
	switch {
	case s.dead:
		if passed(deadline(t.dead, lingerTime), nowNanos) {
			s.finish()
			return true
		}
	case starved:
		s.finish()
		return true
	case passed(deadline(t.begun, s.opts.Header), nowNanos):
		switch {
		case s.mu.settled:
			s.end(frame.CodeEnhanceYourCalm, "what has begun is not finished in time")
		case s.client != nil:
			s.client.late = true
			s.end(frame.CodeSettingsTimeout, "no preface in time")
		default:
			s.end(frame.CodeSettingsTimeout, "no preface in time")
		}
		return true
	case s.drained == 0 && passed(deadline(quietNanos, s.opts.Idle), nowNanos):
		if s.client != nil {
			s.end(frame.CodeNone, "idle")
			return true
		}
		s.beginDrain() // a request may be on its way
	case s.client != nil && s.isDeserted(quietNanos == 0, nowNanos):
		s.end(frame.CodeNone, "nobody is there")
		return true
	case s.drained == 1 && passed(deadline(t.drained, lingerTime), nowNanos):
		s.goAway()
	case s.drained == 2 && quietNanos != 0 && passed(deadline(t.drained, 2*lingerTime), nowNanos):
		s.finish() // it does not even take our GOAWAY
		return true
	}
	s.beginDue(nowNanos)
	t.looked = nowNanos
	s.setAlarm()
	return false
}

// tookLocked accounts for the time in which the socket was full, and reports whether
// the peer has taken enough meanwhile to be waited for again.
func (s *Session) tookLocked() bool {
	m := &s.mu
	nowNanos, queued := socket.Nanos(), s.conn.Queued()
	enough := m.pace.Took(nowNanos-m.fullNanos, m.queued-queued)
	m.fullNanos, m.queued = nowNanos, queued
	return enough
}

// deadline is start plus a limit; no start or no limit is none.
func deadline(startNanos int64, limit time.Duration) int64 {
	if startNanos == 0 || limit <= 0 {
		return 0
	}
	return socket.After(startNanos, limit)
}

func passed(by, nowNanos int64) bool { return by != 0 && by <= nowNanos }
