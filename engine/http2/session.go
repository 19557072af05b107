package http2

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// Bounds of a session.
const (
	// streamsMax is how many exchanges a client may have at once, and how many may
	// still run for it: one that was reset counts until its exchange has ended.
	streamsMax = 128
	// streamWindow is how much of a request's body is taken before a backend takes
	// it, windowMax the same for all streams of a session together.
	streamWindow = 256 << 10
	windowMax    = 1 << 20
	// frameMax is the largest frame that is taken, the least that must be.
	frameMax = 16 << 10
	// inRoom holds the largest frame, and saves reads where there are many.
	inRoom = 32 << 10
	// outSoft is how many bytes of frames wait for the socket before streams have
	// to, outHard how many there may be whatever they are for.
	outSoft = 64 << 10
	outHard = 512 << 10
	// blockMax bounds a header block as it is sent. It is more than what its
	// meaning is bounded by, which hpack checks.
	blockMax = 64 << 10
	// droppingMax is how many requests may still come although they are answered,
	// and dropMax how much of each.
	droppingMax = 16
	dropMax     = 8 << 20
	// resetsKept is how many streams that we have reset are remembered: what the
	// peer sent before it knew is no mistake of its.
	resetsKept = 64
)

// Host is what a session is told from outside, and what it tells. All calls are
// made by the loop, and none while the session's mutex is held.
type Host interface {
	// Open begins the exchange of a stream.
	Open(s *Stream)
	// Failed counts an error that was sent to the peer: a reset, or the end of the
	// session.
	Failed(code frame.Code)
	// Closed says that the session is over and its connection is to be closed. It
	// is called once, and nothing is called after it.
	Closed()
}

// Options are what a listener says of its sessions.
type Options struct {
	// HeaderBytes bounds the head of a request, as text.
	HeaderBytes int
	// Header bounds the time for the preface and for a header block, Idle that
	// without a stream, Write that in which the peer takes nothing. 0 is no limit.
	Header, Idle, Write time.Duration
}

// Shard is what the sessions of one loop share: memory that a call needs for as
// long as it lasts, and streams that have ended.
type Shard struct {
	head   headText
	free   []*Stream
	waking []*Stream // of wake, empty between calls
}

// freeMax bounds the streams that wait to be used again.
const freeMax = 256

// Session is one connection of HTTP/2: as its server, or as the client of a backend.
// Its loop calls Ready, Room and Flush.
type Session struct {
	client *client // nil for a server

	conn  *pool.Conn
	host  Host
	shard *Shard
	opts  Options

	// Owned by the loop.
	in       pool.Buffer
	dec      hpack.Decoder
	prefaced bool // the client's preface has come
	sequence frame.Sequence
	checked  bool   // the header of the frame at hand
	block    block  // the header block under way
	data     inData // the DATA frame under way
	lastID   uint32 // of a stream that the client has opened
	served   uint32 // likewise, and it was not passed over: what GOAWAY says
	budget   budget
	since    atomic.Int64 // Nanos that the deadline counts from
	answered atomic.Int64 // answers that the budget does not know of yet
	dead     bool         // GOAWAY was sent for an error: what comes is dropped
	over     bool         // the host was told
	drained  uint8        // GOAWAYs of a drain that were sent

	mu struct {
		sync.Mutex
		settled   bool // the peer's first SETTINGS have come; the loop alone sets it
		streams   map[uint32]*Stream
		dropping  map[uint32]int // bytes of requests that are answered already, and still come
		out       pool.Fifo
		enc       hpack.Encoder
		block     []byte             // of an answer, while it is encoded
		frames    []byte             // and its frames
		window    int64              // bytes that the peer takes of all streams
		initial   int64              // what it takes of a new one
		frameMax  int                // what it takes in a frame
		taken     int64              // bytes of requests that came and whose window was not given back
		owed      int                // bytes of requests that were used up, and whose window was not given back
		waiting   [waits]int         // streams that wait, by what they wait for
		moved     int64              // bytes that the socket has taken and the peer has made room for, in all
		resets    [resetsKept]uint32 // streams that we have reset
		resetAt   int
		stuck     bool // the socket is full
		later     bool // the loop will call Flush
		closed    bool // nothing is written any more
		goingAway bool // GOAWAY was sent: no new streams
	}
}

