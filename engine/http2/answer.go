package http2

import (
	"bytes"
	"errors"

	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// answerState is where the text of an answer is.
type answerState uint8

const (
	answerHead    answerState = iota // before a head
	answerLength                     // in content of which left bytes are to come
	answerChunked                    // in a chunked body
	answerRaw                        // in a tunnel
	answerDone                       // END_STREAM was sent
)

// answer makes frames of the text of an answer. The text is the engine's own, so its
// rules are known: a head comes in one piece.
type answer struct {
	state answerState
	head  wire.ResponseHead
	left  int64
	chunk unchunk
}

func (a *answer) reset() {
	a.head.Reset()
	a.state, a.left = answerHead, 0
	a.chunk = unchunk{trailers: a.chunk.trailers[:0]}
}

// held is how much memory it keeps.
func (a *answer) held() int { return cap(a.chunk.trailers) }

// errText is an answer that is not what an engine writes.
var errText = errors.New("BUG: the text of an answer is not that of a response")

// answerLimits are as wide as the engine's own.
var answerLimits = wire.Limits{HeadBytes: outHard, Fields: 1 << 10}

// TryWrite implements pool.Stream: it takes the text of the answer.
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
	flushed := false
	for i := range parts {
		for len(parts[i]) > 0 {
			switch {
			case s.mu.closed && st.promise:
				return taken, st.unsentLocked()
			case st.gone, s.mu.closed:
				return taken, errReset
			}
			n, err := st.takeLocked(parts[i])
			taken += n
			parts[i] = parts[i][n:]
			if err != nil {
				return taken, err
			}
			if n == 0 && !inLoop && !flushed {
				s.flushElsewhereLocked()
				flushed = true
				continue
			}
			if n == 0 {
				st.blockLocked()
				s.wroteLocked(inLoop)
				return taken, nil
			}
		}
	}
	s.wroteLocked(inLoop)
	return taken, nil
}

// takeLocked takes the beginning of text; 0 means that there is no room or window.
func (st *Stream) takeLocked(text []byte) (int, error) {
	a, room := &st.answer, outSoft
	if a.state == answerHead {
		room = outHead // an interim answer in the loop cannot wait
	}
	if st.session.mu.out.Len() >= room {
		return 0, nil
	}
	switch a.state {
	case answerHead:
		if st.session.client != nil {
			return st.takeRequestLocked(text)
		}
		return st.takeHeadLocked(text)
	case answerLength:
		n := st.sendLocked(text[:min(int64(len(text)), a.left)], a.left)
		a.left -= int64(n)
		if a.left == 0 {
			a.state = answerDone
		}
		return n, nil
	case answerRaw:
		return st.sendLocked(text, int64(len(text))+1), nil
	case answerChunked:
		return st.takeChunkedLocked(text)
	case answerDone:
	}
	return len(text), nil // content that the request's method forbids
}

// sendLocked sends content in a frame, as much as the windows allow. last is how much
// content is left in all: the frame that has the end of it ends the stream.
func (st *Stream) sendLocked(content []byte, last int64) int {
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
	st.session.appendLocked(frame.AppendDataHeader(room[:0], st.id, n, int64(n) == last))
	st.session.appendLocked(content[:n])
	return n
}

// takeHeadLocked takes a head: interim or final.
func (st *Stream) takeHeadLocked(text []byte) (int, error) {
	a := &st.answer
	n, err := a.head.Parse(text, &answerLimits, st.isHEAD)
	if err != nil || n == 0 {
		return 0, errText
	}
	h := &a.head
	switched := h.Status == 101 && st.tunnel
	end := false
	switch {
	case switched:
		a.state = answerRaw
	case h.Interim():
	case h.Framing == wire.ChunkedBody:
		a.state = answerChunked
	case h.Framing == wire.Length && h.ContentLength > 0:
		a.state, a.left = answerLength, h.ContentLength
	default:
		a.state, end = answerDone, true
	}
	m := &st.session.mu
	block := m.block[:0]
	if switched {
		block = m.enc.AppendStatus(block, 200)
	} else {
		block = m.enc.AppendStatus(block, h.Status)
	}
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Drop || switched && wire.EqualFold(h.Name(f), "sec-websocket-accept") {
			continue
		}
		block = m.enc.AppendField(block, h.Name(f), h.FieldValue(f), hpack.Auto)
	}
	m.block = block
	st.sendBlockLocked(end)
	return n, nil
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

// takeChunkedLocked takes a part of a chunked body.
func (st *Stream) takeChunkedLocked(text []byte) (int, error) {
	a := &st.answer
	n, content, err := a.chunk.next(text)
	if err != nil {
		return 0, err
	}
	if content > 0 { // n is 0: content begins here
		n = st.sendLocked(text[:content], -1)
		a.chunk.left -= int64(n)
		return n, nil
	}
	if a.chunk.done {
		a.state = answerDone
		st.sendTrailersLocked()
	}
	return n, nil
}

// sendTrailersLocked ends the stream, with trailers where there are some.
func (st *Stream) sendTrailersLocked() {
	m := &st.session.mu
	lines := st.answer.chunk.trailers
	if len(lines) == 0 {
		st.sendEndLocked()
		return
	}
	block := m.block[:0]
	for len(lines) > 0 {
		line, rest, _ := bytes.Cut(lines, crlf)
		lines = rest
		name, value, _ := bytes.Cut(line, colon)
		block = m.enc.AppendField(block, name, wire.TrimOWS(value), hpack.Auto)
	}
	m.block = block
	st.sendBlockLocked(true)
}

var crlf, colon = []byte("\r\n"), []byte(":")
