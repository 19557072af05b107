package engine

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// interimMax bounds the 1xx answers of one attempt.
const interimMax = 32

// expectWait is how long a backend may leave Expect: 100-continue unanswered
// before the body is sent all the same (RFC 9110 section 10.1.1).
const expectWait = time.Second

// forwarding is what the attempts of one exchange share.
type forwarding struct {
	pool    *poolEntry
	query   pool.Query
	byNanos int64 // the route's deadline; 0 is none
	headBy  int64 // until then the attempt's response head is awaited
	hedgeBy int64 // then another backend is asked too; 0 is never
	// continueBy is until when a client that expects 100 Continue waits for the
	// backend's word; 0: it does not, or not any more.
	continueBy int64
	continued  bool  // it was told
	headNanos  int64 // when the last response head came
	interims   int   // 1xx answers of the attempt

	// The attempt under way.
	member     *pool.Member // acquired and not yet released; nil between attempts
	permit     pool.Permit
	beganNanos int64
	open       bool // x.attempt holds a connection
	entered    bool // the exchange has a slot of its pool's limiter

	judged     bool          // whether the answer's status is retried is decided: paid
	paid       bool          // the next retry is taken from the budget already
	retryAfter time.Duration // the last answer asks to wait so long

	again  *pool.Member   // the next attempt goes to this backend, if it may
	stuck  *pool.Member   // the client's cookie names it
	renew  bool           // that cookie is old
	last   *answer.Reject // what the last failed attempt would answer
	backed bool           // the free retry of a died connection was used
}

// attemptsFrom is the retry loop: at most retry.attempts attempts inside one
// deadline, each acquire, send, judge, release. The first one may have come as
// far as s in the event loop. It reports whether the client's connection may
// carry another request.
func (x *exchange) attemptsFrom(s phase) bool {
	if x.bodyFault != attempt.OK {
		x.keep = false
		return x.reject(answer.ForOutcome(x.bodyFault))
	}
	out, r := x.firstAttempt(s)
	for r == nil {
		if out == attempt.OK && !x.mayRetryStatus() {
			if x.switches() {
				return x.openTunnel()
			}
			return x.relay()
		}
		if x.nobodyWaits() {
			return x.leave()
		}
		cause := x.retryCause(out)
		x.release(out)
		if cause == retry.CauseStatus {
			x.fwd.last = answer.GivenUp(x.attempt.Response.Status)
		}
		if cause == retry.CauseNone || !x.prepareRetry(cause) {
			if x.nobodyWaits() {
				return x.leave()
			}
			r = x.fwd.last
			break
		}
		x.attempts++
		if r = x.acquire(); r == nil {
			out = x.send()
		}
	}
	return x.reject(r)
}

// firstAttempt ends the attempt that has come as far as s.
func (x *exchange) firstAttempt(s phase) (attempt.Outcome, *answer.Reject) {
	switch s { //nolint:exhaustive // the others are none of an attempt's
	case atForward:
		x.attempts = 1
		if out, r := x.acquireFirst(); out != attempt.OK || r != nil {
			return out, r
		}
		return x.send(), nil
	case atSend:
		return x.send(), nil
	case atFlush:
		x.attempt.Patience = x.patience(x.attemptBy())
		if out := x.attempt.SendRest(); out != attempt.OK {
			return out, nil
		}
		if !x.body.Done() {
			x.upload.start(x)
		}
		return x.awaitAnswer(), nil
	case atUpload:
		if x.spilled { // an interim answer
			if out := x.flushClient(); out != attempt.OK {
				return out, nil
			}
		}
		return x.awaitAnswer(), nil
	case atHedge:
		return x.hedge(), nil
	}
	return x.outcome, nil
}

// leave ends an exchange whose client has gone: nobody is there to answer.
func (x *exchange) leave() bool {
	x.status, x.end = attempt.ClientGone.Status(), end.ClientGone
	x.release(attempt.ClientGone)
	x.keep = false
	return false
}

func (x *exchange) beginForward() {
	r := x.route
	x.reached = end.PhaseAdmit
	x.fwd = forwarding{
		pool: r.pools[0], byNanos: deadline(x.startNanos, r.timeout), beganNanos: x.startNanos,
		query: pool.Query{Random: random(), NowNanos: x.startNanos},
	}
	if x.isGRPC() {
		x.fwd.byNanos = socket.Earlier(x.fwd.byNanos, deadline(x.startNanos, grpcTimeout(x.head.Lookup("grpc-timeout"))))
	}
	if r.split != nil {
		x.drawPool()
	} else if r.sticky {
		x.stick()
	}
	if x.fwd.pool.hashes {
		x.fwd.query.Hash = x.hash(x.fwd.pool.HashOn())
	}
	if x.fwd.pool.announces {
		x.attempt.Client = x.c.announced()
	}
	r.retry.Budget.Request(x.startNanos)
	x.prepare()
	x.appendBodyHere()
}