// Begin makes s, a new Session, the server of a connection. The caller hands the
// connection to its loop; early are the bytes that were read of it.
func (s *Session) Begin(c *pool.Conn, host Host, shard *Shard, o Options, early []byte) {
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
		frame.Setting{ID: frame.SettingInitialWindowSize, Value: streamWindow},
		frame.Setting{ID: frame.SettingMaxHeaderListSize, Value: uint32(o.HeaderBytes)},
		frame.Setting{ID: frame.SettingEnableConnectProtocol, Value: 1},
	))
	s.appendLocked(frame.AppendWindowUpdate(nil, 0, windowMax-frame.WindowInitial))
}

// start is what both sides begin with.
func (s *Session) start() {
	s.in.Sized(inRoom)
	nowNanos := pool.Nanos()
	s.since.Store(nowNanos)
	s.budget.begin(nowNanos)
	s.dec.Reset(hpack.Limits{ListBytes: s.opts.HeaderBytes})
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.streams = make(map[uint32]*Stream)
	m.enc.Reset()
	m.window, m.initial, m.frameMax = frame.WindowInitial, frame.WindowInitial, frame.PayloadBytesMin
}

// Ready is called by the loop: bytes may be there, the peer may have gone, or a
// deadline may have passed.
func (s *Session) Ready() {
	s.readFrames()
	s.finishTurn()
}

// Room is called by the loop when the socket takes bytes again.
func (s *Session) Room() {
	m := &s.mu
	m.Lock()
	m.stuck = false
	m.Unlock()
	s.Flush()
	s.finishTurn()
}

// Flush writes what has gathered; the loop calls it at the end of a round.
func (s *Session) Flush() {
	m := &s.mu
	m.Lock()
	m.later = false
	s.flushLocked()
	stuck := m.stuck
	wake := m.waiting[waitRoom] > 0 && m.out.Len() < outSoft
	m.Unlock()
	if stuck {
		s.conn.AwaitRoom()
	}
	if wake {
		s.wake(waitRoom)
	}
}

// finishTurn is the end of a call: it writes, where nobody does it later, and sets
// the deadline of the next one.
func (s *Session) finishTurn() {
	m := &s.mu
	m.Lock()
	if m.out.Len() > 0 && !m.later && !m.stuck {
		m.later = true
		s.conn.Later()
	}
	if m.stuck { // a goroutine may have met it, and the event passed meanwhile
		m.stuck = false
		s.flushLocked()
	}
	stuck, full, busy := m.stuck, m.out.Len() > outHard, len(m.streams) > 0
	wake := m.waiting[waitRoom] > 0 && m.out.Len() < outSoft
	over := m.goingAway && len(m.streams) == 0 && m.out.Len() == 0 && !stuck && !s.dead
	m.Unlock()
	switch {
	case s.over:
		return
	case full:
		s.end(frame.CodeEnhanceYourCalm, "frames are not read")
		return
	case over:
		s.hangUp()
		return
	case stuck:
		s.conn.AwaitRoom()
	}
	s.setDeadline(stuck, busy)
	if wake {
		s.wake(waitRoom)
	}
}

// setDeadline says when the loop calls although nothing has come.
func (s *Session) setDeadline(stuck, busy bool) {
	limit := s.opts.Idle
	switch {
	case s.dead:
		limit = lingerTime
	case !s.mu.settled || s.sequence.Open():
		limit = s.opts.Header
	case stuck:
		limit = s.opts.Write
	case s.client != nil:
		s.conn.Alarm(s.client.next(busy, s.since.Load(), limit))
		return
	}
	by := int64(0)
	if limit > 0 {
		by = s.since.Load() + int64(limit)
	}
	s.conn.Alarm(by)
}
