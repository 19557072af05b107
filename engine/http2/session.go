package http2

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// Bounds of a session.
const (
	// streamsMax is how many exchanges a client may have at once, and how many may
	// still run for it: one that was reset counts until its exchange has ended.
	streamsMax = 128
	// frameMax is the largest frame that is taken, the least that must be.
	frameMax = 16 << 10
	// inRoom holds the largest frame, and saves reads where there are many.
	inRoom = 32 << 10
	// outHead is how many bytes of frames wait for the socket before heads have to, as
	// content has to behind stream.OutSoft, and outHard how many there may be whatever
	// they are for. What one turn of the loop can add to that is within a Fifo.
	outHead = 256 << 10
	outHard = 512 << 10
	// blockMax bounds a header block as it is sent, unless what it may mean is more,
	// which hpack checks, and headerBytesMax that.
	blockMax       = 64 << 10
	headerBytesMax = 256 << 10
	// dropMax is how much may still come of a request that is answered, dropTimeMax for
	// how long, and dropTime for how long it may be silent: see dropRestLocked.
	dropMax     = 8 << 20
	dropTime    = 100 * time.Millisecond
	dropTimeMax = 10 * time.Second
	// resetsKept is how many streams that we have reset are remembered: what the
	// peer sent before it knew is no mistake of its.
	resetsKept = streamsMax
)

// Host is what a session tells.
type Host = stream.Host[*Stream, frame.Code]

// Options are what a listener says of its sessions.
type Options struct {
	// HeaderBytes bounds the head of a request, as text.
	HeaderBytes int
	// Header bounds the time for the preface, for a frame that is not DATA, and for a
	// header block, Idle that without a stream, Write that in which the peer takes
	// nothing, or less than BytesPerSecond. 0 is no limit.
	Header, Idle, Write time.Duration
	BytesPerSecond      int64
}

// Shard is what the sessions of one loop share: memory that a call needs for as
// long as it lasts, and streams that have ended.
type Shard struct {
	fields fields
	free   []*Stream
	waking []*Stream // of wake, empty between calls
	due    []*Stream // of beginDue, likewise
}

// freeMax bounds the streams that wait to be used again.
const freeMax = 256

// Session is one connection of HTTP/2: as its server, or as the client of a backend.
// Its loop calls Ready, Room and Flush.
type Session struct {
	client *client // nil for a server

	conn  *socket.Conn
	host  Host
	shard *Shard
	opts  Options

	// Owned by the loop.
	in       socket.Buffer
	dec      hpack.Decoder
	prefaced bool // the client's preface has come
	sequence frame.Sequence
	checked  bool   // the header of the frame at hand
	block    block  // the header block under way
	data     inData // the DATA frame under way
	ahead    ahead
	lastID   uint32 // of a stream that the client has opened
	served   uint32 // likewise, and it was not passed over: what GOAWAY says
	budget   stream.Budget
	earned   atomic.Int64 // points that the budget does not know of yet
	times    times
	dead     bool  // GOAWAY was sent for an error: what comes is dropped
	over     bool  // the host was told
	drained  uint8 // GOAWAYs of a drain that were sent
	locked   bool  // by the loop, outside of a defer: see lock

	mu struct {
		sync.Mutex
		settled    bool // the peer's first SETTINGS have come; the loop alone sets it
		streams    map[uint32]*Stream
		dropping   map[uint32]drop // requests that are answered already, and still come
		dropBy     int64           // Nanos at which something has to be done about them; 0 is never
		nudgeBy    int64           // Nanos at which a client is told something that has ended one; 0 is never
		out        socket.Fifo
		enc        hpack.Encoder
		block      []byte             // of an answer, while it is encoded
		frames     []byte             // and its frames
		window     int64              // bytes that the peer takes of all streams
		initial    int64              // what it takes of a new one
		frameMax   int                // what it takes in a frame
		small      int                // bytes of content in frames that have earned nothing yet
		taken      int64              // bytes of requests that came and whose window was not given back
		owed       int                // bytes of requests that were used up, and whose window was not given back
		waiting    [waitKinds]int     // streams that wait, by what they wait for
		given      int64              // bytes that the peer has made room for, in all
		written    int64              // and that the socket has taken
		resets     [resetsKept]uint32 // streams that we have reset
		resetAt    int
		stuck      bool        // the socket is full
		met        bool        // by a goroutine: the event that it is not may have passed
		pace       socket.Pace // of the peer, while the socket is full
		fullNanos  int64       // since when it is
		queued     int64       // bytes that the peer had not taken then
		quietNanos int64       // Nanos since when there is no stream; 0: there are some
		later      bool        // the loop will call Flush
		closed     bool        // nothing is written any more
		away       bool        // GOAWAY was sent: no new streams
	}
}

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

// start is what both sides begin with.
func (s *Session) start() {
	s.in.Sized(inRoom)
	nowNanos := socket.Nanos()
	s.times = times{begun: nowNanos, looked: nowNanos}
	s.budget.Begin(nowNanos)
	s.dec.Reset(hpack.Limits{ListBytes: s.opts.HeaderBytes})
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.streams = make(map[uint32]*Stream)
	m.enc.Reset()
	m.window, m.initial, m.frameMax = frame.WindowInitial, frame.WindowInitial, frame.PayloadBytesMin
	m.quietNanos = nowNanos
	m.pace.Begin(s.opts.Write, s.opts.BytesPerSecond)
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
