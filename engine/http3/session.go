package http3

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Protocol is the protocol's name in TLS (RFC 9114 section 3.1).
const Protocol = "h3"

// Bounds of a session. A stream that the client has reset counts against StreamsMax
// until its exchange has ended.
const (
	// StreamsMax is how many requests a client may have under way.
	StreamsMax = 100
	// UniStreamsMax is how many unidirectional streams it may have open: the three
	// that mean something, and some that do not.
	UniStreamsMax = 8
	// StreamWindow is how much of a request QUIC holds before it is read, SessionWindow
	// the same for all requests of a connection together.
	StreamWindow  = stream.Window
	SessionWindow = stream.SessionWindow
)

// lingerTime is how long a client may take to close a connection that was told to go
// away, after its last answer: QUIC does not tell when an answer has arrived, and to
// close before would lose it.
const lingerTime = time.Second

// goAwayTime is how long it may take to write GOAWAY.
const goAwayTime = 5 * time.Second

// Host is what a session tells.
type Host = stream.Host[*Stream, errcode.Code]

// Options are what a listener says of its sessions.
type Options struct {
	// HeaderBytes bounds the head of a request.
	HeaderBytes int
	// Header bounds the time for a head, Idle that without a request, Write that in
	// which the peer takes nothing of what is left of an answer. 0 is no limit.
	Header, Idle, Write time.Duration
}

// Session is one connection of QUIC, as the server of HTTP/3.
type Session struct {
	// Conn is the connection for the engine: it has a place in a loop, which calls
	// Ready, and no bytes of its own.
	Conn socket.Conn

	quic *quic.Conn
	host Host
	opts Options
	gone sync.WaitGroup // goroutines that read unidirectional streams

	over bool // the host was told; of the loop

	mu struct {
		sync.Mutex
		control    *quic.SendStream
		streams    map[*Stream]struct{} // whose exchange or answer has not ended
		opened     []*Stream            // of these, the host does not know yet
		uni        [streamTypes]bool    // types that have come
		budget     stream.Budget
		nextID     quic.StreamID // the first one that has not come
		quietNanos int64         // since when there is no stream, if there is none, or it is away
		away       bool          // GOAWAY was sent, or will be: no new streams
		closing    bool          // our end was decided
		ended      bool          // the connection is no more
	}
}

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

// crashed ends the session for a bug of ours.
func (s *Session) crashed() { s.close(errcode.Internal, "") }

// Crashed is called by the loop when one of its calls has met a bug.
func (s *Session) Crashed() {
	s.crashed() // Run tells the loop of the end
	s.Each(func(st *Stream) {
		safely.Do("crash", func() { st.leave(socket.ErrStreamLost, true) }, func() { st.Close() })
	})
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

// announce has the loop open a stream whose head has come.
func (s *Session) announce(st *Stream) {
	m := &s.mu
	m.Lock()
	m.opened = append(m.opened, st) // no more than StreamsMax
	m.Unlock()
	s.Conn.Again()
}

// forget forgets a stream whose exchange and answer have ended.
func (s *Session) forget(st *Stream, answered bool) {
	m := &s.mu
	m.Lock()
	delete(m.streams, st)
	if answered {
		m.budget.Add(stream.EarnAnswer)
	}
	m.quietNanos = socket.Nanos()
	m.Unlock()
	st.quic.ReleaseStreamCredit()
	s.Conn.Again() // the deadline is another one
}

// pay takes points off the peer's stock.
func (s *Session) pay(points int) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.budget.Take(points, socket.Nanos) {
		return nil
	}
	return errFlood
}

// fail ends the session for a fault of the peer; nil is none.
func (s *Session) fail(f *fault) {
	if f != nil {
		s.close(f.code, f.cause)
	}
}

// close ends the connection, once: its goroutines see that, and Run ends. QUIC waits
// for its own goroutine there, which nobody in the loop may.
func (s *Session) close(code errcode.Code, why string) {
	m := &s.mu
	m.Lock()
	was := m.closing
	m.closing = true
	m.Unlock()
	if was || s.quic.Context().Err() != nil {
		return
	}
	if code != errcode.None {
		s.host.Failed(code)
	}
	end := func() { _ = s.quic.CloseWithError(quic.ApplicationErrorCode(code), why) } // it cannot fail
	safely.New("close", end, end).Go()
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

// Each calls f for every stream whose exchange runs. The loop calls it.
func (s *Session) Each(f func(*Stream)) {
	m := &s.mu
	m.Lock()
	list := make([]*Stream, 0, len(m.streams))
	for st := range m.streams {
		list = append(list, st)
	}
	m.Unlock()
	for _, st := range list {
		f(st)
	}
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
