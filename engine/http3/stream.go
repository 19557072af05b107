package http3

import (
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
)

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

// TryRead implements socket.Stream: the text of the request.
func (st *Stream) TryRead(p []byte) (int, error) {
	n, wake, err := st.tryRead(p)
	if wake {
		st.wakeReader()
	}
	return n, err
}

// tryRead is TryRead under the mutex; wake: there is room for more.
func (st *Stream) tryRead(p []byte) (n int, wake bool, err error) {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	n, _, err = m.input.Read(p)
	if wake = m.full && m.input.Content() <= inMax/2; wake {
		m.full = false
	}
	return n, wake, err
}

func (st *Stream) wakeReader() {
	select {
	case st.space <- struct{}{}:
	default: // it will look anyway
	}
}

// Full implements socket.Stream.
func (st *Stream) Full() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.mu.waits && !st.mu.gone
}

// Queued implements socket.Stream: it falls by what QUIC has taken, which takes no more
// than the peer allows.
func (st *Stream) Queued() int64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return -st.mu.moved
}

// CloseWrite implements socket.Stream, for a tunnel.
func (st *Stream) CloseWrite() error {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	if !m.gone && m.output.CloseTunnel() {
		st.writeSoonLocked()
	}
	return nil
}

// leave is the end of the stream by the peer. Its exchange has not ended yet, and sees
// why. inLoop: the loop calls.
func (st *Stream) leave(why error, inLoop bool) {
	m := &st.mu
	m.Lock()
	if m.gone || m.closed {
		m.Unlock()
		return
	}
	m.gone, m.waits = true, false
	m.input.Fail(why)
	m.input.Drop()
	if !m.output.Done() { // else what is left of it is still written
		m.out.Drop()
	}
	m.Unlock()
	st.wakeReader()
	st.Conn.Left(inLoop)
}

// stopped is called when the peer takes nothing of the answer any more, also after the
// end of it.
func (st *Stream) stopped() {
	m := &st.mu
	m.Lock()
	done := m.output.Done()
	m.Unlock()
	if !done {
		st.leave(stream.ErrReset, false)
	}
}

// Close implements socket.Stream. A request that was not read to its end is not wanted
// any more (RFC 9114 section 4.1); an answer without its end is broken. What is left of
// a whole answer is still written.
func (st *Stream) Close() {
	m := &st.mu
	m.Lock()
	sent, gone, writing := m.output.Done(), m.gone, m.writing
	m.closed, m.gone, m.waits = true, true, false
	m.input.Fail(stream.ErrReset)
	m.input.Drop()
	if !sent {
		m.out.Drop()
	}
	m.Unlock()
	st.wakeReader()
	if st.unwatch != nil {
		st.unwatch()
	}
	code := errcode.None
	switch {
	case !sent && gone:
		code = errcode.RequestCancelled
	case !sent:
		code = errcode.Internal
	}
	if !sent && !gone {
		st.session.host.Failed(code)
	}
	if !sent {
		st.quic.CancelWrite(quic.StreamErrorCode(code))
	}
	if !sent {
		st.quic.CancelRead(quic.StreamErrorCode(code))
	}
	if writing {
		st.hurry()
	}
	st.endIfOver(sent)
}

// hurry bounds what is left of the answer: the exchange, which did, has ended.
func (st *Stream) hurry() {
	if limit := st.session.opts.Write; limit > 0 {
		_ = st.quic.SetWriteDeadline(time.Now().Add(limit))
	}
}

// endIfOver forgets the stream when its exchange and its writer have ended. A client whose
// request has not ended is told to stop then, without an error and behind the whole
// answer (RFC 9114 section 4.1): one that hears it first may take it for a failure.
func (st *Stream) endIfOver(answered bool) {
	m := &st.mu
	m.Lock()
	over := m.closed && !m.writing && !m.forgotten
	m.forgotten = m.forgotten || over
	ended := m.input.Ended()
	m.Unlock()
	if over && answered && !ended {
		st.quic.CancelRead(quic.StreamErrorCode(errcode.None))
	}
	if over {
		st.session.forget(st, answered)
	}
}

// discard ends a stream that never becomes an exchange.
func (st *Stream) discard(f *fault) {
	m := &st.mu
	m.Lock()
	m.closed, m.gone, m.forgotten = true, true, true
	m.Unlock()
	if st.unwatch != nil {
		st.unwatch()
	}
	st.quic.CancelRead(quic.StreamErrorCode(f.code))
	st.quic.CancelWrite(quic.StreamErrorCode(f.code))
	st.session.forget(st, false)
}