// drawPool chooses the pool of a split: the one that the client belongs to, else one by
// weight, and where nobody is to be picked there, another one.
func (x *exchange) drawPool() {
	r, f := x.route, &x.fwd
	if r.sticky && x.stick() {
		return
	}
	drawn := r.split.Pick(random())
	f.pool = r.pools[drawn]
	if f.pool.Serves() {
		return
	}
	if other := r.split.Other(random(), func(i int) bool { return r.pools[i].Serves() }); other >= 0 {
		f.pool = r.pools[other]
		r.fallbacks[drawn].Add(x.c.shard.index)
	}
}

// acquire picks a member and takes its permit. Members that refuse are left out
// of the next pick, so it ends with the pool's last member at the latest.
func (x *exchange) acquire() *answer.Reject {
	f := &x.fwd
	x.reached = end.PhasePick
	if m := f.again; m != nil {
		f.again = nil
		if permit, ok := m.Acquire(f.beganNanos); ok {
			x.got(m, permit)
			return nil
		}
	}
	refused, busy := false, false
	for range pool.TriedMax {
		m, index := f.pool.Pick(f.query)
		if m == nil && f.query.Tried.Len() > 0 && !refused {
			m, index = x.pickAgain()
		}
		if m == nil {
			break
		}
		if permit, ok := m.Acquire(f.beganNanos); ok {
			x.got(m, permit)
			return nil
		}
		refused, busy = true, busy || !m.IsEjected()
		f.query.Tried.Add(index)
	}
	switch {
	case f.last != nil:
		return f.last
	case busy:
		return answer.Busy
	}
	cause, after := f.pool.Unavailable()
	if cause == end.OK && refused {
		cause = end.CircuitOpen // just now: the view does not say so yet
	}
	return answer.Unavailable(cause, after)
}

// pickAgain picks among members that were tried, because nobody else is left: those
// before the last one first. So it is no pick of a first attempt, which would take
// another exchange's turn, unless there is one member only.
func (x *exchange) pickAgain() (*pool.Member, int) {
	f := &x.fwd
	f.query.Tried = f.query.Tried.Last()
	if m, index := f.pool.Pick(f.query); m != nil {
		return m, index
	}
	f.query.Tried = pool.Tried{}
	return f.pool.Pick(f.query)
}

// got notes whose attempt is next.
func (x *exchange) got(m *pool.Member, permit pool.Permit) {
	x.fwd.member, x.fwd.permit = m, permit
	x.backendName, x.reached = m.Address(), end.PhaseConnect
}

// send makes one attempt up to its response head, waiting.
func (x *exchange) send() attempt.Outcome {
	f := &x.fwd
	x.attempt.Patience = x.patience(x.attemptBy())
	if out := x.attempt.Open(f.member.Client(x.c.shard.index), x.reuse()); out != attempt.OK {
		return out
	}
	x.beginAttempt()
	x.upload.rewind(x)
	if out := x.sendHead(); out != attempt.OK {
		return out
	}
	if !x.body.Done() { // also where 100 Continue is expected: it may come all the same
		x.upload.start(x)
	}
	return x.awaitAnswer()
}

// beginAttempt notes that the attempt has a connection.
func (x *exchange) beginAttempt() {
	f, a := &x.fwd, &x.attempt
	f.open, f.interims, f.judged = true, 0, false
	x.reached = end.PhaseAnswer
	x.c.backend.Store(a.Conn())
	if x.c.Aborted() || x.c.left.Load() { // in the meantime, when there was no backend to abort
		a.Conn().Abort()
	}
	f.headBy = socket.Earlier(f.byNanos, socket.Earlier(deadline(f.beganNanos, x.route.retry.PerTry),
		deadline(f.beganNanos, f.pool.timeouts.Read)))
	f.hedgeBy, f.continueBy = x.hedgeTime(), 0
	if x.head.ExpectContinue && !x.body.Done() && !f.continued && !x.upload.came.Load() {
		f.continueBy = socket.After(socket.Nanos(), expectWait)
	}
}

// sendHead sends what is prepared.
func (x *exchange) sendHead() attempt.Outcome {
	return x.attempt.Send(x.out, x.fwd.pool.timeouts.Write)
}

// unasked reports that the client holds its body back until it is told to send it.
func (x *exchange) unasked() bool { return x.fwd.continueBy != 0 && !x.upload.came.Load() }

// continueDue reports that the backend has said nothing of Expect: 100-continue for so
// long that the client is told without it.
func (x *exchange) continueDue() bool {
	f, nowNanos := &x.fwd, socket.Nanos()
	return x.unasked() && nowNanos >= f.continueBy && (f.headBy == 0 || nowNanos < f.headBy)
}

