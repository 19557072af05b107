package http3

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/quic-go/qpack"

	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// answerState is where the text of an answer is.
type answerState uint8

const (
	answerHead    answerState = iota // before a head
	answerLength                     // in content of which left bytes are to come
	answerChunked                    // in a chunked body
	answerRaw                        // in a tunnel
	answerDone                       // all of it was taken
)

// answer makes frames of the text of an answer. The text is the engine's own, so its
// rules are known: a head comes in one piece.
type answer struct {
	state answerState
	head  wire.ResponseHead
	left  int64
	chunk http2.Unchunker
}

// errText is an answer that is not what an engine writes.
var errText = errors.New("BUG: the text of an answer is not that of a response")

// answerHeadMax is the longest head, which is more than what backends may send.
const answerHeadMax = 512 << 10

// answerLimits are as wide as the engine's own.
var answerLimits = wire.Limits{HeadBytes: answerHeadMax, Fields: 1 << 10}

// TryWrite implements pool.Stream: it takes the text of the answer.
func (st *Stream) TryWrite(parts *[3][]byte, _ bool) (int, error) {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	taken := 0
	for i := range parts {
		for len(parts[i]) > 0 {
			if m.gone {
				return taken, errReset
			}
			n, err := st.takeLocked(parts[i])
			taken += n
			parts[i] = parts[i][n:]
			if err != nil {
				return taken, err
			}
			if n == 0 {
				m.waits = true
				st.writeSoonLocked()
				return taken, nil
			}
		}
	}
	st.writeSoonLocked()
	return taken, nil
}

// takeLocked takes the beginning of text; 0 means that there is no room.
func (st *Stream) takeLocked(text []byte) (int, error) {
	m := &st.mu
	if m.out.Len() >= outSoft {
		return 0, nil
	}
	a := &m.answer
	switch a.state {
	case answerHead:
		return st.takeHeadLocked(text)
	case answerLength:
		n := st.sendLocked(text[:min(int64(len(text)), a.left)])
		if a.left -= int64(n); a.left == 0 {
			a.state = answerDone
		}
		return n, nil
	case answerRaw:
		return st.sendLocked(text), nil
	case answerChunked:
		return st.takeChunkedLocked(text)
	case answerDone:
	}
	return len(text), nil // content that the request's method forbids
}

// sendLocked puts content into a frame, as much as there is room for.
func (st *Stream) sendLocked(content []byte) int {
	m := &st.mu
	n := min(len(content), outSoft-m.out.Len(), pieceBytes)
	var room [frameHeaderMax]byte
	m.out.Append(appendFrame(room[:0], frameData, n))
	m.out.Append(content[:n])
	return n
}

// takeHeadLocked takes a head: interim or final.
func (st *Stream) takeHeadLocked(text []byte) (int, error) {
	a := &st.mu.answer
	n, err := a.head.Parse(text, &answerLimits, st.isHEAD)
	if err != nil || n == 0 {
		return 0, errText
	}
	h := &a.head
	switched := h.Status == 101 && st.tunnel
	switch {
	case switched:
		a.state = answerRaw
	case h.Interim():
	case h.Framing == wire.ChunkedBody:
		a.state = answerChunked
	case h.Framing == wire.Length && h.ContentLength > 0:
		a.state, a.left = answerLength, h.ContentLength
	default:
		a.state = answerDone
	}
	status := h.Status
	if switched {
		status = 200
	}
	var s section
	s.add(":status", strconv.Itoa(status))
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Drop || switched && wire.EqualFold(h.Name(f), "sec-websocket-accept") {
			continue
		}
		s.add(strings.ToLower(string(h.Name(f))), string(h.FieldValue(f)))
	}
	return n, st.sendSectionLocked(&s)
}

// section is a field section that is made.
type section struct {
	bytes bytes.Buffer
	enc   *qpack.Encoder
}

// add adds a field, whose name is in lower case.
func (s *section) add(name, value string) {
	if s.enc == nil {
		s.enc = qpack.NewEncoder(&s.bytes)
	}
	_ = s.enc.WriteField(qpack.HeaderField{Name: name, Value: value}) // memory takes everything
}

// sendSectionLocked sends a field section.
func (st *Stream) sendSectionLocked(s *section) error {
	m := &st.mu
	var room [frameHeaderMax]byte
	if !m.out.Append(appendFrame(room[:0], frameHeaders, s.bytes.Len())) || !m.out.Append(s.bytes.Bytes()) {
		return errText
	}
	return nil
}

// takeChunkedLocked takes a part of a chunked body.
func (st *Stream) takeChunkedLocked(text []byte) (int, error) {
	a := &st.mu.answer
	n, content, err := a.chunk.Next(text)
	if err != nil {
		return 0, errText
	}
	if content > 0 { // n is 0: content begins here
		n = st.sendLocked(text[:content])
		a.chunk.Took(n)
		return n, nil
	}
	if a.chunk.Done() {
		a.state = answerDone
		return n, st.sendTrailersLocked()
	}
	return n, nil
}

// sendTrailersLocked sends trailers, where there are some.
func (st *Stream) sendTrailersLocked() error {
	lines := st.mu.answer.chunk.Trailers()
	if len(lines) == 0 {
		return nil
	}
	var s section
	for len(lines) > 0 {
		line, rest, _ := bytes.Cut(lines, []byte("\r\n"))
		lines = rest
		name, value, _ := bytes.Cut(line, []byte(":"))
		s.add(strings.ToLower(string(name)), string(wire.TrimOWS(value)))
	}
	return st.sendSectionLocked(&s)
}
