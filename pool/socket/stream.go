package socket

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// Stream is what a Conn is made of that is no socket: a stream of HTTP/2 or
// HTTP/3. To whoever uses the Conn it is a connection that carries one exchange
// in HTTP/1.1, so that the engine is one for all versions; the stream translates.
// Its methods do not wait, and the Conn's owner calls them: a goroutine, or the
// loop.
type Stream interface {
	// TryRead moves what has come into p. 0 and nil: nothing is there now; then
	// Arrived, or Left, is called when that changes.
	TryRead(p []byte) (int, error)
	// TryWrite takes bytes off the front of the parts, as many as there is room
	// for, and returns their number. If it left some, Room is called when there is
	// room again. inLoop: the loop's goroutine calls.
	TryWrite(parts *[3][]byte, inLoop bool) (int, error)
	// Full reports that TryWrite would take nothing now.
	Full() bool
	// Queued falls by what the peer takes, from whatever number it likes.
	Queued() int64
	// CloseWrite ends our side of a stream that was switched to another protocol.
	CloseWrite() error
	// Close ends the stream: a reset, unless both sides are at their end. It is
	// called once, when nobody reads or writes any more.
	Close()
}

// Recycler is a Stream that can be used again.
type Recycler interface {
	// Recycle gives the memory of a closed one back. The loop calls it, when nobody has it any more.
	Recycle()
}

// Recycle gives the memory of a closed connection back whose stream is a Recycler. Only the loop's goroutine
// may call it, and nobody may know the connection any more.
func (c *Conn) Recycle() {
	if r, ok := c.stream.(Recycler); ok {
		r.Recycle()
	}
}

