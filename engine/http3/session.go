package http3

import (
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

	begunNanos int64 // when it began; of the loop
	leaves     bool  // a drain has asked it to; of the loop

	mu struct {
		sync.Mutex
		control    *quic.SendStream
		streams    map[*Stream]struct{} // whose exchange or answer has not ended
		opened     []*Stream            // of these, the host does not know yet
		uni        [streamTypes]bool    // types that have come
		budget     stream.Budget
		nextID     quic.StreamID // the first one that has not come
		quietNanos int64         // since when there is no stream, if there is none, or it leaves
		// leavesNanos is when it was told to leave; 0 is not at all.
		leavesNanos int64
		away        bool // the last GOAWAY was sent, or will be: no new streams
		closing     bool // our end was decided
		ended       bool // the connection is no more
	}
}

// Bounds of a stream.
const (
	// inMax is how much of a request waits for the exchange beside its head.
	inMax = 64 << 10
	// pieceBytes is how much of either is moved at a time.
	pieceBytes = 16 << 10
)

// Stream is one request and its answer: the socket.Stream in its Conn, which the host
// uses like a connection to a client.
//
// One goroutine reads (input.go), one writes for as long as there is something
// (output.go), and the exchange is the third who uses it. What they share is guarded
// by mu; Conn is told of a change when that is not held.
type Stream struct {
	stream.Request

	// Conn is what the exchange reads and writes.
	Conn socket.Conn
	// Host is the host's own.
	Host any

	session *Session
	quic    *quic.Stream
	space   chan struct{} // wakes the reader: there is room, or it is over
	unwatch func() bool   // ends the look at whether the peer stops us

	mu struct {
		sync.Mutex
		input stream.Input
		gone  bool // what comes is for nobody, and nothing is taken
		full  bool // the reader waits for space

		out       socket.Fifo // frames of the answer
		output    stream.Output
		writing   bool  // the writer runs
		written   bool  // and the end of the answer, too
		waits     bool  // the exchange waits for room
		moved     int64 // bytes that QUIC has taken, in all
		closed    bool  // by the exchange
		forgotten bool
	}
}

func newStream(s *Session, q *quic.Stream) *Stream {
	st := &Stream{session: s, quic: q, space: make(chan struct{}, 1)}
	st.Conn.BeginStream(s.Conn.Loop(), st, &s.Conn)
	return st
}

// Recycle is there for the host, which calls it when an exchange has ended. Goroutines
// may still know the stream, so that it is not used again.
func (st *Stream) Recycle() {}

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

// crashed ends the session for a bug of ours.
func (s *Session) crashed() { s.close(errcode.Internal, "") }
