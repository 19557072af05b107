package engine

import (
	"errors"
	"math"
	"os"
	"time"

	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// uploadRoom is the buffer of a request body, and how much of one, beside what
// came with its head, is kept to be sent again.
const uploadRoom = 64 << 10

// pipelineMax bounds what a read of a chunked body may bring of the next request.
const pipelineMax = 16 << 10

// pumpReadsMax is how often one turn of the loop reads from one client.
const pumpReadsMax = 8

func (u *upload) prepare() {
	u.ended, u.wake = make(chan struct{}, 1), make(chan struct{}, 1)
	u.run = safely.New("upload", u.send, u.broken)
	u.frame = make([]byte, 0, 64)
}

// begin prepares to send to the attempt's backend, from where x.body is. The caller
// must call stop before the exchange ends.
func (u *upload) begin(x *exchange) {
	if !u.begun {
		u.begun = true
		u.body, u.bodySent = x.body, u.sent
		u.in.Sized(int(min(x.body.Limit(), uploadRoom)))
		u.in.Keep()
		u.long = x.head.Framing == wire.Length && x.body.Limit() > uploadRoom
		u.pace.Begin(x.policy.bodyGap, x.policy.bytesPerSecond)
	}
	u.keeps.Store(keepsNot)
	if u.in.Kept() {
		u.keeps.Store(keepsAll)
	}
	u.whole, u.cut, u.full, u.out, u.waitNanos, u.told = false, false, false, attempt.OK, 0, false
	u.x, u.to, u.askedBy = x, x.attempt.Conn(), x.fwd.continueBy
	u.pacer = nil
	if request, _ := x.paces(); request {
		u.pacer = x.call.Pacer
	}
	u.stopping.Store(false)
	u.answered.Store(false)
	u.meeting.Store(meetNone)
	u.to.SetWritePace(x.fwd.pool.timeouts.Write, 0)
	u.moved.Store(socket.Nanos())
}

// resume lets a goroutine go on with what was begun, if anything.
func (u *upload) resume() {
	if !u.looped {
		return
	}
	u.looped, u.running = false, true
	u.run.Go()
}

// pump is one turn in the loop: it sends what is there. OK: the loop has nothing
// left to send. Pending: the client is waited for or, with full, the backend.
// Anything else is a fault of the client.
func (u *upload) pump() attempt.Outcome {
	out := u.copy(pumpReadsMax)
	if u.head != nil && out == attempt.Pending && u.write(nil) != nil && u.cut { // the head goes alone
		out = attempt.OK
	}
	switch out {
	case attempt.OK:
		u.looped = false
	case attempt.Pending:
		if u.waitNanos == 0 && !u.full {
			u.x.c.Again() // there is more, but others have their turn
		}
	default:
		u.looped, u.out = false, out
		u.to.Abort() // it must never take what it has for a whole request
	}
	return out
}

// stop ends the upload, if one is under way, and reports whether the request was
// sent to its last byte. A body that is still on its way is cut: the backend's
// connection must not be used again then.
func (u *upload) stop(x *exchange) (whole bool) {
	if !u.begun {
		return true
	}
	u.looped = false
	if u.running {
		u.running = false
		select {
		case <-u.ended:
		default:
			u.stopping.Store(true)
			u.endPause()
			x.c.AbortRead()
			u.to.Abort()
			<-u.ended
			x.c.Resume()
			if x.c.Aborted() { // cut in this very moment
				x.c.AbortRead()
			}
		}
	}
	if u.waitNanos > 0 {
		u.waited()
	}
	u.x, u.to, u.head = nil, nil, nil
	return u.whole
}

// rewind goes back to where the upload began, for another attempt.
func (u *upload) rewind(x *exchange) {
	if u.begun {
		u.in.Rewind()
		x.body, u.sent = u.body, u.bodySent
	}
}

// replayable reports that the request can be sent once more, as far as one can tell: an
// upload that runs may change that at any time. See claim.
func (x *exchange) replayable() bool { return !x.upload.begun || x.upload.keeps.Load() != keepsNot }

// claim makes a replayable request stay so, or reports that it has just ceased to be.
// The upload under way may end early then; the caller stops it.
func (u *upload) claim() bool { return !u.begun || u.keeps.CompareAndSwap(keepsAll, keepsWanted) }

// unfinished reports that the body is still on its way.
func (u *upload) unfinished() bool {
	if !u.running {
		return u.begun && !u.whole
	}
	select {
	case <-u.ended:
		u.running = false
		return !u.whole
	default:
		return true
	}
}

// await waits for the end of an upload whose answer is complete already: a
// backend may answer while it reads. One that has stopped reading costs the
// client's connection after limit.
func (u *upload) await(limit time.Duration) {
	if !u.unfinished() || !u.running {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-u.ended:
		u.running = false
	case <-t.C:
	}
}

// blame is out, or what the client did if that was the reason for it.
func (u *upload) blame(out attempt.Outcome) attempt.Outcome {
	if !u.begun {
		return out
	}
	slow := out == attempt.Timeout && u.waiting.Load() && (u.x == nil || !u.x.unasked())
	if u.x != nil {
		u.stop(u.x)
	}
	switch {
	case u.out != attempt.OK:
		return u.out
	case slow:
		return attempt.ClientSlow
	}
	return out
}

// isClean reports whether the client's connection may carry another request as far
// as the body is concerned: bytes of a pipelined request that came with the last
// ones of the body can go back to where requests are read.
func (u *upload) isClean(x *exchange) bool {
	if !u.begun && u.in.Len() == 0 {
		return true
	}
	in := &x.c.in
	return x.body.Done() && (u.in.Len() == 0 || in.Len() == 0 && u.in.Len() <= in.Room())
}

// settle puts those bytes there, where isClean allows it.
func (u *upload) settle(x *exchange) {
	if !u.begun && u.in.Len() == 0 {
		return
	}
	if u.in.Len() > 0 {
		x.c.in.Append(u.in.Bytes())
	}
	u.in.Release()
}

// send is the goroutine. When the client is to blame it cuts the backend's
// connection, so that the reader of the answer wakes, and the backend sees a
// broken request, never a complete one.
func (u *upload) send() {
	u.out = u.finish()
	if u.out != attempt.OK {
		u.to.Abort()
	}
	u.ended <- struct{}{}
}

// broken is the end of a goroutine that has met a bug: the exchange sees a backend that
// has gone, and a body that cannot be sent again.
func (u *upload) broken() {
	u.out, u.cut = attempt.ClientGone, true
	u.in.Release() // and with it, what was kept
	u.to.Abort()
	u.ended <- struct{}{}
}

// finish sends the rest, waiting.
func (u *upload) finish() attempt.Outcome {
	if u.full {
		u.full = false
		if _, err := u.to.Flush(); err != nil {
			u.cut = true
			return u.unsent(err)
		}
	}
	if out := u.copy(math.MaxInt); out != attempt.Pending {
		return out
	}
	return attempt.OK // stop has asked for it
}

// copy moves the body until its end, the end of the backend's interest (both
// OK), a fault of the client (the outcome), or until something has to be waited
// for or was read reads times (Pending).
func (u *upload) copy(reads int) attempt.Outcome {
	x := u.x
	for !x.body.Done() {
		data, err := x.body.Take(&u.in)
		if err != nil {
			return attempt.ClientBadBody
		}
		if len(data) == 0 && !x.body.Done() {
			reads--
			if reads < 0 {
				return attempt.Pending
			}
			if out := u.read(); out != attempt.OK {
				return out
			}
			continue
		}
		if u.sent += int64(len(data)); x.bodyBytesMax > 0 && u.sent > x.bodyBytesMax {
			return attempt.ClientTooLarge
		}
		if x.staged && x.copied != nil {
			x.copyContent(data)
		}
		u.moved.Store(socket.Nanos())
		switch err := u.write(data); {
		case err == nil && u.pacer != nil:
			u.pause(len(data))
		case err == nil:
		case u.full:
			return attempt.Pending
		default:
			return u.unsent(err)
		}
	}
	u.whole = true
	return attempt.OK
}

// copyContent takes content of the request that is about to be sent. The upload calls it.
func (x *exchange) copyContent(data []byte) {
	chunked := x.head.Framing == wire.ChunkedBody
	if !x.copied.Append(data, x.upload.sent-int64(len(data)), chunked) || !x.body.Done() {
		return
	}
	var trailers *wire.Head
	if chunked {
		trailers = x.trailersSent()
	}
	x.copied.End(chunked, trailers)
}

// unsent is how an upload ends whose write has failed. Why it did the answer, or its
// absence, will tell; but a backend that is late ends the attempt, unless its answer has
// begun.
func (u *upload) unsent(err error) attempt.Outcome {
	if isLate(err) && u.meeting.CompareAndSwap(meetNone, meetLate) {
		return attempt.Timeout
	}
	return attempt.OK
}

// meetsHead notes that the head of the final answer is here; false when the attempt has
// ended before.
func (u *upload) meetsHead() bool {
	return !u.begun || u.meeting.CompareAndSwap(meetNone, meetHead) || u.meeting.Load() == meetHead
}

// read takes more of the body from the client.
func (u *upload) read() attempt.Outcome {
	x := u.x
	limit := x.body.Limit() + 1 // a read that could bring more and does not has emptied the socket
	if x.head.Framing == wire.ChunkedBody {
		limit = pipelineMax // what is read too much must fit into conn.in
	}
	if u.waitNanos == 0 {
		u.waitNanos = max(socket.Nanos(), u.askedBy) // its time begins when it is asked
		x.c.SetReadBy(u.by())
		u.waiting.Store(true)
	}
	if u.in.Overflows() && !u.keeps.CompareAndSwap(keepsAll, keepsNot) {
		return attempt.Pending // another backend gets it
	}
	if !x.c.MayRead() {
		u.tell()
	}
	n, err := u.in.ReadFrom(x.c.Conn, limit)
	for errors.Is(err, os.ErrDeadlineExceeded) && u.answered.Load() && !u.stopping.Load() {
		x.c.SetReadBy(0) // the answer has begun meanwhile
		n, err = u.in.ReadFrom(x.c.Conn, limit)
	}
	if errors.Is(err, socket.ErrWouldBlock) {
		u.tell()
		return attempt.Pending
	}
	waited := u.waited()
	u.waiting.Store(false)
	switch {
	case err == nil:
		if u.long && u.keeps.CompareAndSwap(keepsAll, keepsNot) {
			u.in.Forgo()
		}
		u.came.Store(true)
		x.bytesIn += int64(n)
		if u.answered.Load() || u.pace.Took(waited, int64(n)) {
			return attempt.OK
		}
		return attempt.ClientSlow
	case u.stopping.Load():
		return attempt.Pending // nobody wants to know
	case errors.Is(err, os.ErrDeadlineExceeded):
		return attempt.ClientSlow
	}
	return attempt.ClientGone
}

// tell has the client know, once, that what it has sent is here: it may hold the rest back until
// then. See socket.Conn.Acknowledge.
func (u *upload) tell() {
	if !u.told {
		u.told = true
		u.x.c.Acknowledge()
	}
}

// waited ends a wait for the client, and returns how long that was.
func (u *upload) waited() (nanos int64) {
	nanos = max(socket.Nanos()-u.waitNanos, 0)
	u.waitNanos = 0
	if u.meeting.Load() != meetHead { // else the two talk, or nobody needs the rest
		u.lateNanos += nanos
	}
	return nanos
}

// by is until when the client is waited for. Once the answer has begun a stream may
// take its time: then the two talk, as calls of gRPC do, and what bounds the silence is
// the answer's gap. Nobody talks so over HTTP/1.1, where silence holds a connection.
func (u *upload) by() int64 {
	if u.answered.Load() {
		return 0
	}
	return u.pace.By(u.waitNanos)
}

// write sends content in the framing of the request, behind its head if that is
// still here.
func (u *upload) write(data []byte) error {
	head, chunked := u.head, u.x.head.Framing == wire.ChunkedBody
	u.head, u.frame = nil, u.frame[:0]
	tail := u.frame
	if chunked {
		if len(data) > 0 {
			u.frame = wire.AppendChunkHeader(u.frame, len(data))
		}
		split := len(u.frame)
		if len(data) > 0 {
			u.frame = append(u.frame, "\r\n"...)
		}
		if u.x.body.Done() {
			u.frame = wire.AppendLastChunk(u.frame, u.x.trailersSent())
		}
		head, tail = u.frame[:split], u.frame[split:]
	}
	_, err := u.to.Writev(head, data, tail)
	u.full = errors.Is(err, socket.ErrWouldBlock)
	u.cut = err != nil && !u.full
	return err
}

// appendBodyHere puts behind the request head what has come of the body with
// it. A small body is complete then, and goes out in the same write. A client
// that expects 100 Continue has changed its mind if it sends all the same.
// Anything but OK is a fault of the client.
func (x *exchange) appendBodyHere() attempt.Outcome {
	x.upload.begun, x.upload.sent = false, 0
	x.upload.came.Store(false)
	if x.staged && x.holds {
		x.out = append(x.out, x.held...)
		x.upload.sent = int64(len(x.held))
		x.upload.came.Store(true)
		return attempt.OK
	}
	for !x.body.Done() && x.c.in.Len() > 0 {
		data, err := x.body.Take(&x.c.in)
		if err != nil {
			return attempt.ClientBadBody
		}
		x.upload.sent += int64(len(data))
		switch {
		case x.head.Framing != wire.ChunkedBody:
			x.out = append(x.out, data...)
		case len(data) > 0:
			x.out = wire.AppendChunk(x.out, data)
		}
	}
	x.upload.came.Store(x.upload.sent > 0)
	x.bytesIn += x.upload.sent
	if x.bodyBytesMax > 0 && x.upload.sent > x.bodyBytesMax {
		return attempt.ClientTooLarge
	}
	if x.head.Framing == wire.ChunkedBody && x.body.Done() {
		x.out = wire.AppendLastChunk(x.out, x.trailersSent())
	}
	return attempt.OK
}

// pause lets the next bytes wait, as the pacer says, unless stop comes meanwhile.
func (u *upload) pause(n int) {
	d := u.pacer.Delay(&u.x.call, n, true, socket.Nanos())
	if d <= 0 || u.stopping.Load() {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-u.wake:
	}
}

// endPause wakes who pauses now, or will next.
func (u *upload) endPause() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// unasked reports that the client holds its body back until it is told to send it.
func (x *exchange) unasked() bool { return x.fwd.continueBy != 0 && !x.upload.came.Load() }
