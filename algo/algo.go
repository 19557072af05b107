package algo

import (
	"errors"
	"fmt"
	"slices"
)

// Kind is one balancing algorithm. The zero value is RoundRobin; behind the built-in ones
// come those of Register, in their order.
type Kind uint8

// The algorithms, in the order of the reference.
const (
	RoundRobin Kind = iota
	WeightedRoundRobin
	LeastConnections
	P2C
	PeakEWMA
	Random
	IPHash
	ConsistentHash
	Maglev
	kindEnd
)

// String returns the name used in the configuration.
func (k Kind) String() string {
	switch k {
	case RoundRobin:
		return "round_robin"
	case WeightedRoundRobin:
		return "weighted_round_robin"
	case LeastConnections:
		return "least_connections"
	case P2C:
		return "p2c"
	case PeakEWMA:
		return "peak_ewma"
	case Random:
		return "random"
	case IPHash:
		return "ip_hash"
	case ConsistentHash:
		return "consistent_hash"
	case Maglev:
		return "maglev"
	case kindEnd:
	}
	if r := k.registration(); r != nil {
		return r.name
	}
	return fmt.Sprintf("algo.Kind(%d)", uint8(k))
}

// Kinds returns every built-in algorithm, in the order of the reference.
func Kinds() []Kind {
	kinds := make([]Kind, 0, kindEnd)
	for k := range kindEnd {
		kinds = append(kinds, k)
	}
	return kinds
}

// ParseKind returns the algorithm with the given configuration name.
func ParseKind(name string) (Kind, bool) {
	for k := range kindEnd {
		if k.String() == name {
			return k, true
		}
	}
	for i, r := range registrations() {
		if r.name == name {
			return kindEnd + 1 + Kind(i), true
		}
	}
	return 0, false
}

// UsesHash says whether picks depend on Query.Hash. Those of registered algorithms may.
func (k Kind) UsesHash() bool {
	return k == IPHash || k == ConsistentHash || k == Maglev || k.IsRegistered()
}

// usesLoad says whether picks read Member.Load. Those of registered algorithms may.
func (k Kind) usesLoad() bool {
	return k == LeastConnections || k == P2C || k == PeakEWMA || k == ConsistentHash || k.IsRegistered()
}

// MaxMembers is the largest number of members of one balancer: Tried keeps an
// index in 16 bits and needs one value for "empty".
const MaxMembers = 1<<16 - 1

// Member describes one eligible member to a balancer when it is built. The
// slice given to New is not changed and not kept.
type Member struct {
	// Key is the identity for hashing: the address as configured.
	Key string
	// Weight is the share relative to the others. 0 takes nothing new: such a
	// member is picked only when every member has weight 0.
	Weight uint32
	// Ramp is the part of Weight that counts now, in units of 1/RampFull, as
	// RampShare computes it for slow start. 0 and everything above RampFull
	// mean all of it.
	Ramp uint32
	// Load holds the live figures of the backend, shared between generations
	// and pools. Only least_connections, p2c, peak_ewma and consistent_hash
	// need it.
	Load *Load
}

// Query is what one pick depends on. It is passed by value, in registers.
type Query struct {
	// Hash of the request's key; any value is legal, also 0. See Hash.
	Hash uint64
	// Random is a fresh random number: two queries never share one.
	Random uint64
	// NowNanos is the current time on the clock that feeds Load.End.
	NowNanos int64
	// Tried are the members that took an attempt of this exchange already.
	Tried Tried
}

// Balancer picks members. Pick may be called by any number of goroutines.
type Balancer interface {
	// Pick returns an index into the members given to New, or -1 when nobody
	// is left outside q.Tried.
	Pick(q Query) int
}

// Errors of New.
var (
	ErrTooManyMembers = errors.New("too many members")
	ErrNoLoad         = errors.New("member without load figures")
	ErrUnknownKind    = errors.New("unknown algorithm")
	ErrNoBalancer     = errors.New("its factory made no balancer")
)

// New builds a balancer over the members. prev is the balancer it replaces, or
// nil: turns go on where prev stands (also while prev is still in use), so that
// frequent rebuilds do not favour the first members. No members is legal: such
// a balancer answers -1.
//
// The errors are ErrUnknownKind, ErrTooManyMembers and, for an algorithm that
// reads Member.Load, ErrNoLoad. A registered algorithm may also panic, or make nothing
// (ErrNoBalancer), and what its balancer picks is as it is.
func New(kind Kind, members []Member, prev Balancer) (Balancer, error) {
	extra := kind.registration()
	if kind >= kindEnd && extra == nil {
		return nil, fmt.Errorf("cannot build balancer %q: %w", kind, ErrUnknownKind)
	}
	if len(members) > MaxMembers {
		return nil, fmt.Errorf("cannot build balancer %q: %w: %d, at most %d",
			kind, ErrTooManyMembers, len(members), MaxMembers)
	}
	if kind.usesLoad() {
		for i := range members {
			if members[i].Load == nil {
				return nil, fmt.Errorf("cannot build balancer %q: %w: %q", kind, ErrNoLoad, members[i].Key)
			}
		}
	}
	if extra == nil {
		return build(kind, newView(members), members, prev), nil
	}
	b := extra.make(slices.Clone(members), prev)
	if b == nil {
		return nil, fmt.Errorf("cannot build balancer %q: %w", kind, ErrNoBalancer)
	}
	return b, nil
}

// build dispatches to the constructor of kind, which is known to be valid.
func build(kind Kind, v view, members []Member, prev Balancer) Balancer {
	switch kind {
	case LeastConnections:
		return newLeastConnections(v, prev)
	case P2C:
		return newP2C(v)
	case PeakEWMA:
		return newPeakEWMA(v)
	case Random:
		return newRandom(v)
	case IPHash:
		return newIPHash(v, members, prev)
	case ConsistentHash:
		return newConsistentHash(v, members)
	case Maglev:
		return newMaglev(v, members, prev)
	case RoundRobin, WeightedRoundRobin, kindEnd:
	}
	if v.uniform {
		return newRoundRobin(v, prev)
	}
	return newWeightedRoundRobin(v, prev)
}
