package http2

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// headers takes HEADERS (RFC 9113 section 6.2).
func (s *Session) headers(h frame.Header, payload []byte) *frame.Fault {
	fragment, f := frame.Headers(h, payload)
	if f != nil && !f.Stream {
		return f
	}
	s.block.end = h.Flags.Has(frame.FlagEndStream)
	if !h.Flags.Has(frame.FlagEndHeaders) {
		s.block.fault = f
		s.block.bytes.Append(fragment)
		return nil
	}
	return s.headerBlock(h.Stream, fragment, f)
}

// continuation takes CONTINUATION (RFC 9113 section 6.10).
func (s *Session) continuation(h frame.Header, payload []byte) *frame.Fault {
	b := &s.block
	if b.bytes.Len()+len(payload) > max(blockMax, s.opts.HeaderBytes) {
		return errBlock
	}
	if f := s.pay(stream.CostFrame); f != nil {
		return f
	}
	b.bytes.Append(payload)
	if !h.Flags.Has(frame.FlagEndHeaders) {
		return nil
	}
	f := s.headerBlock(h.Stream, b.bytes.Bytes(), b.fault)
	b.bytes.Drop()
	return f
}

// headerBlock takes a whole header block: a request, or the trailers of one. A block
// that is for nobody is decoded all the same, for the sake of the table; fault is
// what is wrong with its frame.
func (s *Session) headerBlock(id uint32, fragment []byte, fault *frame.Fault) *frame.Fault {
	s.dec.Begin(fragment)
	if s.client != nil {
		return s.response(id, fault)
	}
	m := &s.mu
	s.lock()
	st := m.streams[id]
	if st != nil && st.gone {
		st = nil
	}
	running, leaving := len(m.streams)+len(m.dropping), m.away
	s.unlock()
	switch {
	case id%2 == 0:
		return errEvenStream
	case st != nil && fault != nil:
		return s.skip(fault)
	case st != nil:
		return s.trailers(st)
	case id <= s.lastID:
		return s.skip(s.lateHeaders(id))
	}
	s.lastID = id
	switch {
	case leaving: // GOAWAY has said that it will not be heard
		if f := s.skip(nil); f != nil {
			return f
		}
		return s.pay(stream.CostFrame)
	case fault != nil:
		return s.skip(fault)
	case running >= streamsMax:
		return s.skip(errTooMany)
	}
	s.served = id
	return s.request(id)
}

// lateHeaders judges a header block for a stream that was there.
func (s *Session) lateHeaders(id uint32) *frame.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.block.end && s.dropFrameLocked(id, 0, true) || s.wasResetLocked(id) {
		return nil
	}
	// Whether the stream has ended or was passed over is not remembered; both end
	// the session (RFC 9113 sections 5.1 and 5.1.1).
	return errClosed
}

// skip decodes a block that nobody wants.
func (s *Session) skip(f *frame.Fault) *frame.Fault {
	if err := s.dec.Skip(); err != nil {
		return tableError(err)
	}
	return f
}

// request begins a stream.
func (s *Session) request(id uint32) *frame.Fault {
	t, ended := &s.shard.fields, s.block.end
	fault, err := t.readRequest(&s.dec, ended)
	switch {
	case err != nil:
		return tableError(err)
	case fault == fieldsMalformed:
		return errMalformed
	}
	st := s.newStream(id)
	st.Request = t.request.Request()
	m := &s.mu
	s.lock()
	wait := st.beginLocked(&t.request, fault, ended)
	st.window = m.initial
	m.streams[id] = st
	m.quietNanos = 0
	s.unlock()
	if wait > 0 {
		s.look(st, wait)
	} else {
		s.host.Open(st)
	}
	return nil
}

// beginLocked makes the stream's message of the head; wait is how long its end is not
// written yet, 0 for not at all.
func (st *Stream) beginLocked(t *stream.RequestText, fault fieldsFault, ended bool) (wait time.Duration) {
	if fault == fieldsTooLarge {
		st.Refusal = wire.ErrHeaderTooLarge
		if ended {
			st.input.End()
		}
		return 0
	}
	t.Put(&st.input, ended)
	if !ended {
		wait = t.EndWait()
	}
	if wait == 0 {
		st.input.EndHead(!ended)
	}
	return wait
}

// response takes a header block of a backend: the head of an answer, interim or
// final, or trailers.
func (s *Session) response(id uint32, fault *frame.Fault) *frame.Fault {
	if fault != nil {
		return s.skip(fault)
	}
	m := &s.mu
	s.lock() // a goroutine may be closing the stream
	st := m.streams[id]
	known := id < s.client.nextID && id%2 == 1
	over := st == nil || st.gone || st.input.Ended()
	headed := !over && st.headed
	s.unlock()
	switch {
	case !known:
		return errIdle
	case over:
		return s.skip(nil)
	case headed:
		return s.trailers(st)
	}
	t, ended := &s.shard.fields, s.block.end
	bad, err := t.readResponse(&s.dec, &st.Request, ended)
	switch {
	case err != nil:
		return tableError(err)
	case bad != fieldsGood:
		return errMalformed
	}
	m.Lock()
	defer m.Unlock()
	s.arrived(st)
	if st.gone {
		return nil
	}
	if !t.response.Put(&st.input, &st.Request, ended) {
		return errMalformed
	}
	st.headed = t.response.IsFinal()
	s.client.used = true
	return nil
}

// trailers takes the fields behind a request's body (RFC 9113 section 8.1).
func (s *Session) trailers(st *Stream) *frame.Fault {
	s.lock()
	done, ended := st.output.Done(), st.input.Ended()
	s.unlock()
	switch {
	case ended && done:
		return s.skip(errClosed)
	case ended:
		return s.skip(errStreamClosed)
	case !s.block.end:
		return s.skip(errMalformed)
	}
	t := &s.shard.fields
	fault, err := t.readTrailers(&s.dec)
	switch {
	case err != nil:
		return tableError(err)
	case fault == fieldsTooLarge:
		return errTrailers
	case fault == fieldsMalformed:
		return errMalformed
	}
	s.lock()
	here, whole := !st.gone, st.input.Counts(0, true)
	if here && whole {
		st.input.Trailers(t.request.Trailers())
		st.endedLocked()
	}
	s.unlock()
	switch {
	case here && !whole:
		return errMalformed
	case here && st.isAhead():
		s.begin(st, st.input.HasTrailers())
	case here:
		s.arrived(st)
	}
	return nil
}