// sayContinue tells the client to send its body. What follows is as for interim.
func (x *exchange) sayContinue() attempt.Outcome {
	f := &x.fwd
	f.continueBy, f.continued = 0, true
	f.headBy = socket.Earlier(f.byNanos, deadline(socket.Nanos(), f.pool.timeouts.Read))
	return x.interim(&continueHead)
}

// lookBy is the nearest moment at which something has to be done while the answer is
// awaited: it is late, or another backend is asked, or the client is told to go on.
func (x *exchange) lookBy() int64 {
	f := &x.fwd
	return socket.Earlier(f.headBy, socket.Earlier(f.hedgeBy, f.continueBy))
}

// awaitAnswer waits for the answer to a request that was sent, or is on its way.
func (x *exchange) awaitAnswer() attempt.Outcome {
	for {
		out := x.awaitHead(x.lookBy())
		switch {
		case out != attempt.Timeout:
			return out
		case x.continueDue():
			if out := x.sayContinue(); out != attempt.OK {
				return out
			}
		case x.hedgeDue():
			return x.hedge()
		default:
			return out
		}
	}
}

// awaitHead reads response heads until the final one; interim ones are passed on. Timeout
// may also mean that something else is due, see lookBy. In the loop Pending is the end of
// what can be done: with spilled set the client is waited for, and else the backend.
func (x *exchange) awaitHead(by int64) attempt.Outcome {
	a := &x.attempt
	for {
		out := a.Head(x.isHEAD, by)
		for out == attempt.Timeout && x.extend() {
			by = x.fwd.headBy
			out = a.Head(x.isHEAD, by)
		}
		switch {
		case out == attempt.OK:
		case out == attempt.Pending, out == attempt.Timeout && x.continueDue():
			return out
		default:
			return x.upload.blame(out)
		}
		switch status := a.Response.Status; {
		case status >= 200, status == statusSwitched && x.upgrades():
			if !x.upload.meetsHead() {
				return x.upload.blame(attempt.Timeout)
			}
			x.fwd.headNanos = socket.Nanos()
			return attempt.OK
		case x.fwd.interims == interimMax, status == statusSwitched:
			return attempt.BadResponse // nobody asked for that many, nor to switch
		case status != 100:
			out = x.interim(&a.Response)
		case x.unasked(): // else it was sent unasked
			out = x.sayContinue()
			by = x.fwd.headBy
		}
		x.fwd.interims++
		if out != attempt.OK {
			return out
		}
	}
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
	f.headBy = socket.Earlier(f.byNanos, socket.Earlier(deadline(sinceNanos, x.route.retry.PerTry), deadline(sinceNanos, f.pool.timeouts.Read)))
	return f.headBy == 0 || f.headBy > nowNanos
}

// continueHead is what the client is told without the backend. Nobody changes it.
var continueHead = wire.ResponseHead{Status: fasthttp.StatusContinue, Reason: []byte("Continue")}

// interim writes a 1xx answer to a client that knows them. Pending: in the loop, and it
// takes no more just now.
func (x *exchange) interim(h *wire.ResponseHead) attempt.Outcome {
	if x.head.Minor == 0 {
		return attempt.OK
	}
	x.answer = h.AppendFields(answer.BeginAs(x.answer[:0], h.Status, h.Reason, nil))
	x.answer = answer.End(x.answer, answer.Unsized, answer.Silent)
	return x.written(x.c.Write(x.answer))
}

// release ends the attempt under way: the upload is stopped, the connection
// given back or closed, the member told the outcome. It does nothing between
// attempts.
func (x *exchange) release(out attempt.Outcome) {
	f := &x.fwd
	whole := x.upload.stop(x)
	if f.open {
		ours := x.c.backend.Swap(nil) != nil
		f.open = false
		x.attempt.Close(ours && whole && x.body.Done() && out == attempt.OK, max(x.relayNanos, f.headNanos))
	}
	m := f.member
	if m == nil {
		return
	}
	f.member = nil
	nowNanos := socket.Nanos()
	status, latency := 0, int64(0)
	switch out { //nolint:exhaustive // the others teach nothing
	case attempt.OK:
		status, latency = x.attempt.Response.Status, f.headNanos-f.beganNanos
		if h := x.route.hedge; h != nil {
			h.live.Observe(latency)
		}
	case attempt.Outrun:
		latency = nowNanos - f.beganNanos
	}
	f.pool.backends[m.Index()].Codes.Add(x.c.shard.index, status)
	if out == attempt.OK && latency > 0 {
		f.pool.stats.Durations.Observe(x.c.shard.index, time.Duration(latency))
	}
	m.Release(f.permit, out, status, nowNanos, latency)
	f.last = answer.ForOutcome(out)
	f.query.Tried.Add(m.Index())
}

// abandon is release for an exchange that panicked.
func (x *exchange) abandon() {
	x.release(attempt.ClientGone)
	x.leavePool()
}
