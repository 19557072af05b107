package engine

import (
	"errors"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// phase is where an exchange goes on, in its loop or in a goroutine.
type phase uint8

const (
	atHead    phase = iota // the request head is being read
	atServe                // admitted: do what the route says
	atForward              // prepared for backends: wait for admission, begin the attempts
	atSend                 // an attempt is acquired and has no connection yet
	atFlush                // the request head is partly written
	atUpload               // the body is partly written
	atAnswer               // the response head is awaited
	atHedge                // it is late, and the request is sent to another backend too
	atJudge                // an attempt has failed, or may be repeated: see outcome
	atTunnel               // the backend has switched to another protocol, or should have
	atRelay                // content is being passed on
	atSpill                // content is partly written to the client
	atDone                 // the answer is partly written, and nothing follows it
	atFinish               // everything is written: count, linger, end
)

// step carries the exchange on in its loop until something has to be waited
// for. What one socket's next event decides is waited for here; everything else
// goes to a goroutine, where the same code waits: see take.
func (x *exchange) step() (t turn) {
	defer x.rescue(&t)
	if x.at == atHead {
		r, out := x.enter()
		switch {
		case out == attempt.Pending:
			return turnWait
		case out != attempt.OK:
			return x.c.after(false) // nobody is there to answer
		}
		x.at = atServe
		if r == nil {
			r = x.admit()
		}
		if r != nil {
			return x.localTurn(x.reject(r))
		}
	}
	if x.route == nil {
		return x.localTurn(x.options())
	}
	switch x.route.action {
	case actionForward:
		return x.forwardStep()
	case actionRedirect:
		return x.localTurn(x.redirect())
	case actionChallenge:
		return x.localTurn(x.challenge())
	case actionRespond:
	}
	return x.localTurn(x.respond())
}

// localTurn ends an exchange that the proxy answered itself.
func (x *exchange) localTurn(keep bool) turn {
	keep = keep && x.upload.isClean(x)
	x.keep = keep
	if x.spilled {
		x.at = atDone
		return x.take()
	}
	if x.hasTail(keep) {
		x.at = atFinish // dropping the body, or lingering, has to wait
		return x.take()
	}
	return x.c.after(x.finish(keep))
}

// forwardStep begins the first attempt.
func (x *exchange) forwardStep() turn {
	x.beginForward()
	if x.fwd.pool.limiter != nil && x.bodyFault == attempt.OK && !x.enterPool() {
		if r := x.refuseEntry(); r != nil {
			return x.localTurn(x.reject(r))
		}
		x.at = atForward
		return x.take()
	}
	if x.bodyFault != attempt.OK {
		x.at = atForward
		return x.take()
	}
	x.attempts = 1
	if r := x.acquire(); r != nil {
		if r == answer.Busy && x.mayAwaitPlace() {
			x.at = atForward
			return x.take()
		}
		return x.localTurn(x.reject(r))
	}
	switch out := x.attempt.OpenPooled(x.fwd.member.Client(x.c.shard.index), x.reuse()); out {
	case attempt.OK:
	case attempt.Pending:
		x.at = atSend
		return x.take()
	default:
		return x.judgeLater(out)
	}
	x.beginAttempt()
	if !x.body.Done() && x.head.Framing == wire.Length { // head and body in one write
		return x.beginUpload(x.out)
	}
	switch out := x.sendHead(); out {
	case attempt.OK:
	case attempt.Pending:
		x.at = atFlush
		return x.take()
	default:
		return x.judgeLater(out)
	}
	if !x.body.Done() {
		return x.beginUpload(nil)
	}
	x.at = atAnswer
	return x.awaitBackend()
}

// beginUpload sends what has come of the body; the loop sends the rest as it
// comes. head is still to be written.
func (x *exchange) beginUpload(head []byte) turn {
	u := &x.upload
	u.begin(x)
	u.looped, u.head = true, head
	x.at = atAnswer
	if t := x.uploadTurn(u.pump()); t != turnWait {
		return t
	}
	return x.awaitBackend()
}

// uploadTurn is what follows on a turn of the upload that ended with out.
func (x *exchange) uploadTurn(out attempt.Outcome) turn {
	switch {
	case out == attempt.OK:
		return turnWait
	case out != attempt.Pending:
		return x.judgeLater(out)
	case x.upload.full:
		x.at = atUpload
		return x.take()
	}
	return turnWait
}

// awaitBackend makes the loop call answerReady. What the backend has sent
// already is announced by the kernel like everything later: nothing is read on
// suspicion.
func (x *exchange) awaitBackend() turn {
	x.attempt.Conn().SetReadBy(x.lookBy())
	x.attempt.Conn().Watch((*answerHandler)(x))
	if x.c.Ended() {
		x.c.Hung()
	}
	return turnWait
}

// answerHandler is an exchange as the handler of its backend's connection.
type answerHandler exchange

// Ready is called by the loop when the backend has sent something, has closed,
// or is late.
func (h *answerHandler) Ready() {
	x := (*exchange)(h)
	c := x.c
	defer func() { // the loop knows the backend's connection, and x may be another's by then
		if safely.Caught("answer", recover()) {
			c.Crashed()
		}
	}()
	safely.Enter("answer")
	c.carryOn(x.answerStep())
}

// answerStep goes on with the answer.
func (x *exchange) answerStep() (t turn) {
	defer x.rescue(&t)
	if x.at == atAnswer {
		out := x.awaitHead(x.lookBy())
		if out == attempt.Timeout && x.continueDue() {
			if out = x.sayContinue(); out == attempt.OK {
				out = x.awaitHead(x.lookBy())
			}
		}
		switch {
		case out == attempt.Pending && x.spilled:
			x.at = atUpload
			return x.take()
		case out == attempt.Pending:
			return turnWait
		case out == attempt.Timeout && x.hedgeDue():
			x.at = atHedge
			return x.take()
		case out != attempt.OK || x.mayRetryStatus() || x.upload.looped:
			return x.judgeLater(out)
		case x.switches():
			x.at = atTunnel
			return x.take()
		}
		x.beginRelay()
		x.at = atRelay
	}
	return x.relayTurn(x.relayContent(relayPiecesMax))
}

// relayTurn is what follows on a relay that ended with out.
func (x *exchange) relayTurn(out attempt.Outcome) turn {
	switch {
	case x.spilled:
		x.at = atSpill
		return x.take()
	case out == attempt.Pending:
		return turnWait
	}
	x.attempt.Conn().Unwatch()
	x.endRelay(out)
	return x.localTurn(x.keep)
}

// clientEvent is called by the loop when the client's socket says something in
// the middle of an exchange: more of its body, or that it has gone, so that the
// backend works for nobody no longer. Bytes of the next request wait.
func (x *exchange) clientEvent() (t turn) {
	defer x.rescue(&t)
	switch {
	case x.at == atAnswer && x.upload.looped:
		return x.uploadTurn(x.upload.pump())
	case x.at != atAnswer && x.at != atRelay:
	case x.c.Broken(), x.c.graceIsOver():
		x.clientGone = true
		x.attempt.Conn().AbortRead()
	case x.c.Ended():
		x.c.Hung()
	}
	return turnWait
}

// judgeLater lets a goroutine judge an attempt that did not succeed.
func (x *exchange) judgeLater(out attempt.Outcome) turn {
	x.at, x.outcome = atJudge, out
	return x.take()
}

// take gives the connection and its exchange to a goroutine.
func (x *exchange) take() turn {
	if x.at <= atSpill {
		x.c.TakeMinded()
		if x.c.Ended() {
			x.c.Hung()
		}
	} else {
		x.c.Take()
	}
	if x.fwd.open {
		x.attempt.Conn().Take()
	}
	x.run.Go()
	return turnTaken
}

// goOn is the goroutine of an exchange: it carries it to its end, waiting where
// that is needed, and gives the connection back to the loop.
func (x *exchange) goOn() {
	c := x.c
	defer func() {
		if safely.Caught("exchange", recover()) { // outside of what rescue ends
			c.cut()
			c.close()
		}
	}()
	switch x.waitingly() {
	case turnEnd:
		c.close()
		return
	case turnTunnel:
		c.Hand(c, true)
		return
	case turnAgain, turnWait, turnTaken:
	}
	c.beginWait()
	c.Hand(c, c.in.Len() > 0)
}

// waitingly is the rest of the exchange, from its phase on.
func (x *exchange) waitingly() (t turn) {
	defer x.rescue(&t)
	safely.Enter("exchange")
	x.upload.resume()
	keep := false
	switch x.at {
	case atForward, atSend, atFlush, atUpload, atHedge, atJudge:
		keep = x.attemptsFrom(x.at)
	case atTunnel:
		keep = x.openTunnel()
	case atRelay, atSpill:
		keep = x.relayFrom(x.at)
	case atDone:
		keep = x.flushClient() == attempt.OK && x.keep
	case atFinish:
		keep = x.keep
	case atHead, atServe, atAnswer:
		panic("BUG: the loop waits for this itself")
	}
	if c := x.c; c.tunnel != nil {
		c.x, c.served = nil, true
		releaseExchange(x)
		return turnTunnel
	}
	return x.c.after(x.finish(keep && x.upload.isClean(x)))
}

// rescue turns a panic into a 500, where nothing was answered yet, and into the
// end of this connection. Whatever was acquired is given back.
func (x *exchange) rescue(t *turn) {
	if !safely.Caught("exchange", recover()) {
		return
	}
	x.crashed()
	*t = x.c.after(false)
}

// crashed ends an exchange that has met a bug, for rescue, or whose event has: it is
// counted like any other, and nothing stays acquired.
func (x *exchange) crashed() {
	x.keep = false
	x.abandon()
	x.forget()
	if x.policy == nil { // it had not begun
		return
	}
	if !x.answered {
		x.reject(answer.Internal)
	}
	x.count()
}

// enter reads and checks the request head. A reject is its answer; ClientGone
// means that the client left before it had sent one, Pending that there is more
// to come.
func (x *exchange) enter() (*answer.Reject, attempt.Outcome) {
	c := x.c
	if x.startNanos == 0 && !x.begin() {
		return nil, attempt.ClientGone
	}
	if err := c.refused; err != nil {
		x.forget()
		return answer.ForError(err), attempt.OK
	}
	for {
		n, err := x.head.Parse(c.in.Bytes(), &x.policy.limits)
		if err != nil {
			x.forget()
			return answer.ForError(err), attempt.OK
		}
		if n > 0 {
			c.in.Discard(n)
			c.in.Pin() // the head lies there, until count
			x.bytesIn = int64(n)
			break
		}
		if c.in.Full() {
			x.forget()
			return answer.ForError(wire.ErrHeaderTooLarge), attempt.OK
		}
		switch _, err := c.in.ReadFrom(c.Conn, roomMax); {
		case err == nil:
		case errors.Is(err, socket.ErrWouldBlock):
			return nil, attempt.Pending
		case isLate(err):
			x.forget()
			return answer.SlowHeader, attempt.OK
		default:
			return nil, attempt.ClientGone
		}
	}
	x.isHEAD = string(x.head.Method) == "HEAD"
	x.keep = x.head.KeepAlive && c.stream == nil
	x.body.Begin(x.head.Framing, x.head.ContentLength)
	return nil, attempt.OK
}

// begin loads the generation; false when it does not have this listener.
func (x *exchange) begin() bool {
	x.forget()
	x.startNanos, x.reached = socket.Nanos(), end.PhaseRead
	slot := x.c.shard.ln.slot
	x.table = x.c.shard.engine.generation(slot)
	x.policy = x.table.listener(slot)
	if x.policy == nil {
		return false
	}
	x.c.SetReadBy(deadline(x.startNanos, x.policy.header))
	x.c.SetWritePace(x.policy.write, x.policy.bytesPerSecond)
	return true
}
