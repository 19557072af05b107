package http3

import (
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// lingerTime is how long a client may take to close a connection that was told to go
// away, after its last answer: QUIC does not tell when an answer has arrived, and to
// close before would lose it.
const lingerTime = time.Second

// goAwayTime is how long it may take to write GOAWAY.
const goAwayTime = 5 * time.Second

// Begin makes s, a new Session, the server of q. The caller hands s.Conn to its loop,
// then calls Run.
func (s *Session) Begin(q *quic.Conn, l *socket.Loop, host Host, o Options) {
	s.quic, s.host, s.opts = q, host, o
	s.Conn.BeginStream(l, (*carrier)(s), nil)
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.streams = map[*Stream]struct{}{}
	m.quietNanos = socket.Nanos()
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
	away, id := m.away, m.nextID
	m.Unlock()
	if away { // the drain began before there was a stream to say it on
		s.goAway(control, id)
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
	m := &s.mu
	m.Lock()
	busy, away, since := len(m.streams) > 0, m.away, m.quietNanos
	m.Unlock()
	limit := s.opts.Idle
	if away {
		limit = lingerTime
	}
	if busy || limit <= 0 {
		s.Conn.Alarm(0)
		return
	}
	by := since + int64(limit)
	if socket.Nanos() >= by {
		s.close(errcode.None, "")
		by = 0 // the end of Run calls
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

// Drain makes the session end when its exchanges have (RFC 9114 section 5.2): GOAWAY
// names the first request that will not be heard. A client that was quiet for long has
// lingerTime from here on, to hear of it and to have answers to what it sends meanwhile.
// The loop calls it.
func (s *Session) Drain() {
	m := &s.mu
	m.Lock()
	was, control, id := m.away, m.control, m.nextID
	m.away = true
	if !was {
		m.quietNanos = socket.Nanos()
	}
	m.Unlock()
	if !was && control != nil {
		safely.New("goaway", func() { s.goAway(control, id) }, s.crashed).Go()
	}
}

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
