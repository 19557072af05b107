package engine

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/answer"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// open takes a connection to the backend, or makes one: atOpen. The loop takes one that
// is idle. A goroutine may dial, and asks another backend too when that takes long.
func (x *exchange) open() phase {
	f, a := &x.fwd, &x.attempt
	client := f.member.Client(x.c.shard.index)
	var out attempt.Outcome
	if x.waits {
		a.Patience = x.patience(x.attemptBy())
		if f.hedgeBy != 0 {
			a.Patience.LateBy, a.Patience.Late = f.hedgeBy, x.hedgeDial
		}
		out = a.Open(client, x.reuse())
		a.Patience.LateBy, a.Patience.Late = 0, nil
	} else {
		out = a.OpenPooled(client, x.reuse())
	}
	switch out { //nolint:exhaustive // the others are failures
	case attempt.OK:
		x.beginAttempt()
		return atSend
	case attempt.Pending:
		return aside
	}
	return x.fail(out)
}

// beginAttempt notes that the attempt has a connection.
func (x *exchange) beginAttempt() {
	f, a := &x.fwd, &x.attempt
	f.open = true
	x.noteConnection()
	x.c.backend.Store(a.Conn())
	if f.race != nil {
		f.race.opened(a.Conn())
	}
	if x.nobodyWaits() { // in the meantime, when there was no backend to abort
		a.Conn().Abort()
	}
	f.headBy = x.headBefore(f.beganNanos)
	if x.head.ExpectContinue && !x.body.Done() && !f.continued && !x.upload.came.Load() {
		f.continueBy = socket.After(socket.Nanos(), expectWait)
	}
}

// send writes what is prepared, and begins with the rest of the body: atSend. In the
// loop a body of known length goes out in one write with the head.
func (x *exchange) send() phase {
	x.upload.rewind(x)
	if !x.waits && !x.body.Done() && x.head.Framing == wire.Length {
		return x.beginUpload(x.out)
	}
	return x.sent(x.attempt.Send(x.out, x.fwd.pool.timeouts.Write))
}

// sendRest goes on where the backend has taken a part: atSendRest.
func (x *exchange) sendRest() phase {
	x.attempt.Patience = x.patience(x.attemptBy())
	return x.sent(x.attempt.SendRest())
}

// sent is what follows on a write of the head.
func (x *exchange) sent(out attempt.Outcome) phase {
	switch {
	case out == attempt.Pending:
		return atSendRest
	case out != attempt.OK:
		return x.fail(out)
	case !x.body.Done(): // also where 100 Continue is expected: it may come all the same
		return x.beginUpload(nil)
	}
	return atAwait
}

// beginUpload sends what has come of the body; the rest is sent as it comes, by the loop
// or a goroutine of its own. head is still to be written.
func (x *exchange) beginUpload(head []byte) phase {
	u := &x.upload
	u.begin(x)
	u.looped, u.head = true, head
	if x.waits {
		u.resume()
		return atAwait
	}
	if u.pacer != nil {
		return atUpload
	}
	return x.pump()
}

// pump sends in the loop what has come of the body.
func (x *exchange) pump() phase {
	switch out := x.upload.pump(); {
	case out == attempt.OK:
	case out != attempt.Pending:
		return x.fail(out)
	case x.upload.full:
		return atUpload
	}
	return atAwait
}

// expectWait is how long a backend may leave Expect: 100-continue unanswered
// before the body is sent all the same (RFC 9110 section 10.1.1).
const expectWait = time.Second

// await reads heads until that of the final answer; interim ones are passed on: atAwait.
func (x *exchange) await() phase {
	for {
		out, next := x.attempt.Head(x.isHEAD, x.lookBy()), atAwait
		switch {
		case out == attempt.OK:
			next = x.headCame()
		case out == attempt.Pending:
			return stay
		case out != attempt.Timeout:
			return x.fail(x.upload.blame(out))
		case x.extend():
		case x.continueDue():
			next = x.sayContinue()
		case x.hedgeDue():
			return atHedge
		default:
			return x.fail(x.upload.blame(out))
		}
		if next != atAwait {
			return next
		}
	}
}

