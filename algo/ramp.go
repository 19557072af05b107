// Slow start: a member that joins or recovers takes a growing part of its
// share, so that cold caches, empty connection pools and an unwarmed runtime do
// not meet full traffic at once (what Envoy calls slow start, HAProxy slowstart).
//
// Law: linear in time, from 3/32 (Envoy's min_weight_percent is 10 %) to all, in
// steps of 1/RampFull. Weights stay untouched: the part travels beside the
// weight in Member.Ramp, so that weight 1 can ramp too, and the ring of
// consistent_hash only gains points, in the order in which it will have them.
//
// Invariants: 1 <= RampShare <= RampFull; it never falls while time goes on; it
// is RampFull from the end of the ramp on. A stale value delays one step.

package algo

import "math/bits"

const (
	// RampFull is the value of Member.Ramp at which all of the weight counts.
	RampFull = 64
	// rampFirst is where a ramp starts, in units of 1/RampFull.
	rampFirst = 6
)

// RampShare returns the Member.Ramp of a member that joined or recovered
// sinceNanos ago and ramps up over rampNanos. A time before the start counts as
// the start; a ramp of no length is over. The pool needs a new balancer only
// when the result changed: at most RampFull-rampFirst times a ramp.
func RampShare(sinceNanos, rampNanos int64) uint32 {
	if rampNanos <= 0 || sinceNanos >= rampNanos {
		return RampFull
	}
	if sinceNanos <= 0 {
		return rampFirst
	}
	// sinceNanos < rampNanos, so the quotient fits and is below the divisor.
	high, low := bits.Mul64(uint64(sinceNanos), RampFull-rampFirst)
	steps, _ := bits.Div64(high, low, uint64(rampNanos))
	return rampFirst + uint32(steps)
}
