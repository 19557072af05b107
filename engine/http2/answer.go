package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// What content earns of the stock that bounds what a peer costs. Clients answer a frame
// with two updates of windows. Frames that windows make smaller than smallData earn it
// together, once they hold as much: h2load -w 8 has windows of 255 bytes, half of which
// it gives back at a time, and windows of less than smallData are used for nothing but
// attacks.
const (
	earnData  = 2 * stream.CostFrame
	smallData = 64
)

// sendLocked sends content in a frame, as much as the windows allow; last: the frame that
// has the end of it ends the stream.
func (st *Stream) sendLocked(content []byte, last bool) int {
	m := &st.session.mu
	n := int(min(int64(len(content)), st.window, m.window, int64(m.frameMax)))
	if n <= 0 {
		return 0
	}
	st.window -= int64(n)
	m.window -= int64(n)
	if m.small += n; n == len(content) || m.small >= smallData {
		m.small = 0
		st.session.earned.Add(earnData)
	}
	var room [frame.HeaderBytes]byte
	st.session.appendLocked(frame.AppendDataHeader(room[:0], st.id, n, last && n == len(content)))
	st.session.appendLocked(content[:n])
	return n
}

// sendHeadLocked sends the head of an answer, interim or final.
func (st *Stream) sendHeadLocked(end bool) {
	m, o := &st.session.mu, &st.output
	block := m.enc.AppendStatus(m.block[:0], o.Status())
	for i := range o.Fields() {
		if name, value, ok := o.Field(i); ok {
			block = m.enc.AppendField(block, name, value, hpack.Auto)
		}
	}
	m.block = block
	st.sendBlockLocked(end)
}

// sendTrailersLocked ends the stream, with trailers where there are some.
func (st *Stream) sendTrailersLocked() {
	m := &st.session.mu
	lines := st.output.Trailers()
	if len(lines) == 0 {
		st.sendEndLocked()
		return
	}
	block := m.block[:0]
	for len(lines) > 0 {
		var name, value []byte
		name, value, lines = stream.NextField(lines)
		block = m.enc.AppendField(block, name, value, hpack.Auto)
	}
	m.block = block
	st.sendBlockLocked(true)
}

// blockKeep is how much memory a session keeps for the next block.
const blockKeep = 4 << 10

// sendBlockLocked sends the header block in the session's memory.
func (st *Stream) sendBlockLocked(end bool) {
	m := &st.session.mu
	h := frame.Header{Stream: st.id}
	if end {
		h.Flags = frame.FlagEndStream
	}
	m.frames = frame.AppendHeaders(m.frames[:0], h, m.block, uint32(m.frameMax))
	st.session.appendLocked(m.frames)
	if cap(m.block)+cap(m.frames) > blockKeep {
		m.block, m.frames = nil, nil
	}
}

// sendEndLocked ends the stream.
func (st *Stream) sendEndLocked() {
	var room [frame.HeaderBytes]byte
	st.session.appendLocked(frame.AppendDataHeader(room[:0], st.id, 0, true))
}
