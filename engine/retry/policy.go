package retry

import (
	"slices"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// Policy is a route's retry section, compiled. It never changes.
type Policy struct {
	PerTry time.Duration // bounds one attempt; 0 is no bound
	Budget *Budget

	attempts int
	on       [Causes]bool
	statuses []int
	methods  []string
	unasked  bool // no section asks for it: an answer that has begun is not asked for again
	byKey    bool // a request with an Idempotency-Key counts as idempotent
	backoff  backoff
}

// New compiles a section. The budget's counts are those of the route's name.
func New(c *config.Retry, counts *Counts) Policy {
	p := Policy{
		PerTry: c.PerTryTimeout, Budget: newBudget(&c.Budget, counts),
		attempts: max(c.Attempts, 1), unasked: c.Default, methods: c.Methods, byKey: c.IdempotencyKey,
		backoff: backoff{initial: c.Backoff.Initial, max: c.Backoff.Max, factor: c.Backoff.Factor, jitter: c.Backoff.Jitter},
	}
	p.on[CauseReused] = true // a lost race of our own making, not a failure
	for _, on := range c.On {
		switch on {
		case "connect_failure":
			p.on[CauseConnect] = true
		case "reset":
			p.on[CauseReset] = true
		case "timeout":
			p.on[CauseTimeout] = true
		default:
			if code, err := strconv.Atoi(on); err == nil {
				p.statuses = append(p.statuses, code)
				p.on[CauseStatus] = true
			}
		}
	}
	return p
}

// Safe reports whether a request may be sent twice (RFC 9110 section 9.2.2, as
// configured); keyed says that it has an Idempotency-Key.
func (p *Policy) Safe(method []byte, keyed bool) bool {
	return slices.Contains(p.methods, string(method)) || (p.byKey && keyed)
}

// May reports whether attempts may be repeated for that cause.
func (p *Policy) May(c Cause) bool { return p.on[c] && (p.attempts > 1 || c == CauseReused) }

// Status reports whether an answer with that status is one to ask for again, after
// so many attempts.
func (p *Policy) Status(status, attempts int) bool {
	return p.on[CauseStatus] && attempts < p.attempts && slices.Contains(p.statuses, status)
}

// Attempt is what Cause has to know of an attempt that has ended.
type Attempt struct {
	Outcome attempt.Outcome
	Made    int  // attempts of the exchange so far, this one included
	Safe    bool // the request may be sent twice
	Again   bool // it repeats one whose reused connection had died
	Touched bool // bytes of an answer have come
}

// Cause is why the attempt may be repeated, CauseNone where it may not. Whether the
// request's body is still at hand is the caller's to say. An attempt whose outcome
// is OK is repeated for its status: the caller has asked Status.
func (p *Policy) Cause(a Attempt) Cause {
	left := a.Made < p.attempts
	switch a.Outcome.Retry() {
	case attempt.RetryNeverSent:
		return p.ifOn(CauseConnect, left)
	case attempt.RetryReusedIdle:
		return p.ifOn(CauseReused, !a.Again && a.Safe)
	case attempt.RetryNeverReceived:
		return p.ifOn(CauseReused, !a.Again)
	case attempt.RetryMaybeProcessed:
		switch a.Outcome { //nolint:exhaustive // a broken answer is not worth another try
		case attempt.Timeout:
			return p.ifOn(CauseTimeout, left && a.Safe)
		case attempt.Reset:
			return p.ifOn(CauseReset, left && a.Safe && (!p.unasked || !a.Touched))
		}
	case attempt.RetryNo:
		if a.Outcome == attempt.OK {
			return CauseStatus
		}
	}
	return CauseNone
}

func (p *Policy) ifOn(c Cause, may bool) Cause {
	if may && p.on[c] {
		return c
	}
	return CauseNone
}

// Backoff is the wait after attempt number n, counted from 1; random is 64 bits, of
// which 0 makes it the longest. It is never above the section's max.
func (p *Policy) Backoff(n int, random uint64) time.Duration {
	return p.backoff.wait(n, random)
}
