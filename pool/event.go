package pool

import "time"

// EventKind is what has changed about a member.
type EventKind uint8

// The kinds. Up and down say whether it may be picked; state and weight are what the
// operator asks.
const (
	MemberUp EventKind = iota
	MemberDown
	MemberState
	MemberWeight
	MemberAdded
	MemberRemoved
	BreakerOpened
	BreakerHalfOpen
	BreakerClosed
)

// String is the word for it.
func (k EventKind) String() string {
	return [...]string{"up", "down", "state", "weight", "added", "removed", "opened", "half-open", "closed"}[k]
}

// OfBreaker reports a kind that is about the circuit breaker.
func (k EventKind) OfBreaker() bool { return k >= BreakerOpened }

// Event is a change of a member, for whoever looks on: see Options.Tell.
type Event struct {
	At            time.Time
	Kind          EventKind
	Pool, Address string
	// Up, State and Weight are as they are then; breakers do not say them.
	Up     bool
	State  State
	Weight int
	// Reason says why it is up or down, or what the breaker has met last; empty where
	// nothing is to be said.
	Reason string
}

// upKind is the kind of a change to up.
func upKind(up bool) EventKind {
	if up {
		return MemberUp
	}
	return MemberDown
}
