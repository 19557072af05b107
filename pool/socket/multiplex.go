package socket

import (
	"context"
	"errors"
	"time"
)

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
