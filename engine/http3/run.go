package http3

import (
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// lingerTime is how long a client may take to close a connection that was told to go
// away, after its last answer: QUIC does not tell when an answer has arrived, and to
// close before would lose it.
const lingerTime = time.Second

// goAwayTime is how long it may take to write GOAWAY.
const goAwayTime = 5 * time.Second

// streamMax is the last stream that a client can begin.
const streamMax quic.StreamID = 1<<62 - 4

// Begin makes s, a new Session, the server of q. The caller hands s.Conn to its loop,
// then calls Run.
func (s *Session) Begin(q *quic.Conn, l *socket.Loop, host Host, o Options) {
	s.quic, s.host, s.opts, s.begunNanos = q, host, o, socket.Nanos()
	s.Conn.BeginStream(l, (*carrier)(s), nil)
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.streams = map[*Stream]struct{}{}
	m.quietNanos = s.begunNanos
	m.budget.Begin(m.quietNanos)
}

// Run carries the connection until it ends. Nothing of s may be used afterwards but by
// the loop.
func (s *Session) Run() {
	safely.New("streams", s.acceptUni, s.crashed).In(&s.gone)
	s.openControl()
	for {
		q, err := s.quic.AcceptStream(s.quic.Context())
		if err != nil {
			break
		}
		s.accept(q)
	}
	s.ended()
}

// openControl begins our control stream. A client that allows none gets none, which
// is its own loss.
func (s *Session) openControl() {
	control, err := s.quic.OpenUniStream()
	if err != nil {
		s.fail(&fault{code: errcode.GeneralProtocol, cause: "no control stream is allowed"})
		return
	}
	_ = control.SetWriteDeadline(time.Now().Add(goAwayTime))
	if _, err := control.Write(appendSettings(nil, s.opts.HeaderBytes)); err != nil {
		s.fail(&fault{code: errcode.GeneralProtocol, cause: "settings are not taken"})
		return
	}
	m := &s.mu
	m.Lock()
	m.control = control
	leaves, away, id := m.leavesNanos != 0, m.away, m.nextID
	m.Unlock()
	switch { // the drain began before there was a stream to say it on
	case away:
		s.goAway(control, id)
	case leaves:
		s.goAway(control, streamMax)
	}
}

// accept begins a request stream.
func (s *Session) accept(q *quic.Stream) {
	m := &s.mu
	m.Lock()
	unheard := m.away || m.closing
	var st *Stream
	if !unheard {
		m.nextID = q.StreamID() + 4
		st = newStream(s, q)
		m.streams[st] = struct{}{}
	}
	m.Unlock()
	if unheard { // GOAWAY says, or will say, that it was not looked at
		q.CancelRead(quic.StreamErrorCode(errcode.RequestRejected))
		q.CancelWrite(quic.StreamErrorCode(errcode.RequestRejected))
		q.ReleaseStreamCredit()
		s.host.Failed(errcode.RequestRejected)
		return
	}
	st.begin()
}

// ended tells the loop of the end of the connection.
func (s *Session) ended() {
	s.gone.Wait()
	m := &s.mu
	m.Lock()
	m.ended = true
	m.Unlock()
	s.Conn.Again()
}

// Broken is the end of a Run that has met a bug.
func (s *Session) Broken() {
	s.crashed()
	s.ended()
}

// Crashed is called by the loop when one of its calls has met a bug.
func (s *Session) Crashed() {
	s.crashed() // Run tells the loop of the end
	s.Each(func(st *Stream) {
		safely.Do("crash", func() { st.leave(socket.ErrStreamLost, true) }, func() { st.Close() })
	})
}

// Ready is called by the loop: streams may have come, the connection may have ended, or
// a deadline may have passed.
func (s *Session) Ready() {
	if s.over {
		return
	}
	m := &s.mu
	m.Lock()
	opened, ended := m.opened, m.ended
	m.opened = nil
	m.Unlock()
	if s.Conn.Aborted() {
		s.close(errcode.None, "")
		s.Each(func(st *Stream) { st.leave(socket.ErrStreamLost, true) })
	}
	if ended {
		s.finish(opened)
		return
	}
	for _, st := range opened {
		s.host.Open(st)
	}
	s.setDeadline()
}

// setDeadline ends a session that nothing is expected of any more, or says when the
// loop looks again.
func (s *Session) setDeadline() {
	nowNanos := socket.Nanos()
	m := &s.mu
	m.Lock()
	busy, leaves, away, since := len(m.streams) > 0, m.leavesNanos, m.away, m.quietNanos
	m.Unlock()
	var by int64 // 0 is never
	limit := s.opts.Idle
	if leaves != 0 {
		limit = lingerTime
		if by = leaves + int64(lingerTime); !away && nowNanos >= by {
			s.depart()
		}
		if nowNanos >= by {
			by = 0
		}
	}
	if !busy && limit > 0 {
		by = socket.Earlier(by, since+int64(limit))
	}
	if by != 0 && nowNanos >= by {
		s.close(errcode.None, "")
		by = 0 // the end of Run calls
	} else if s.leaves && leaves == 0 {
		by = socket.Earlier(by, s.begunNanos+int64(stream.NewTime)) // Drain is called again
	}
	s.Conn.Alarm(by)
}

// finish is the end: exchanges that run see their client leave.
func (s *Session) finish(unknown []*Stream) {
	s.over = true
	for _, st := range unknown {
		st.leave(socket.ErrStreamLost, true)
		st.Close()
	}
	s.Each(func(st *Stream) { st.leave(socket.ErrStreamLost, true) })
	s.host.Closed()
}

// Drain makes the session end when its exchanges have, in two steps (RFC 9114 section 5.2).
// The first GOAWAY refuses nothing: it names the last request that there could be, and the
// client begins no more. Those that are on their way are heard for lingerTime, which a
// client that was quiet for long has, too. Then a second one names the first request that
// is not heard: see setDeadline. One whose first request is on its way hears of it behind
// that, unless it has to be now. The loop calls it, in each turn from then on.
func (s *Session) Drain(now bool) {
	s.leaves = true
	m := &s.mu
	m.Lock()
	was, control := m.leavesNanos != 0, m.control
	if !was && !now && m.nextID == 0 && socket.Nanos() < s.begunNanos+int64(stream.NewTime) {
		m.Unlock()
		return
	}
	if !was {
		m.leavesNanos = socket.Nanos()
		m.quietNanos = m.leavesNanos
	}
	m.Unlock()
	if !was && control != nil {
		safely.New("goaway", func() { s.goAway(control, streamMax) }, s.crashed).Go()
	}
}

// depart is the second step.
func (s *Session) depart() {
	m := &s.mu
	m.Lock()
	control, id := m.control, m.nextID
	m.away = true
	m.Unlock()
	if control != nil {
		safely.New("goaway", func() { s.goAway(control, id) }, s.crashed).Go()
	}
}

// goAway writes GOAWAY. The steps are lingerTime apart, and QUIC lets writers of a stream in
// as they come, so the first one does not come behind the second.
func (s *Session) goAway(control *quic.SendStream, id quic.StreamID) {
	room := appendVarint(nil, uint64(id))
	_ = control.SetWriteDeadline(time.Now().Add(goAwayTime))
	_, _ = control.Write(append(appendFrame(nil, frameGoAway, len(room)), room...)) // one that is not read is not obeyed
}

// carrier is a session as what its Conn is made of.
type carrier Session

var errNoBytes = errors.New("BUG: bytes belong on the streams of a connection")

// TryRead implements socket.Stream.
func (c *carrier) TryRead([]byte) (int, error) { return 0, errNoBytes }

// TryWrite implements socket.Stream.
func (c *carrier) TryWrite(*[3][]byte, bool) (int, error) { return 0, errNoBytes }

// Full implements socket.Stream.
func (c *carrier) Full() bool { return false }

// Queued implements socket.Stream.
func (c *carrier) Queued() int64 { return 0 }

// CloseWrite implements socket.Stream.
func (c *carrier) CloseWrite() error { return nil }

// Close implements socket.Stream.
func (c *carrier) Close() { (*Session)(c).close(errcode.None, "") }

// TLSState implements socket.Carrier.
func (c *carrier) TLSState() tls.ConnectionState { return c.quic.ConnectionState().TLS }

// LocalAddr implements socket.Carrier.
func (c *carrier) LocalAddr() net.Addr { return c.quic.LocalAddr() }

// RemoteAddr implements socket.Carrier.
func (c *carrier) RemoteAddr() net.Addr { return c.quic.RemoteAddr() }
