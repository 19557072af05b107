package engine

import (
	"errors"
	"math"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// inlineMax is the content that is copied behind the head and written with it;
// above it the two go out as one writev.
const inlineMax = 4 << 10

// relay passes the backend's answer on: head and what has come of the content
// in one system call, then the rest as it comes. Each read of the backend is
// one write to the client, so an event of a stream waits for nothing, and a
// slow client holds the backend by the sockets' own back-pressure.
func (x *exchange) relay() bool {
	x.beginRelay()
	x.endRelay(x.relayContent(math.MaxInt))
	return x.keep
}

// relayFrom is relay for an answer whose first part went out in the loop.
func (x *exchange) relayFrom(s phase) bool {
	out := attempt.OK
	if s == atSpill {
		out = x.flushClient()
	}
	if out == attempt.OK && !x.attempt.Done() {
		out = x.relayContent(math.MaxInt)
	}
	x.endRelay(out)
	return x.keep
}

// flushClient writes what a write in the loop has left over.
func (x *exchange) flushClient() attempt.Outcome {
	x.spilled = false
	n, err := x.c.Flush()
	x.bytesOut += int64(n)
	if err != nil {
		return attempt.ClientGone
	}
	x.c.stays()
	return attempt.OK
}

func (x *exchange) beginRelay() {
	x.c.stays()
	x.upload.answered.Store(x.c.stream != nil)
	x.status, x.reached = x.attempt.Response.Status, end.PhaseRelay
	x.chunked = x.composeHead()
	x.answered = true
	x.relayNanos = x.fwd.headNanos
}

// relayPiecesMax is how many pieces of one answer a turn of the loop passes on.
const relayPiecesMax = 16

// relayContent copies until the content ends or, in the loop, until it has to
// wait: Pending for the backend or for its next turn, after so many pieces, and
// with spilled set for the client.
func (x *exchange) relayContent(pieces int) attempt.Outcome {
	a := &x.attempt
	for ; ; pieces-- {
		if pieces == 0 {
			a.Conn().Again()
			return attempt.Pending
		}
		var data []byte
		var pipe *socket.Pipe
		var out attempt.Outcome
		if x.headed {
			if !x.awaiting {
				// The clock again: a slow client may have held up the write for
				// longer than the backend may be silent.
				x.awaiting, x.nextBy = true, deadline(socket.Nanos(), x.fwd.pool.timeouts.Read)
			}
			if pipe, out = a.NextPiped(x.c.Conn, x.nextBy); pipe == nil && out == attempt.OK {
				data, out = a.Next(x.nextBy)
			}
			if out == attempt.Pending {
				return out // the loop comes again, and the time goes on
			}
			x.awaiting, x.relayNanos = false, socket.Nanos()
		} else {
			data, out = a.Buffered()
			x.headed = out == attempt.OK
		}
		switch {
		case out != attempt.OK:
		case pipe != nil:
			out = x.passPipe(pipe)
		default:
			out = x.passOn(data)
		}
		if out != attempt.OK || a.Done() {
			return out
		}
		x.c.stays()
	}
}

// endRelay ends the attempt whose content was passed on with outcome out.
func (x *exchange) endRelay(out attempt.Outcome) {
	switch {
	case x.clientGone || x.c.left.Load() || x.c.Aborted():
		out = attempt.ClientGone
		x.breakOff(out)
	case out != attempt.OK && !x.headed: // what came with the head is bad: nothing was written yet
		x.release(x.upload.blame(out))
		x.reject(x.fwd.last)
		return
	case out != attempt.OK:
		out = x.upload.blame(out)
		x.breakOff(out)
	case x.keep, x.c.stream != nil && !x.refusedEarly():
		x.upload.await(lingerTime)
	}
	x.release(out)
}

// composeHead renders the response head into x.answer and reports whether the
// content has to be chunked for the client. Fields are passed on as they came;
// Date, Server and repeated fields stay what and where the backend put them.
func (x *exchange) composeHead() (chunked bool) {
	h, content := &x.attempt.Response, answer.Unsized
	if h.OddLength {
		content = answer.Content(h.ContentLength)
	}
	if h.Framing == wire.ChunkedBody || h.Framing == wire.UntilClose {
		if chunked = x.head.Minor == 1; chunked {
			content = answer.Chunked
		}
		x.keep = x.keep && chunked // HTTP/1.0 knows only the end of the connection
	}
	x.keep = x.keep && !x.refusedEarly() && !x.mustLeave()
	hsts := x.hsts()
	if hsts != "" {
		answer.DropHSTS(&h.Head)
	}
	var date []byte
	if !h.Has(wire.FieldDate) { // RFC 9110 section 6.6.1
		date = x.c.shard.engine.clock.Date(x.fwd.headNanos)
	}
	b := x.appendSticky(h.AppendFields(answer.BeginAs(x.answer[:0], h.Status, h.Reason, date)))
	b = answer.AppendAltSvc(append(x.appendAttempts(b), hsts...), x.altSvc(), &h.Head)
	x.answer = answer.End(b, content, x.connection())
	return chunked
}

// refusedEarly reports an answer before the end of the request that makes the
// rest not worth reading: an error, or one to Expect: 100-continue, after which
// the body may or may not come.
func (x *exchange) refusedEarly() bool {
	switch {
	case !x.upload.begun:
		return !x.body.Done()
	case x.unasked():
		return true
	}
	return x.attempt.Response.Status >= 300 && x.upload.unfinished()
}

// passOn writes x.answer (a head, or nothing) and content in the client's
// framing. Pending means that the rest waits in the connection; data must stay.
func (x *exchange) passOn(data []byte) attempt.Outcome {
	b, framed := x.answer, x.chunked && len(data) > 0
	if framed {
		b = wire.AppendChunkHeader(b, len(data))
	}
	if len(data) <= inlineMax {
		b, data = append(b, data...), nil
	}
	split := len(b)
	if framed {
		b = append(b, "\r\n"...)
	}
	if x.chunked && x.attempt.Done() {
		b = wire.AppendLastChunk(b, x.trailers())
	}
	if data == nil {
		split = len(b)
	}
	x.answer = b[:0]
	if len(b) == 0 && len(data) == 0 {
		return attempt.OK
	}
	return x.written(x.c.Writev(b[:split], data, b[split:]))
}

// passPipe is passOn for content that goes through a pipe.
func (x *exchange) passPipe(p *socket.Pipe) attempt.Outcome {
	return x.written(x.c.WritePipe(p))
}

// written is what a write of n bytes of the answer to the client means.
func (x *exchange) written(n int, err error) attempt.Outcome {
	switch {
	case err == nil:
		x.bytesOut += int64(n)
		return attempt.OK
	case errors.Is(err, socket.ErrWouldBlock):
		x.spilled = true
		return attempt.Pending
	}
	x.bytesOut += int64(n)
	return attempt.ClientGone
}

// trailers are the backend's, for a client that takes them (RFC 9110 section
// 6.5.1).
func (x *exchange) trailers() *wire.Head {
	if !x.head.AcceptsTrailers {
		return nil
	}
	return x.attempt.Trailers()
}

// breakOff makes the client see that the answer is not complete: its framing is
// left open, and where the framing is the end of the connection, that end is a
// reset.
func (x *exchange) breakOff(out attempt.Outcome) {
	x.keep, x.broken, x.end = false, true, out.End()
	if x.head.Minor == 0 {
		x.c.ResetOnClose()
	}
}
