package http2

import (
	"errors"
	"os"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// Begin makes s, a new Session, the server of a connection. The caller hands the
// connection to its loop; early are the bytes that were read of it.
func (s *Session) Begin(c *socket.Conn, host Host, shard *Shard, o Options, early []byte) {
	o.HeaderBytes = min(o.HeaderBytes, headerBytesMax)
	s.conn, s.host, s.shard, s.opts = c, host, shard, o
	s.in.Sized(max(inRoom, len(early)))
	if len(early) > 0 {
		s.in.Append(early)
	}
	s.start()
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	s.appendLocked(frame.AppendSettings(nil,
		frame.Setting{ID: frame.SettingMaxConcurrentStreams, Value: streamsMax},
		frame.Setting{ID: frame.SettingInitialWindowSize, Value: stream.Window},
		frame.Setting{ID: frame.SettingMaxHeaderListSize, Value: uint32(o.HeaderBytes)},
		frame.Setting{ID: frame.SettingEnableConnectProtocol, Value: 1},
	))
	s.appendLocked(frame.AppendWindowUpdate(nil, 0, stream.SessionWindow-frame.WindowInitial))
}

// Ready is called by the loop: bytes may be there, the peer may have gone, or a
// deadline may have passed.
func (s *Session) Ready() {
	s.readFrames()
	s.finishTurn()
}

// readsMax is how many reads one turn of the loop makes.
const readsMax = 8

// readFrames reads until nothing is there, and deals with every frame.
func (s *Session) readFrames() {
	for range readsMax {
		if s.over {
			return
		}
		s.dispatch()
		s.tell()
		if s.over {
			return
		}
		_, err := s.in.ReadFrom(s.conn, inRoom)
		switch {
		case err == nil:
			s.heard()
		case errors.Is(err, socket.ErrWouldBlock):
			s.noteBegun()
			return
		case errors.Is(err, os.ErrDeadlineExceeded) && !s.conn.Aborted():
			if s.late() {
				return
			}
		default:
			s.finish()
			return
		}
	}
	s.conn.Again() // there is more, but others have their turn
}

// arrived notes that something has come for a stream. Its exchange is told once all is dealt with that one
// read has brought: head and content of an answer, most of the time, which it passes on in one write.
func (s *Session) arrived(st *Stream) {
	if !st.heard {
		st.heard = true
		s.shard.heard = append(s.shard.heard, st)
	}
}

// tell tells those. One that has ended meanwhile, or is another one by now, hears of nothing new.
func (s *Session) tell() {
	list := s.shard.heard
	s.shard.heard = nil // a call may come back here
	for i, st := range list {
		list[i], st.heard = nil, false
		st.Conn.Arrived(true)
	}
	s.shard.heard = list[:0]
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

// Room is called by the loop when the socket takes bytes again.
func (s *Session) Room() {
	m := &s.mu
	s.lock()
	starved := m.stuck && !s.tookLocked()
	m.stuck = false
	s.unlock()
	if starved {
		s.finish()
		return
	}
	s.Flush()
}

// Flush writes what has gathered; the loop calls it at the end of a round.
func (s *Session) Flush() {
	m := &s.mu
	s.lock()
	m.later = false
	s.flushLocked()
	s.unlock()
	s.finishTurn()
}

// finishTurn is the end of a call: it writes, where nobody does it later, wakes who
// waits for room, ends what is at its end, and sets the alarm.
func (s *Session) finishTurn() {
	if s.over {
		return
	}
	s.leaveInTime()
	m := &s.mu
	s.lock()
	if m.met {
		m.met, m.stuck = false, false
		s.flushLocked()
	}
	if m.out.Len() > 0 && !m.later && !m.stuck {
		m.later = true
		s.conn.Later()
	}
	stuck, full := m.stuck, m.out.Len() > outHard
	wake := m.waiting[waitRoom] > 0 && m.out.Len() < stream.OutSoft
	done := m.away && len(m.streams)+len(m.dropping) == 0 && m.out.Len() == 0 && !stuck && !s.dead
	s.unlock()
	switch {
	case full:
		s.end(frame.CodeEnhanceYourCalm, "frames are not read")
		return
	case done:
		s.hangUp()
		return
	case stuck:
		s.conn.AwaitRoom()
	}
	s.setAlarm()
	if wake {
		s.wake(waitRoom)
	}
}

// Drain makes the session end when its exchanges have: GOAWAY says so to the peer
// (RFC 9113 section 6.8), in two steps since it may have opened a stream meanwhile.
// One whose first request is on its way hears of it behind that, unless it has to be now.
// The loop calls it.
func (s *Session) Drain(now bool) {
	if s.over || s.drained > 0 {
		return
	}
	s.leaves = true
	if now {
		s.beginDrain()
	}
	s.finishTurn()
}
