package engine

import (
	"errors"
	"io"
	"math"
	"sync"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/codec"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// inlineMax is the content that is copied behind the head and written with it;
// above it the two go out as one writev.
const inlineMax = 4 << 10

// accept decides whose the answer is: atAnswer. The head of one that is the client's is
// made before the upload, if one is under way, goes on: whether the connection is kept
// depends on how far that was when the answer came.
func (x *exchange) accept() phase {
	switch {
	case x.claimRetry():
		x.fwd.outcome = attempt.OK
		return atJudge
	case x.switches():
		return atTunnel
	case x.staged:
		x.meetAnswer(&x.attempt.Response)
		return atUnwrap
	}
	return x.beginRelay()
}

// beginRelay makes the head for the client.
func (x *exchange) beginRelay() phase {
	x.c.stays()
	x.upload.answered.Store(x.c.stream != nil)
	x.status = x.attempt.Response.Status
	x.chunked = x.composeHead()
	x.answered = true
	x.relayNanos = x.fwd.headNanos
	return atRelay
}

// unwrap lets the stages see the answer of a backend: atUnwrap.
func (x *exchange) unwrap() phase {
	switch v := x.respondStages(); v { //nolint:exhaustive // the others are not for answers
	case stage.Wait:
		return aside
	case stage.Answered:
		return x.supplant()
	case stage.Handed:
		return handed
	}
	c, h := &x.call, &x.attempt.Response
	x.coder, x.unflushed, x.source = c.Coder, false, c.Source
	c.Coder, h.Status, h.Reason = nil, c.Status, c.Reason
	if x.coder != nil {
		x.codedTurns = 0
		x.attempt.KeepShort()
	}
	x.keep = x.keep && !c.Ends
	return x.beginRelay()
}

// unwrapTunnel is unwrap for the head of an answer that switches; atTunnel where it may go
// on.
func (x *exchange) unwrapTunnel() phase {
	if x.carried != atTunnel {
		x.meetAnswer(&x.attempt.Response)
	}
	switch x.respondStages() { //nolint:exhaustive // the others are not for answers
	case stage.Answered:
		return x.supplant()
	case stage.Handed:
		x.carried = atTunnel
		return handed
	}
	return atTunnel
}

// relayPiecesMax is how many pieces of one answer a turn of the loop passes on.
const relayPiecesMax = 16

// Where a stage changes the content, a piece of 32 KiB takes 0.2 (gzip) to 0.8 ms (brotli).
// A turn of the loop passes on one, and content that still comes after some turns is
// passed on in a goroutine: it is long, and the others of the shard would wait for it, 8 ms
// each time (median, two cores) instead of 0.02.
const (
	codedPiecesMax = 1
	codedTurnsMax  = 4
)

// relay passes the backend's answer on: head and what has come of the content
// in one system call, then the rest as it comes: atRelay. Each read of the backend is
// one write to the client, so an event of a stream waits for nothing, and a
// slow client holds the backend by the sockets' own back-pressure.
func (x *exchange) relay() phase {
	_, paced := x.paces()
	switch {
	case !x.waits && (paced || x.source != nil || x.upload.looped): // looped: there is more to come from both sides
		return aside
	case x.source != nil:
		return x.relaySource()
	}
	pieces := x.beginTurn()
	if pieces == 0 {
		return aside
	}
	for ; pieces > 0; pieces-- {
		data, pipe, out := x.nextPiece()
		switch {
		case out == attempt.Pending:
			if out = x.flushCoder(); out == attempt.OK {
				return stay
			}
		case out != attempt.OK:
		case pipe != nil:
			out = x.passPipe(pipe)
		default:
			out = x.passOn(data)
		}
		switch {
		case out == attempt.Pending:
			return atSpill
		case out != attempt.OK || x.attempt.Done():
			return x.endRelay(out)
		case paced && !x.pace(len(data)):
			return x.endRelay(attempt.ClientGone)
		}
		x.c.stays()
	}
	x.attempt.Conn().Again()
	return stay
}

// flushCoder passes on what the coder may keep inside, as nothing more is there now.
func (x *exchange) flushCoder() attempt.Outcome {
	x.codedTurns = 0
	if x.coder == nil || !x.unflushed {
		return attempt.OK
	}
	return x.passOn(nil)
}

// beginTurn returns how many pieces the turn passes on; 0: the content goes on in a
// goroutine.
func (x *exchange) beginTurn() int {
	switch {
	case x.waits:
		return math.MaxInt
	case x.coder == nil:
		return relayPiecesMax
	case x.codedTurns >= codedTurnsMax:
		return 0
	}
	x.codedTurns++
	return codedPiecesMax
}

// nextPiece is what comes next of the content: bytes, or a pipe of them. First it is
// what has come with the head, for which nobody waits.
func (x *exchange) nextPiece() (data []byte, pipe *socket.Pipe, out attempt.Outcome) {
	a := &x.attempt
	if !x.headed {
		data, out = a.Buffered()
		x.headed = out == attempt.OK
		x.seen(data)
		return data, nil, out
	}
	if !x.awaiting {
		// The clock again: a slow client may have held up the write for
		// longer than the backend may be silent.
		nowNanos := socket.Nanos()
		x.sendNanos += nowNanos - x.relayNanos
		x.awaiting, x.nextBy = true, deadline(nowNanos, x.fwd.pool.timeouts.Read)
	}
	if _, paced := x.paces(); x.coder == nil && !paced && !x.compares() {
		pipe, out = a.NextPiped(x.c.Conn, x.nextBy)
	}
	if pipe == nil && out == attempt.OK {
		data, out = a.Next(x.nextBy)
		x.seen(data)
	}
	if out != attempt.Pending { // else the loop comes again, and the time goes on
		x.awaiting, x.relayNanos = false, socket.Nanos()
	}
	return data, pipe, out
}

// flushContent goes on where the client has taken a part of a piece: atSpill.
func (x *exchange) flushContent() phase {
	out := x.written(x.c.Flush())
	if out == attempt.OK {
		x.c.stays()
		if !x.attempt.Done() {
			return atRelay
		}
	}
	return x.endRelay(out)
}

// endRelay ends the attempt whose content was passed on with outcome out.
func (x *exchange) endRelay(out attempt.Outcome) phase {
	switch {
	case x.nobodyWaits():
		out = attempt.ClientGone
		x.breakOff(out)
	case out != attempt.OK && !x.headed: // what came with the head is bad: nothing was written yet
		x.release(x.upload.blame(out))
		x.forgetAnswer()
		return x.reject(x.fwd.last)
	case out != attempt.OK:
		out = x.upload.blame(out)
		x.breakOff(out)
	case x.keep, x.c.stream != nil && !x.refusedEarly():
		x.upload.await(lingerTime)
	}
	x.release(out)
	return atFinish
}

// composeHead renders the response head into x.answer and reports whether the
// content has to be chunked for the client. Fields are passed on as they came;
// Date, Server and repeated fields stay what and where the backend put them.
func (x *exchange) composeHead() (chunked bool) {
	h, content := &x.attempt.Response, answer.Unsized
	if h.OddLength {
		content = answer.Content(h.ContentLength)
	}
	if x.source != nil && x.coder == nil && x.call.Length >= 0 {
		content = answer.Content(x.call.Length)
	} else if h.Framing == wire.ChunkedBody || h.Framing == wire.UntilClose || x.coder != nil || x.source != nil {
		content = answer.Unsized
		if chunked = x.head.Minor == 1; chunked {
			content = answer.Chunked
		}
		x.keep = x.keep && chunked // HTTP/1.0 knows only the end of the connection
	}
	x.keep = x.keep && !x.refusedEarly() && !x.mustLeave()
	hsts := x.hsts()
	if hsts != "" {
		answer.DropHSTS(&h.Head)
		if x.staged && x.call.Answer.Get(&hstsName) != nil { // a stage knows better
			hsts = ""
		}
	}
	var date []byte
	if !h.Has(wire.FieldDate) { // RFC 9110 section 6.6.1
		date = x.c.shard.engine.clock.Date(x.fwd.headNanos)
	}
	b := h.AppendFields(answer.BeginAs(x.answer[:0], h.Status, h.Reason, date))
	if x.staged {
		b = append(b, x.call.Answer.Added()...)
	}
	b = x.appendProxyStatus(x.appendSticky(b))
	b = answer.AppendAltSvc(append(x.appendAttempts(b), hsts...), x.altSvc(), &h.Head)
	x.answer = answer.End(b, content, x.connection())
	return chunked
}

// appendProxyStatus appends our part of Proxy-Status, where the configuration wants one.
func (x *exchange) appendProxyStatus(b []byte) []byte {
	switch {
	case !x.table.proxyStatus:
		return b
	case x.staged:
		return answer.AppendReceived(b, x.received)
	}
	return answer.AppendReceived(b, x.attempt.Response.Status)
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
	if x.coder != nil {
		data = x.recode(data)
	}
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
	if x.chunked && x.contentEnded() {
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

// trailers are the backend's, for a client that takes them (RFC 9110 section
// 6.5.1).
func (x *exchange) trailers() *wire.Head {
	if !x.head.AcceptsTrailers {
		return nil
	}
	t := x.attempt.Trailers()
	if x.coder != nil {
		codec.DropStale(t)
	}
	return t
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

// flushBelow is the size of a piece below which a goroutine, which cannot see whether
// more is there, takes it for the last one for now.
const flushBelow = 16 << 10

// recode is what becomes of a piece of content; no bytes: nothing more is there now. It
// stays as it is until the next call.
func (x *exchange) recode(data []byte) []byte {
	last := x.contentEnded()
	if len(data) == 0 && !last && !x.unflushed {
		return nil
	}
	flush := len(data) == 0 || x.waits && len(data) < flushBelow
	x.coded = x.coder.Append(x.coded[:0], data, flush, last)
	x.unflushed = !flush && !last
	return x.coded
}

// sourceRoom is how much of the content that a stage has made is passed on at once.
const sourceRoom = 32 << 10

var sourceRooms sync.Pool

// relaySource passes on the content that a stage has made: atRelay, in a goroutine.
func (x *exchange) relaySource() phase {
	_, paced := x.paces()
	if !paced && x.sendsFile() {
		return x.relayFile()
	}
	room, _ := sourceRooms.Get().(*[sourceRoom]byte)
	if room == nil {
		room = new([sourceRoom]byte)
	}
	defer sourceRooms.Put(room)
	for {
		n, err := x.source.Read(room[:])
		x.sourceEnded = errors.Is(err, io.EOF)
		if err != nil && !x.sourceEnded && x.reader.File != nil {
			return x.endFile(err)
		}
		if err != nil && !x.sourceEnded {
			x.breakOff(attempt.Truncated)
			return x.endSource(attempt.Truncated)
		}
		if n == 0 && !x.sourceEnded {
			continue
		}
		out := x.passOn(room[:n])
		x.headed = true
		if out == attempt.Pending { // who waits is told otherwise
			out = x.written(x.c.Flush())
		}
		switch {
		case out != attempt.OK || x.sourceEnded:
			return x.endSource(out)
		case paced && !x.pace(n):
			return x.endSource(attempt.ClientGone)
		}
		x.c.stays()
	}
}

// endSource ends an exchange whose content came from a stage. What the backend has sent
// may be unread: its connection is kept where it is not.
func (x *exchange) endSource(out attempt.Outcome) phase {
	x.headed = true
	if out != attempt.OK && !x.broken {
		x.breakOff(attempt.ClientGone)
	}
	x.upload.await(lingerTime)
	if !x.sourceEnded && x.fwd.open { // another goroutine may be reading it, for the handler's own stream
		x.attempt.Conn().Abort()
	}
	if x.staged {
		x.call.Held.Release() // from here on nobody reads
	}
	x.release(out)
	return atFinish
}
