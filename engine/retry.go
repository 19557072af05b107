package engine

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// fail ends an attempt with out; rivals may save it.
func (x *exchange) fail(out attempt.Outcome) phase {
	x.fwd.outcome = out
	if x.fwd.race != nil {
		return atSettle
	}
	return atJudge
}

// judge ends an attempt that has failed, or whose answer is not wanted, and decides
// whether another one follows: at most retry.attempts inside one deadline. atJudge.
func (x *exchange) judge() phase {
	f, out := &x.fwd, x.fwd.outcome
	if !x.waits && x.c.Ended() { // in one turn with its request: nobody has looked yet
		x.c.Hung()
	}
	if x.nobodyWaits() {
		return x.leave()
	}
	cause := x.retryCause(out)
	x.release(out)
	if cause == retry.CauseStatus {
		f.last = answer.GivenUp(x.attempt.Response.Status)
	}
	if cause != retry.CauseNone && x.prepareRetry(cause) {
		return atPause
	}
	if x.nobodyWaits() {
		return x.leave()
	}
	return x.reject(f.last)
}

// What package retry has to know of an exchange, and what follows on its decisions.

// reuse is which pooled connections the next attempt may take.
func (x *exchange) reuse() attempt.Reuse {
	switch {
	case x.fwd.backed:
		return attempt.ReuseNone
	case x.body.Done() && x.safeToRepeat():
		return attempt.ReuseFree
	}
	return attempt.ReuseSafe
}

// retryCause is why the attempt that ended with out may be repeated, or
// retry.CauseNone.
func (x *exchange) retryCause(out attempt.Outcome) retry.Cause {
	c := x.route.retry.Cause(retry.Attempt{
		Outcome: out, Made: x.attempts, Safe: x.safeToRepeat(), Again: x.fwd.backed, Touched: x.attempt.Touched(),
	})
	if c != retry.CauseNone && !x.replayable() {
		x.refuse(retry.RefusalBody)
		return retry.CauseNone
	}
	return c
}

// claimRetry takes a retry from the budget for an answer whose status the route retries,
// where another attempt can be made; false: the answer is the client's. Only when it has
// decided for a retry the upload is stopped: an answer that is passed on may need it.
func (x *exchange) claimRetry() bool {
	f, r := &x.fwd, &x.route.retry
	if !r.Status(x.attempt.Response.Status, x.attempts) || !x.safeToRepeat() {
		return false
	}
	nowNanos := socket.Nanos()
	f.retryAfter = x.askedToWait()
	longest := max(r.Backoff(x.attempts, 0), f.retryAfter)
	latest := socket.After(nowNanos, longest) // the answer is lost once the wait begins
	switch {
	case f.byNanos != 0 && latest >= f.byNanos, f.retryAfter > retry.AfterMax:
		x.refuse(retry.RefusalDeadline)
		return false
	case !x.replayable():
		x.refuse(retry.RefusalBody)
		return false
	case !r.Budget.Take(nowNanos): // now: the answer is still at hand
		x.refuse(retry.RefusalBudget)
		return false
	case !x.upload.claim():
		r.Budget.GiveBack()
		x.refuse(retry.RefusalBody)
		return false
	}
	f.paid = true
	x.upload.stop(x) // the rest of the body is not for this backend
	return true
}

// askedToWait is the wait that the backend's answer asks for by Retry-After (RFC
// 9110 section 10.2.3). It speaks for itself only: while another backend is left,
// that one is asked without waiting.
func (x *exchange) askedToWait() time.Duration {
	f := &x.fwd
	value := x.attempt.Response.Value(wire.FieldRetryAfter)
	if value == nil {
		return 0
	}
	others := f.query
	others.Tried.Add(f.member.Index())
	if m, _ := f.pool.Pick(others); m != nil {
		return 0
	}
	return retry.After(value, time.Now())
}

// prepareRetry takes one retry from the budget and says how long the policy wants to
// wait before it; false when the deadline or the budget does not allow another attempt.
// The race for a dying idle connection costs no attempt and no budget: it is
// repeated once, at once, on a fresh connection to the same backend. A backend
// that could not be connected to is replaced at once, because nobody is spared
// by waiting.
func (x *exchange) prepareRetry(c retry.Cause) bool {
	f, r := &x.fwd, &x.route.retry
	nowNanos := socket.Nanos()
	f.cause, f.wait = c, 0
	switch c {
	case retry.CauseReused:
		f.backed = true
		f.again = f.pool.Member(x.backendName)
		x.attempts--
	default:
		f.backed = false
		if !f.paid && !r.Budget.Take(nowNanos) {
			x.refuse(retry.RefusalBudget)
			return false
		}
		f.paid = false
		if c != retry.CauseConnect || x.attempts > 1 {
			f.wait = max(r.Backoff(x.attempts, random()), f.retryAfter)
		}
	}
	f.retryAfter = 0
	if f.byNanos != 0 && socket.After(nowNanos, f.wait) >= f.byNanos {
		x.refuse(retry.RefusalDeadline)
		return false
	}
	return true
}

// pause waits before the next attempt, where the policy says so: atPause.
func (x *exchange) pause() phase {
	f := &x.fwd
	if f.wait > 0 {
		if !x.waits {
			return aside
		}
		if !x.waitFor(f.wait) {
			return x.leave()
		}
	}
	x.repeats[f.cause]++
	x.route.retries[f.cause].Add(x.c.shard.index)
	x.beginAnew()
	f.query.Random = random()
	return atPick
}