// Carrier is a Stream that is a whole connection of QUIC: nothing is read or written
// but on the streams within it.
type Carrier interface {
	Stream
	// TLSState describes the keys of the connection.
	TLSState() tls.ConnectionState
	// LocalAddr and RemoteAddr are its two ends as they are now: a client may move.
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

// carrier is c as a Carrier; nil for others.
func (c *Conn) carrier() Carrier {
	if of, ok := c.stream.(Carrier); ok {
		return of
	}
	return nil
}

// BeginStream makes c, which is new or was closed, a connection on l made of s;
// within is the connection that s is a part of, nil where there is none. One that
// was used before must have been used on the same loop, which may call its handler
// once more for an event of that time.
func (c *Conn) BeginStream(l *Loop, s Stream, within *Conn) {
	if c.loop != l { // else somebody may be reading it, to ask for a call of that time
		c.loop = l
	}
	c.fd, c.stream, c.within, c.paced = -1, s, within, false
	for _, h := range []*half{&c.rd, &c.wr} {
		h.state.Store(0)
		h.nowait, h.wantedNanos, h.armedNanos = false, 0, 0
	}
	c.gone.Store(false)
}

// IsStream reports that it is made of a stream, not of a socket.
func (c *Conn) IsStream() bool { return c.stream != nil }

// Loop is the connection's.
func (c *Conn) Loop() *Loop { return c.loop }

// InLoop reports that Read and Write do not wait, as the loop uses them.
func (c *Conn) InLoop() bool { return c.wr.nowait }

// Later is Loop.Later for the connection.
func (c *Conn) Later() { c.loop.Later(c) }

// tryStream is trySocket for a stream.
func (c *Conn) tryStream(p []byte) (int, error) {
	h := &c.rd
	h.state.And(^uint32(bitReady))
	n, err := c.stream.TryRead(p)
	if n > 0 { // the end may stand behind it, and that is not announced once more
		h.state.Or(bitReady)
	}
	return n, err
}

// tryWriteStream is tryWrite for a stream.
func (c *Conn) tryWriteStream() (done bool, err error) {
	n, err := c.stream.TryWrite(&c.parts, c.wr.nowait)
	c.written += n
	return len(c.parts[0])+len(c.parts[1])+len(c.parts[2]) == 0, err
}

// Arrived tells that there is something to read. inLoop: the loop's goroutine
// calls, and the handler of a looped connection is called at once.
func (c *Conn) Arrived(inLoop bool) {
	switch looped := c.rd.signal(bitReady); {
	case !looped:
	case inLoop:
		c.handler.Ready()
	default:
		c.loop.post(c)
	}
}

// MarkReadable is Arrived for the connection's owner itself, in the middle of a
// write: its next read finds something.
func (c *Conn) MarkReadable() { c.rd.state.Or(bitReady) }

// Left tells that the peer has given up the stream: it takes nothing any more.
func (c *Conn) Left(inLoop bool) {
	c.wr.signal(bitReady)
	switch looped := c.rd.signal(bitReady | bitHung | bitBroken); {
	case !inLoop:
		c.loop.post(c)
	case looped:
		c.handler.Ready()
	default:
		c.hung()
	}
}

// Room tells that TryWrite takes bytes again. It wakes who waits for that.
func (c *Conn) Room(inLoop bool) {
	switch looped := c.wr.signal(bitReady); {
	case !looped:
	case inLoop:
		c.callRoom()
	default:
		c.loop.post(c)
	}
}

// AwaitRoom makes the loop call the handler's Room, once, when the connection
// takes bytes again; the handler is a Roomer. It follows a write that answered
// ErrWouldBlock. Only the loop's goroutine may call it.
func (c *Conn) AwaitRoom() {
	c.wr.state.And(^uint32(bitReady))
	c.wr.state.Or(bitLooped)
	if c.stream != nil && !c.stream.Full() { // another goroutine may have made room meanwhile
		c.loop.post(c)
	}
}

// callRoom is the call that AwaitRoom asked for.
func (c *Conn) callRoom() {
	c.wr.state.And(^uint32(bitReady | bitLooped))
	if r, ok := c.handler.(Roomer); ok {
		r.Room()
	}
}

// Multiplexer opens streams to one backend, on connections that carry many exchanges
// at once: HTTP/2. There is one for each backend, set of options and shard. Any
// goroutine may call it.
type Multiplexer interface {
	// Open returns a stream for one exchange, and whether its connection has carried
	// others before. fresh asks for one on a new connection. It waits as long as p says.
	// inLoop: the caller must not wait, and ErrNotNow says that a goroutine has to open it.
	Open(fresh, inLoop bool, p Patience) (c *Conn, used bool, err error)
	// Counts are the connections, and those without a stream.
	Counts() (open, idle int)
	// CloseIdle closes connections without a stream.
	CloseIdle()
}

// Multiplexing is what a Multiplexer is made of.
type Multiplexing struct {
	// Loop is that of its streams.
	Loop *Loop
	// Dial makes a connection that is ready to be spoken on. It waits, within the
	// pool's limits of time and number, and runs as one of Errands. Hangup closes one.
	Dial    func(context.Context) (*Conn, error)
	Hangup  func(*Conn)
	Errands *Errands
	// Connect bounds the time until the backend has said its first word, Idle that
	// of a connection without a stream, MaxAge that of one which still takes
	// streams. 0 is no limit.
	Connect, Idle, MaxAge time.Duration
	// HeaderBytes bounds the head of an answer.
	HeaderBytes int
}

// Errors of a Multiplexer, and of Read on its streams.
var (
	// ErrNotNow means that there is no stream without waiting.
	ErrNotNow = errors.New("cannot open a stream without waiting")
	// ErrStreamUnsent means that the backend has not seen the request, or says that
	// it has done nothing for it (RFC 9113 section 8.7).
	ErrStreamUnsent = errors.New("the backend has not processed the stream")
	// ErrStreamLost means that the connection died.
	ErrStreamLost = errors.New("the connection of the stream is gone")
	// ErrStreamBad means that what the backend sent is no answer.
	ErrStreamBad = errors.New("the backend has sent a malformed message")
)
