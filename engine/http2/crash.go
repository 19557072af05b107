package http2

import (
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// lock takes the session's mutex for the loop, where no defer gives it back: should the
// loop meet a bug before unlock, Crashed finds out and does. Others take mu itself, and
// defer.
func (s *Session) lock() {
	s.mu.Lock()
	s.locked = true
}

func (s *Session) unlock() {
	s.locked = false
	s.mu.Unlock()
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
