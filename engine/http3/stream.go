package http3

import (
	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/stream"
)

// TryWrite implements socket.Stream: it takes the text of the answer.
func (st *Stream) TryWrite(parts *[3][]byte, _ bool) (int, error) {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	taken, full, err := stream.Take(parts, st, (*Stream).takeLocked)
	if err != nil {
		return taken, err
	}
	m.waits = m.waits || full
	st.writeSoonLocked()
	return taken, nil
}

// takeLocked takes the beginning of text; 0 means that there is no room.
func (st *Stream) takeLocked(text []byte) (int, error) {
	m := &st.mu
	switch {
	case m.gone:
		return 0, stream.ErrReset
	case m.out.Len() >= stream.OutSoft:
		return 0, nil
	}
	p, err := m.output.Next(text, &st.Request)
	if err != nil {
		return 0, err
	}
	switch p.Part {
	case stream.PartHead:
		return p.Bytes, st.sendHeadLocked()
	case stream.PartContent:
		n := st.sendLocked(text[:p.Bytes])
		m.output.Took(n)
		return n, nil
	case stream.PartEnd:
		return p.Bytes, st.sendTrailersLocked()
	case stream.PartNone:
	}
	return p.Bytes, nil
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
