package engine

import (
	"math"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// cause says why an attempt is repeated; its text is the reason label of
// isame_retries_total.
type cause uint8

const (
	causeNone cause = iota
	causeConnect
	causeReused
	causeReset
	causeTimeout
	causeStatus
	causeHedge // not a retry: it runs beside the attempt that is late
	causes
)

func (c cause) String() string {
	return [causes]string{"", "connect_failure", "reused_connection", "reset", "timeout", "status", "hedge"}[c]
}

// refusal says what stood against a retry that the policy wanted; its text is
// the reason label of isame_retries_refused_total and in the access log.
type refusal uint8

const (
	refusalNone     refusal = iota
	refusalBody             // the request's body is too long to be kept
	refusalBudget           // the route's budget is used up
	refusalDeadline         // the route's deadline comes before the next attempt
	refusals
)

func (f refusal) String() string { return [refusals]string{"", "body", "budget", "deadline"}[f] }

// refuse notes that no other attempt is made although the policy wants one.
func (x *exchange) refuse(f refusal) {
	x.refused = f
	x.route.refused[f].Add(x.c.shard.index)
}

// retryPolicy is a route's retry section, compiled. It never changes.
type retryPolicy struct {
	attempts int
	on       [causes]bool
	statuses []int
	methods  []string
	unasked  bool // no section asks for it: an answer that has begun is not asked for again
	byKey    bool // a request with an Idempotency-Key counts as idempotent
	perTry   time.Duration
	initial  time.Duration
	max      time.Duration
	factor   float64
	jitter   float64
	budget   *retryBudget
}

func newRetryPolicy(c *config.Retry, budget *retryBudget) retryPolicy {
	p := retryPolicy{
		attempts: max(c.Attempts, 1), unasked: c.Default, methods: c.Methods, byKey: c.IdempotencyKey, perTry: c.PerTryTimeout, budget: budget,
		initial: c.Backoff.Initial, max: c.Backoff.Max, factor: c.Backoff.Factor, jitter: c.Backoff.Jitter,
	}
	p.on[causeReused] = true // a lost race of our own making, not a failure
	for _, on := range c.On {
		switch on {
		case "connect_failure":
			p.on[causeConnect] = true
		case "reset":
			p.on[causeReset] = true
		case "timeout":
			p.on[causeTimeout] = true
		default:
			if code, err := strconv.Atoi(on); err == nil {
				p.statuses = append(p.statuses, code)
				p.on[causeStatus] = true
			}
		}
	}
	return p
}

// safeToRepeat reports whether the request may be sent twice (RFC 9110 section
// 9.2.2, as configured).
func (x *exchange) safeToRepeat() bool {
	r := &x.route.retry
	return slices.Contains(r.methods, string(x.head.Method)) || (r.byKey && x.head.Has(wire.FieldIdempotencyKey))
}

// reuse is which pooled connections the next attempt may take.
func (x *exchange) reuse() pool.Reuse {
	switch {
	case x.fwd.backed:
		return pool.ReuseNone
	case x.body.Done() && x.safeToRepeat():
		return pool.ReuseFree
	}
	return pool.ReuseSafe
}

// retryCause is why the attempt that ended with out may be repeated, or
// causeNone.
func (x *exchange) retryCause(out pool.Outcome) cause {
	c := x.wantedCause(out)
	if c != causeNone && !x.replayable() {
		x.refuse(refusalBody)
		return causeNone
	}
	return c
}

// wantedCause is retryCause for a request whose body is at hand.
func (x *exchange) wantedCause(out pool.Outcome) cause {
	r := &x.route.retry
	switch out.Retry() {
	case pool.RetryNeverSent:
		return causeConnect.ifOn(r, x.attempts < r.attempts)
	case pool.RetryReusedIdle:
		return causeReused.ifOn(r, !x.fwd.backed && x.safeToRepeat())
	case pool.RetryNeverReceived:
		return causeReused.ifOn(r, !x.fwd.backed)
	case pool.RetryMaybeProcessed:
		may := x.attempts < r.attempts && x.safeToRepeat()
		switch out { //nolint:exhaustive // a broken answer is not worth another try
		case pool.Timeout:
			return causeTimeout.ifOn(r, may)
		case pool.Reset:
			return causeReset.ifOn(r, may && (!r.unasked || !x.attempt.Touched()))
		}
	case pool.RetryNo:
		if out == pool.OK {
			return causeStatus // mayRetryStatus has decided
		}
	}
	return causeNone
}

func (c cause) ifOn(r *retryPolicy, may bool) cause {
	if may && r.on[c] {
		return c
	}
	return causeNone
}

// retryAfterMax bounds the wait that a backend may ask for, also where the route has no
// deadline: an answer that asks for more is the client's, which can wait at less cost.
const retryAfterMax = time.Minute

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
	if !r.on[causeStatus] || x.attempts >= r.attempts || !slices.Contains(r.statuses, x.attempt.Response.Status) ||
		!x.safeToRepeat() {
		return false
	}
	nowNanos := pool.Nanos()
	f.retryAfter = x.askedToWait()
	longest := max(r.backoff(x.attempts, 0), f.retryAfter)
	latest := pool.After(nowNanos, longest) // the answer is lost once the wait begins
	switch {
	case f.byNanos != 0 && latest >= f.byNanos, f.retryAfter > retryAfterMax:
		x.refuse(refusalDeadline)
		return false
	case !x.replayable():
		x.refuse(refusalBody)
		return false
	case !r.budget.take(nowNanos): // now: the answer is still at hand
		x.refuse(refusalBudget)
		return false
	case !x.upload.claim():
		r.budget.giveBack()
		x.refuse(refusalBody)
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
	if seconds, err := strconv.ParseUint(string(value), 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := fasthttp.ParseHTTPDate(value)
	if err != nil {
		return 0
	}
	return max(time.Until(at), 0)
}

// appendAttempts appends the field that tells a client, which asked for it by the
// same field, how many attempts were made and why they were repeated.
func (x *exchange) appendAttempts(b []byte) []byte {
	if !x.head.Has(wire.FieldIsameAttempts) {
		return b
	}
	b = strconv.AppendInt(append(b, "X-Isame-Attempts: "...), int64(x.attempts), 10)
	for c := causeNone + 1; c < causes; c++ {
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
func (x *exchange) prepareRetry(c cause) bool {
	f, r := &x.fwd, &x.route.retry
	nowNanos := pool.Nanos()
	wait := time.Duration(0)
	switch c {
	case causeReused:
		f.backed = true
		f.again = f.pool.Member(x.backendName)
		x.attempts--
	default:
		f.backed = false
		if !f.paid && !r.budget.take(nowNanos) {
			x.refuse(refusalBudget)
			return false
		}
		f.paid = false
		if c != causeConnect || x.attempts > 1 {
			wait = max(r.backoff(x.attempts, random()), f.retryAfter)
		}
	}
	f.retryAfter = 0
	if f.byNanos != 0 && pool.After(nowNanos, wait) >= f.byNanos {
		x.refuse(refusalDeadline)
		return false
	}
	if wait > 0 && !x.pause(wait) {
		return false
	}
	x.repeats[c]++
	x.route.retries[c].Add(x.c.shard.index)
	f.beganNanos = pool.Nanos()
	f.query.Random, f.query.NowNanos = random(), f.beganNanos
	return true
}

// backoff is the wait after the given attempt, counted from 1: exponential,
// bounded, with the configured share of it random.
func (p *retryPolicy) backoff(attempt int, random uint64) time.Duration {
	d := float64(p.initial) * math.Pow(p.factor, float64(attempt-1))
	d = min(d, float64(p.max))
	share := float64(random>>11) / (1 << 53)
	return time.Duration(d * (1 - p.jitter*share))
}

// retryBudget bounds retries to a share of the requests of the last ten
// seconds, plus a few a second, so that retries cannot multiply an outage. It
// belongs to a route's name and survives reloads; the share is policy.
//
// Two words, one for each of the current and the last window: requests in the
// upper half, retries in the lower one. Both are only hints: a race between
// two windows may lose a handful of counts.
type retryBudget struct {
	percent   float64
	perSecond int
	counts    *budgetCounts
}

type budgetCounts struct {
	window  atomic.Int64 // number of the current window
	current atomic.Uint64
	last    atomic.Uint64
}

const (
	budgetWindow  = 10 * time.Second
	budgetRequest = 1 << 32
	budgetMaskLow = budgetRequest - 1
	budgetNanos   = int64(budgetWindow)
)

func (b *retryBudget) roll(nowNanos int64) {
	n := nowNanos / budgetNanos
	old := b.counts.window.Load()
	if old == n || !b.counts.window.CompareAndSwap(old, n) {
		return
	}
	done := b.counts.current.Swap(0)
	if n != old+1 {
		done = 0
	}
	b.counts.last.Store(done)
}

// request counts one exchange.
func (b *retryBudget) request(nowNanos int64) {
	b.roll(nowNanos)
	b.counts.current.Add(budgetRequest)
}

// has reports whether a retry is within the budget now.
func (b *retryBudget) has(nowNanos int64) bool {
	b.roll(nowNanos)
	current, last := b.counts.current.Load(), b.counts.last.Load()
	passed := float64(nowNanos%budgetNanos) / float64(budgetNanos)
	requests := float64(current>>32) + float64(last>>32)*(1-passed)
	retries := float64(current&budgetMaskLow) + float64(last&budgetMaskLow)*(1-passed)
	return retries < requests*b.percent/100+float64(b.perSecond)*budgetWindow.Seconds()
}

// giveBack takes a retry back that was not made.
func (b *retryBudget) giveBack() {
	for {
		word := b.counts.current.Load()
		if word&budgetMaskLow == 0 || b.counts.current.CompareAndSwap(word, word-1) {
			return // or its window is over
		}
	}
}

// take counts one retry, if there is room for it.
func (b *retryBudget) take(nowNanos int64) bool {
	if !b.has(nowNanos) {
		return false
	}
	b.counts.current.Add(1)
	return true
}
