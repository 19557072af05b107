package http3

import (
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/stream"
)

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
