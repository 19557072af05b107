package http2

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// lingerTime is how long what a peer still sends is read after the end, so that the
// GOAWAY which says why is not lost to a reset, and how long one may leave unanswered
// that we drain.
const lingerTime = 2 * time.Second

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
		if s.leaves {
			by = socket.Earlier(by, deadline(t.opened, stream.NewTime))
		}
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

// lookBy is when the loop looks whether somebody is there. Whether there are streams
// may change without the loop's knowledge, so that is never far.
func (c *client) lookBy(lookedNanos int64) int64 {
	if c.askedNanos != 0 {
		return socket.After(c.askedNanos, c.ping.wait)
	}
	return socket.After(max(c.heardNanos, lookedNanos), c.ping.after)
}

// isDeserted is such a look: a connection with streams that was silent is asked by PING
// whether somebody is there, and it reports that there was no answer.
func (s *Session) isDeserted(busy bool, nowNanos int64) bool {
	c := s.client
	switch {
	case c.askedNanos != 0 && nowNanos >= c.askedNanos+int64(c.ping.wait):
		return true
	case busy && c.askedNanos == 0 && nowNanos >= c.heardNanos+int64(c.ping.after):
		c.askedNanos = nowNanos
		s.lock()
		s.appendLocked(frame.AppendPing(nil, drainPing))
		s.wroteLocked(true)
		s.unlock()
	}
	return false
}

// heard notes that the peer has said something.
func (s *Session) heard() {
	if c := s.client; c != nil {
		c.heardNanos, c.askedNanos = socket.Nanos(), 0
	}
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
