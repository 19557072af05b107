package http3

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/quic-go/qpack"

	"github.com/isame-lb/isame-lb/engine/stream"
)

// sendLocked puts content into a frame, as much as there is room for.
func (st *Stream) sendLocked(content []byte) int {
	m := &st.mu
	n := min(len(content), stream.OutSoft-m.out.Len(), pieceBytes)
	var room [frameHeaderMax]byte
	m.out.Append(appendFrame(room[:0], frameData, n))
	m.out.Append(content[:n])
	return n
}

// sendHeadLocked sends the head of an answer, interim or final.
func (st *Stream) sendHeadLocked() error {
	o := &st.mu.output
	var s section
	s.add(":status", strconv.Itoa(o.Status()))
	for i := range o.Fields() {
		if name, value, ok := o.Field(i); ok {
			s.add(strings.ToLower(string(name)), string(value))
		}
	}
	return st.sendSectionLocked(&s)
}

// sendTrailersLocked sends trailers, where there are some.
func (st *Stream) sendTrailersLocked() error {
	lines := st.mu.output.Trailers()
	if len(lines) == 0 {
		return nil
	}
	var s section
	for len(lines) > 0 {
		var name, value []byte
		name, value, lines = stream.NextField(lines)
		s.add(strings.ToLower(string(name)), string(value))
	}
	return st.sendSectionLocked(&s)
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
		return stream.ErrText
	}
	return nil
}
