package engine

import (
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// What package retry has to know of an exchange, and what follows on its decisions.

// refuse notes that no other attempt is made although the policy wants one.
func (x *exchange) refuse(f retry.Refusal) {
	x.refused = f
	x.route.refused[f].Add(x.c.shard.index)
}

// safeToRepeat reports whether the request may be sent twice (RFC 9110 section
// 9.2.2, as configured).
func (x *exchange) safeToRepeat() bool {
	return x.route.retry.Safe(x.head.Method, x.head.Has(wire.FieldIdempotencyKey))
}

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

// mayRetryStatus reports that the answer's status is one the route retries and
// that another attempt can be made, so this answer is not the client's. It decides once
// an answer, in the loop or in the goroutine that has taken over; only when it has
// decided for a retry the upload is stopped: an answer that is passed on may need it.
func (x *exchange) mayRetryStatus() bool {
	f, r := &x.fwd, &x.route.retry
	if f.judged {
		return f.paid
	}
	f.judged = true
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

// appendAttempts appends the field that tells a client, which asked for it by the
// same field, how many attempts were made and why they were repeated.
func (x *exchange) appendAttempts(b []byte) []byte {
	if !x.head.Has(wire.FieldIsameAttempts) {
		return b
	}
	b = strconv.AppendInt(append(b, "X-Isame-Attempts: "...), int64(x.attempts), 10)
	for c := retry.CauseNone + 1; c < retry.Causes; c++ {
		if n := x.repeats[c]; n > 0 {
			b = append(append(append(b, "; "...), c.String()...), '=')
			b = strconv.AppendUint(b, uint64(n), 10)
		}
	}
	return append(b, "\r\n"...)
}

// prepareRetry takes one retry from the budget and waits as long as the policy
// says; false when the deadline or the budget does not allow another attempt.
// The race for a dying idle connection costs no attempt and no budget: it is
// repeated once, at once, on a fresh connection to the same backend. A backend
// that could not be connected to is replaced at once, because nobody is spared
// by waiting.
func (x *exchange) prepareRetry(c retry.Cause) bool {
	f, r := &x.fwd, &x.route.retry
	nowNanos := socket.Nanos()
	wait := time.Duration(0)
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
			wait = max(r.Backoff(x.attempts, random()), f.retryAfter)
		}
	}
	f.retryAfter = 0
	if f.byNanos != 0 && socket.After(nowNanos, wait) >= f.byNanos {
		x.refuse(retry.RefusalDeadline)
		return false
	}
	if wait > 0 && !x.pause(wait) {
		return false
	}
	x.repeats[c]++
	x.route.retries[c].Add(x.c.shard.index)
	f.beganNanos = socket.Nanos()
	f.query.Random, f.query.NowNanos = random(), f.beganNanos
	return true
}
