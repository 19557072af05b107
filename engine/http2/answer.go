package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// TryWrite implements socket.Stream: it takes the text of the answer.
func (st *Stream) TryWrite(parts *[3][]byte, inLoop bool) (int, error) {
	n, heir, err := st.write(parts, inLoop)
	if heir != nil {
		heir.Conn.Room(false)
	}
	return n, err
}

// write is TryWrite under the mutex; heir is a stream to wake.
func (st *Stream) write(parts *[3][]byte, inLoop bool) (taken int, heir *Stream, err error) {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, err = st.writeLocked(parts, inLoop)
	return taken, s.heirLocked(), err
}

func (st *Stream) writeLocked(parts *[3][]byte, inLoop bool) (taken int, err error) {
	s := st.session
	taken, full, err := stream.Take(parts, st, (*Stream).takeLocked)
	if full && err == nil && !inLoop {
		s.flushElsewhereLocked()
		var more int
		more, full, err = stream.Take(parts, st, (*Stream).takeLocked)
		taken += more
	}
	switch {
	case err != nil:
		return taken, err
	case full:
		st.blockLocked()
	}
	s.wroteLocked(inLoop)
	return taken, nil
}

// takeLocked takes the beginning of text; 0 means that there is no room or window.
func (st *Stream) takeLocked(text []byte) (int, error) {
	switch m := &st.session.mu; {
	case m.closed && st.promise:
		return 0, st.unsentLocked()
	case st.gone, m.closed:
		return 0, stream.ErrReset
	}
	o, room := &st.output, stream.OutSoft
	if o.AtHead() {
		room = outHead // an interim answer in the loop cannot wait
	}
	if st.session.mu.out.Len() >= room {
		return 0, nil
	}
	if o.AtHead() && st.session.client != nil {
		return st.takeRequestLocked(text)
	}
	p, err := o.Next(text, &st.Request)
	if err != nil {
		return 0, err
	}
	switch p.Part {
	case stream.PartHead:
		st.sendHeadLocked(p.Last)
	case stream.PartContent:
		n := st.sendLocked(text[:p.Bytes], p.Last)
		o.Took(n)
		return n, nil
	case stream.PartEnd:
		st.sendTrailersLocked()
	case stream.PartNone:
	}
	return p.Bytes, nil
}

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

// What content earns of the stock that bounds what a peer costs. Clients answer a frame
// with two updates of windows. Frames that windows make smaller than smallData earn it
// together, once they hold as much: h2load -w 8 has windows of 255 bytes, half of which
// it gives back at a time, and windows of less than smallData are used for nothing but
// attacks.
const (
	earnData  = 2 * stream.CostFrame
	smallData = 64
)

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
