package http3

import (
	"bufio"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// sectionRoom is what a field section may be longer than the text of its fields.
const sectionRoom = 4 << 10

// readers are the memory of streams that are read.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, pieceBytes) }}

// reading is what the goroutine of a stream that is read knows.
type reading struct {
	st       *Stream
	from     deadliner // what in reads
	in       *bufio.Reader
	announce func(*Stream) // has the exchange begin
	text     stream.RequestText
	at       sequence
	opened   bool // the exchange has begun
}

// begin starts to read the stream.
func (st *Stream) begin() {
	st.unwatch = safely.New("stopped", st.stopped, st.session.crashed).AfterDone(st.quic.Context())
	if limit := st.session.opts.Header; limit > 0 {
		_ = st.quic.SetReadDeadline(time.Now().Add(limit))
	}
	safely.Own(st.read).Go()
}

// read is the goroutine that reads: until the request ends or nobody wants it.
func (st *Stream) read() {
	defer func() {
		if safely.Caught("request stream", recover()) { // strangers' bytes, and a decoder that is not ours
			st.session.crashed()
		}
	}()
	safely.Enter("request stream")
	in, ok := readers.Get().(*bufio.Reader)
	if !ok {
		panic("BUG: something else is in the pool of readers")
	}
	in.Reset(wholeReads{st.quic})
	r := &reading{st: st, from: st.quic, in: in, announce: st.session.announce}
	f := r.frames()
	in.Reset(nil)
	readers.Put(in)
	if f == nil || f == errOver {
		return
	}
	s := st.session
	if !f.stream {
		s.fail(f)
	} else if f != errCancelled {
		s.host.Failed(f.code)
	}
	if r.opened && f.stream && f != errCancelled {
		st.quic.CancelWrite(quic.StreamErrorCode(f.code))
		st.quic.CancelRead(quic.StreamErrorCode(f.code))
	}
	if r.opened {
		st.leave(stream.ErrReset, false)
	} else {
		st.discard(f)
	}
	if f.stream {
		s.fail(s.pay(stream.CostReset))
	}
}

// frames reads all frames. nil: the end, also one that we have made.
func (r *reading) frames() *fault {
	for {
		t, length, err := readFrame(r.in)
		switch {
		case errors.Is(err, io.EOF):
			return r.end()
		case err != nil:
			return r.broken(err)
		}
		if f := r.at.next(t); f != nil {
			return f
		}
		var f *fault
		switch {
		case !t.isKnown():
			if f = r.st.session.pay(stream.CostFrame); f == nil {
				if err := skip(r.in, length); err != nil {
					f = r.broken(err)
				}
			}
		case t == frameData:
			f = r.data(length)
		case r.at == beforeHead:
			f = r.head(length)
		default:
			f = r.trailers(length)
		}
		if f != nil {
			return f
		}
		if r.isOver() {
			return nil
		}
	}
}

// broken is what an error of the stream means.
func (r *reading) broken(err error) *fault {
	switch {
	case r.isOver(): // we have given it up ourselves
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errFrameCut
	case isTimeout(err):
		return errIncomplete
	}
	return errCancelled
}

// isOver reports that the exchange has closed the stream.
func (r *reading) isOver() bool {
	r.st.mu.Lock()
	defer r.st.mu.Unlock()
	return r.st.mu.closed
}

// section reads a field section; nil and no fault: it is too large to be read.
func (r *reading) section(length uint64) ([]byte, *fault) {
	if length > uint64(r.st.session.opts.HeaderBytes+sectionRoom) {
		return nil, nil
	}
	block := make([]byte, length)
	if _, err := io.ReadFull(r.in, block); err != nil {
		if f := r.broken(cut(err)); f != nil {
			return nil, f
		}
		return nil, errCancelled
	}
	return block, nil
}

// head reads the head of the request, and begins its exchange.
func (r *reading) head(length uint64) *fault {
	block, f := r.section(length)
	if f != nil {
		return f
	}
	r.text.Reset()
	bad := fieldsTooLarge
	if block != nil {
		bad = decodeFields(block, r.st.session.opts.HeaderBytes, r.text.Add)
	}
	switch bad {
	case fieldsBroken:
		return errFields
	case fieldsMalformed:
		return errMalformed
	case fieldsTooLarge:
		r.at = inContent
		r.st.Request = stream.Request{IsHEAD: r.text.Request().IsHEAD, Refusal: wire.ErrHeaderTooLarge}
		r.open()
		if block == nil {
			return r.broken(skip(r.in, length))
		}
		return nil
	case fieldsGood:
	}
	ended, f := r.endsHere()
	if f != nil {
		return f
	}
	if !r.text.Complete(ended) {
		return errMalformed
	}
	st := r.st
	r.at = inContent
	if st.Request = r.text.Request(); st.Tunnel {
		r.at = inTunnel
	}
	st.takeHead(&r.text, ended)
	r.text = stream.RequestText{} // the content may take its time
	r.open()
	return nil
}

// endsHere reports that nothing follows the head, where HTTP/1.1 has to know that at once.
func (r *reading) endsHere() (bool, *fault) {
	wait := r.text.EndWait()
	if wait == 0 {
		return false, nil
	}
	_ = r.from.SetReadDeadline(time.Now().Add(wait))
	_, err := r.in.Peek(1)
	for err == nil && emptyData(r.in) {
		if f := r.st.session.pay(stream.CostFrame); f != nil {
			return false, f
		}
		_, err = r.in.Peek(1)
	}
	_ = r.from.SetReadDeadline(time.Time{})
	switch {
	case err == nil, isTimeout(err):
		return false, nil
	case errors.Is(err, io.EOF):
		return true, nil
	}
	return false, errCancelled
}

// open begins the exchange.
func (r *reading) open() {
	_ = r.from.SetReadDeadline(time.Time{})
	r.opened = true
	r.announce(r.st)
}

// data passes content on as it comes, as far as there is room for it.
func (r *reading) data(length uint64) *fault {
	switch {
	case length == 0:
		return r.st.session.pay(stream.CostFrame)
	case !r.st.counts(length):
		return errMalformed
	}
	for length > 0 {
		if _, err := r.in.Peek(1); err != nil {
			return r.broken(cut(err))
		}
		b, _ := r.in.Peek(int(min(uint64(r.in.Buffered()), length)))
		n, over := r.st.takeIn(b)
		if over {
			return errOver
		}
		_, _ = r.in.Discard(n)
		length -= uint64(n)
	}
	return nil
}

// trailers reads the fields behind the content.
func (r *reading) trailers(length uint64) *fault {
	st := r.st
	block, f := r.section(length)
	switch {
	case f != nil:
		return f
	case block == nil:
		return errTrailers
	}
	r.text.Reset()
	switch decodeFields(block, st.session.opts.HeaderBytes, r.text.AddTrailer) {
	case fieldsBroken:
		return errFields
	case fieldsMalformed:
		return errMalformed
	case fieldsTooLarge:
		return errTrailers
	case fieldsGood:
	}
	r.at = behindTrailers
	st.mu.Lock()
	defer st.mu.Unlock()
	st.mu.input.Trailers(r.text.Trailers())
	return nil
}

// end is the end of the request.
func (r *reading) end() *fault {
	switch {
	case r.at == beforeHead:
		return errIncomplete
	case !r.st.end():
		return errMalformed // less than it said
	}
	r.st.Conn.Arrived(false)
	return nil
}
