package algo

import "math/bits"

// TriedMax is how many members a Tried remembers.
const TriedMax = 8

// Tried is the set of members that already took an attempt of one exchange. It
// is a value: copy it freely, the zero value is empty. Beyond TriedMax members
// the oldest one is forgotten, and may be picked again.
//
// Eight lanes of 16 bits, each index+1 or 0 for empty, newest in the lowest lane
// of lo, so that lo == 0 means empty. Two words travel in registers; an array
// would force the whole Query through memory.
//
//nolint:recvcheck // Add changes the set, the others keep it in registers.
type Tried struct {
	lo, hi uint64
}

const (
	laneOnes = 0x0001_0001_0001_0001
	laneTops = 0x8000_8000_8000_8000
)

// Add puts the member with the given index into the set. An index that is
// negative or not below MaxMembers is ignored, and so is one already in it.
func (t *Tried) Add(index int) {
	if index < 0 || index >= MaxMembers || t.Has(index) {
		return
	}
	t.hi = t.hi<<16 | t.lo>>48
	t.lo = t.lo<<16 | uint64(index) + 1
}

// Has says whether the member with the given index is in the set.
func (t Tried) Has(index int) bool {
	if t.lo == 0 || index < 0 || index >= MaxMembers {
		return false
	}
	want := (uint64(index) + 1) * laneOnes
	return hasZeroLane(t.lo^want) || hasZeroLane(t.hi^want)
}

// Len is the number of members in the set, at most TriedMax.
func (t Tried) Len() int {
	lanes := bits.Len64(t.lo) + 15
	if t.hi != 0 {
		lanes = 64 + bits.Len64(t.hi) + 15
	}
	return lanes / 16
}

// Last is the set of the member that was added last; of an empty set it is empty.
func (t Tried) Last() Tried { return Tried{lo: t.lo & 0xffff} }

// isEmpty is the test in front of every slow path.
func (t Tried) isEmpty() bool { return t.lo == 0 }

// hasZeroLane says whether one of the four lanes of x is 0: only a zero lane
// (or a lane above one) borrows into its own top bit while that bit was clear.
func hasZeroLane(x uint64) bool {
	return (x-laneOnes)&^x&laneTops != 0
}