// headCame is what follows on one head.
func (x *exchange) headCame() phase {
	f, h, next := &x.fwd, &x.attempt.Response, atAwait
	switch status := h.Status; {
	case status >= 200, status == statusSwitched && x.upgrades():
		if !x.upload.meetsHead() {
			return x.fail(x.upload.blame(attempt.Timeout))
		}
		f.headNanos = socket.Nanos()
		if !x.claimRace() {
			return x.fail(attempt.Outrun)
		}
		return atAnswer
	case f.interims == interimMax, status == statusSwitched:
		return x.fail(attempt.BadResponse) // nobody asked for that many, nor to switch
	case status != 100:
		next = x.interim(h)
	case x.unasked(): // else it was sent unasked
		next = x.sayContinue()
	}
	f.interims++
	return next
}

// lookBy is the nearest moment at which something has to be done while the answer is
// awaited: it is late, or another backend is asked, or the client is told to go on.
func (x *exchange) lookBy() int64 {
	f := &x.fwd
	return socket.Earlier(f.headBy, socket.Earlier(f.hedgeBy, f.continueBy))
}

// extend moves the deadline of the response head on while the body is still on
// its way: a backend need not answer before it has the request. Its time counts
// from the last bytes it was given, and stands still while the client is waited
// for, which the listener's body timeout bounds. The route's deadline stays, and so
// does it all before the client was asked for its body.
func (x *exchange) extend() bool {
	f, u := &x.fwd, &x.upload
	if !u.begun || x.unasked() || x.attempt.Conn().Aborted() {
		return false
	}
	f.continueBy = 0 // its body has come without
	nowNanos := socket.Nanos()
	sinceNanos := u.moved.Load()
	if u.waiting.Load() {
		sinceNanos = nowNanos
	}
	f.headBy = x.headBefore(sinceNanos)
	return f.headBy == 0 || f.headBy > nowNanos
}

// continueDue reports that the backend has said nothing of Expect: 100-continue for so
// long that the client is told without it.
func (x *exchange) continueDue() bool {
	f, nowNanos := &x.fwd, socket.Nanos()
	return x.unasked() && nowNanos >= f.continueBy && (f.headBy == 0 || nowNanos < f.headBy)
}

// sayContinue tells the client to send its body.
func (x *exchange) sayContinue() phase {
	f := &x.fwd
	f.continueBy, f.continued = 0, true
	f.headBy = socket.Earlier(f.byNanos, deadline(socket.Nanos(), f.pool.timeouts.Read))
	return x.interim(&continueHead)
}

// continueHead is what the client is told without the backend. Nobody changes it.
var continueHead = wire.ResponseHead{Status: fasthttp.StatusContinue, Reason: []byte("Continue")}

// interim writes a 1xx answer to a client that knows them.
func (x *exchange) interim(h *wire.ResponseHead) phase {
	if x.head.Minor == 0 {
		return atAwait
	}
	x.answer = h.AppendFields(answer.BeginAs(x.answer[:0], h.Status, h.Reason, nil))
	x.answer = answer.End(x.answer, answer.Unsized, answer.Silent)
	x.c.SetWriteEnd(x.fwd.byNanos)
	return x.interimWritten(x.c.Write(x.answer))
}

// flushInterim goes on where the client has taken a part: atInterim. The route's
// deadline is for this, too.
func (x *exchange) flushInterim() phase {
	x.c.SetWriteEnd(x.fwd.byNanos)
	return x.interimWritten(x.c.Flush())
}

// interimWritten is what follows on a write of n bytes of an interim answer. Behind a
// part of one no other answer can be given.
func (x *exchange) interimWritten(n int, err error) phase {
	x.c.SetWriteEnd(0)
	switch x.written(n, err) { //nolint:exhaustive // it is one of three
	case attempt.Pending:
		return atInterim
	case attempt.OK:
		x.c.stays()
		return atAwait
	}
	return x.leave()
}

// noteConnection notes what the attempt has got. The loop takes what is there, at once.
func (x *exchange) noteConnection() {
	c := records.Connection{Reused: x.attempt.Reused()}
	if x.waits {
		x.fwd.openNanos = socket.Nanos()
		c.TookNanos = x.fwd.openNanos - x.trail.BeganNanos()
		if !c.Reused {
			x.connected(x.fwd.member, c.TookNanos)
		}
	}
	c.MadeNanos, c.IdledNanos = x.attempt.Past()
	x.trail.Opened(c)
}
