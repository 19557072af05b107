package http2

import "github.com/isame-lb/isame-lb/engine/stream"

// wait is what a stream waits for when it cannot write. Of what all streams share as
// many are woken as have use for it, and who is woken wakes the next one (heirLocked)
// after it has tried: a window that a hundred streams wait for would else wake all of
// them for each of its updates.
type wait uint8

const (
	waitNone    wait = iota
	waitRoom         // among the frames that go out
	waitSession      // the window of the session
	waitWindow       // its own
	waitKinds
)

// Full implements socket.Stream.
func (st *Stream) Full() bool {
	m := &st.session.mu
	m.Lock()
	defer m.Unlock()
	return st.waits != waitNone && !st.gone
}

// Queued implements socket.Stream: it falls by what the peer does about that for which
// the stream waits, and for nothing else it may do.
func (st *Stream) Queued() int64 {
	s := st.session
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	switch {
	case st.waited == waitWindow:
		return -st.given
	case st.waited == waitSession:
		return -m.given
	case m.closed:
		return 0
	}
	return s.conn.Queued() - m.written
}

// blockLocked notes that the stream cannot write now.
func (st *Stream) blockLocked() {
	m := &st.session.mu
	st.unblockLocked()
	switch {
	case m.out.Len() >= stream.OutSoft:
		st.waits = waitRoom
	case st.window <= 0:
		st.waits = waitWindow
	default:
		st.waits = waitSession
	}
	st.waited = st.waits
	m.waiting[st.waits]++
}

func (st *Stream) unblockLocked() {
	if st.waits != waitNone {
		st.session.mu.waiting[st.waits]--
		st.waits = waitNone
	}
}

// wake calls streams that wait. The loop calls it.
func (s *Session) wake(what wait) {
	m := &s.mu
	list := s.shard.waking[:0]
	s.lock()
	left := int64(0)
	switch what {
	case waitRoom:
		left = int64(stream.OutSoft - m.out.Len())
	case waitSession:
		left = m.window
	case waitNone, waitWindow, waitKinds:
	}
	for _, st := range m.streams {
		if m.waiting[what] == 0 || what != waitWindow && left <= 0 {
			break
		}
		if st.waits != what || what == waitWindow && st.window <= 0 {
			continue
		}
		st.unblockLocked()
		list = append(list, st)
		left -= int64(m.frameMax)
	}
	s.unlock()
	s.shard.waking = nil // a call may come back here
	for i, st := range list {
		list[i] = nil
		st.Conn.Room(true)
	}
	s.shard.waking = list[:0]
}

// heirLocked is a stream that waits for something of which there is some left. The
// caller wakes it, without the mutex.
func (s *Session) heirLocked() *Stream {
	m := &s.mu
	if m.out.Len() >= stream.OutSoft {
		return nil
	}
	what := waitRoom
	if m.waiting[waitRoom] == 0 {
		what = waitSession
		if m.waiting[waitSession] == 0 || m.window <= 0 {
			return nil
		}
	}
	for _, st := range m.streams {
		if st.waits == what {
			st.unblockLocked()
			return st
		}
	}
	return nil
}
