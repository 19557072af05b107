package http2

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
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
// long as it lasts, and streams that have ended, to be used again. The loop owns it.
type Shard struct {
	fields   fields
	free     []*Stream // of clients
	requests []*Stream // to backends
	waking   []*Stream // of wake, empty between calls
	due      []*Stream // of beginDue, likewise
	heard    []*Stream // of arrived, until tell
}

// Session is one connection of HTTP/2: as its server, or as the client of a backend.
// Its loop calls Ready, Room and Flush (turn.go).
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
	leaves   bool  // a drain has asked it to
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

// Stream is one request and its answer: the socket.Stream in its Conn, which the host
// uses like a connection to a client (stream.go). It is used again for another one.
type Stream struct {
	use

	// Conn is what the exchange reads and writes.
	Conn socket.Conn
	// Host is the host's own, and stays when the stream is used again.
	Host any

	session *Session
	id      uint32

	// Guarded by the session's mutex.
	input  stream.Input
	output stream.Output
}

// use is what a stream knows of the request that it has now.
type use struct {
	stream.Request

	dueNanos int64 // when the exchange begins, while the loop looks ahead; 0: it has
	heard    bool  // something has come that its exchange is yet to be told of; the loop owns it

	// Guarded by the session's mutex.
	taken int64 // bytes of frames whose window was not given back
	owed  int   // of these, used up
	gone  bool  // reset or closed: what comes is for nobody

	// Of a stream to a backend.
	promise bool // it was reserved, and has no number yet
	headed  bool // the head of the final answer has come

	window int64
	given  int64 // bytes that the peer has made room for, in all
	waits  wait  // what it waits for
	waited wait  // what it has waited for last
}

// inData is a DATA frame of which a part has come: content is passed on as it comes.
type inData struct {
	stream *Stream // nil: for nobody any more
	id     uint32
	left   int // content to come
	pad    int // and padding
	end    bool
}

// block is a header block that comes in more than one frame.
type block struct {
	end   bool // the stream ends with it
	bytes socket.Fifo
	fault *frame.Fault // of its stream
}

// times are moments, in Nanos, that the deadlines of a session count from; 0 is never.
// The loop owns them. What they bound besides stands behind the mutex: quietNanos, and the
// time in which the socket is full.
type times struct {
	opened  int64 // when the session began
	begun   int64 // since when the peer is in the middle of something
	looked  int64 // when it was seen last that streams run
	drained int64 // when a drain has begun
	dead    int64 // when our side has ended
}

// client is what a session has where we are the client, of a backend.
type client struct {
	ready chan struct{} // closed with the backend's first SETTINGS, or with the end
	ping  pinging

	// Owned by the loop.
	late       bool  // the backend has said nothing in time; may be read after ready
	heardNanos int64 // when something came last
	askedNanos int64 // when a PING asked whether somebody is there; 0 is not

	// Guarded by the session's mutex.
	nextID     uint32
	reserved   int              // streams that were promised and have not sent their head
	streamsMax int              // what the backend takes
	connects   bool             // it takes extended CONNECT (RFC 8441)
	request    wire.RequestHead // under work
	used       bool             // an exchange is behind it
}

// pinging is how long a connection with streams may be silent before we ask whether
// somebody is there, and how long the answer may take.
type pinging struct{ after, wait time.Duration }

// ahead are the streams whose exchange has not begun since it is not known whether they
// have content. They are open to everything else: they count against streamsMax, and a
// drain waits for them. The loop owns it.
type ahead struct {
	n       int
	byNanos int64 // when the first of them is due, or earlier; 0: there are none
}

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

// start is what both sides begin with.
func (s *Session) start() {
	s.in.Sized(inRoom)
	nowNanos := socket.Nanos()
	s.times = times{opened: nowNanos, begun: nowNanos, looked: nowNanos}
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
