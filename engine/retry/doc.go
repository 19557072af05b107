// Package retry decides whether an attempt is repeated, when, and at whose cost.
//
// Policy is a route's retry section, compiled: Cause says why an attempt that has
// failed may be repeated, Status whether an answer is one that the route would
// rather not have, Backoff how long the wait is, After what a backend asks for.
// Budget bounds how many repetitions there are in all. Quantile follows the live
// percentile that hedged attempts begin after. Start reading at policy.go.
//
// All of it is pure: time and randomness are arguments, and nothing knows of an
// exchange. The counts of a Budget and a Quantile belong to a route's name and
// outlive reloads, in a Book of Facts; everything else belongs to a generation and
// never changes.
//
// Imported by engine; imports config and, for outcomes, pool/attempt.
package retry
