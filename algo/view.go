package algo

import "math/bits"

const (
	// weightMax bounds the reduced weights, so that products with loads and
	// sums over members stay far from 64 bits. Weights of the configuration end
	// at 65,535 and, with RampFull, stay exact.
	weightMax = 1 << 24
	// walkMax is up to how many members a weighted choice among the untried
	// walks over all of them.
	walkMax = 64
)

// view is the normalised list of members that a balancer works on: members of
// weight 0 are left out (unless there are only such), slow start is applied,
// and weights are divided by their greatest common divisor. It is immutable.
// Position means an index into a view, index one into the members of New.
type view struct {
	ids     []uint16 // position -> index
	weights []uint32 // reduced, >= 1
	loads   []*Load  // nil entries where the algorithm reads no load
	total   uint64   // sum of weights
	uniform bool     // all weights are equal; also when there are no members
}

// newView normalises the members.
func newView(members []Member) view {
	allZero := true
	for i := range members {
		allZero = allZero && members[i].Weight == 0
	}
	v := view{ids: make([]uint16, 0, len(members)), loads: make([]*Load, 0, len(members))}
	shares := make([]uint64, 0, len(members))
	for i := range members {
		share := members[i].share(allZero)
		if share == 0 {
			continue
		}
		v.ids = append(v.ids, uint16(i))
		v.loads = append(v.loads, members[i].Load)
		shares = append(shares, share)
	}
	v.weights = reduce(shares)
	v.uniform = true
	for _, w := range v.weights {
		v.total += uint64(w)
		v.uniform = v.uniform && w == v.weights[0]
	}
	return v
}

// share is the weight with slow start applied, in units of 1/RampFull. With
// allZero every member counts as weight 1.
func (m *Member) share(allZero bool) uint64 {
	weight, ramp := uint64(m.Weight), uint64(m.Ramp)
	if allZero {
		weight = 1
	}
	if ramp == 0 || ramp > RampFull {
		ramp = RampFull
	}
	return weight * ramp
}

// reduce divides the shares by their greatest common divisor and halves them
// until the largest is at most weightMax; what would vanish stays at 1.
func reduce(shares []uint64) []uint32 {
	var divisor, largest uint64
	for _, s := range shares {
		divisor = gcd(divisor, s)
		largest = max(largest, s)
	}
	shift := 0
	if divisor > 0 {
		shift = max(0, bits.Len64(largest/divisor)-bits.Len64(weightMax)+1)
	}
	weights := make([]uint32, len(shares))
	for i, s := range shares {
		weights[i] = uint32(max(1, s/divisor>>shift))
	}
	return weights
}

// gcd is Euclid's; gcd(0, b) is b.
func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// isTried says whether the member at this position is in tried.
func (v *view) isTried(position int, tried Tried) bool {
	return tried.Has(int(v.ids[position]))
}

// left returns the position of an untried member, or -1. It is the slow path
// under a retry: up to walkMax members it chooses exactly by weight, above that
// it takes the first untried one from a random place (at most TriedMax steps
// further, because Tried holds no more).
func (v *view) left(r uint64, tried Tried) int {
	n := len(v.ids)
	if n == 0 {
		return -1
	}
	if n > walkMax {
		start, _ := below(r, uint64(n))
		return v.leftFrom(int(start), tried)
	}
	var sum uint64
	for i, w := range v.weights {
		if !v.isTried(i, tried) {
			sum += uint64(w)
		}
	}
	rest, _ := below(r, sum)
	for i, w := range v.weights {
		if v.isTried(i, tried) {
			continue
		}
		if rest < uint64(w) {
			return i
		}
		rest -= uint64(w)
	}
	return -1
}

// leftFrom returns the first untried position from start on, going round, or -1.
func (v *view) leftFrom(start int, tried Tried) int {
	n := len(v.ids)
	for range n {
		if !v.isTried(start, tried) {
			return start
		}
		start++
		if start == n {
			start = 0
		}
	}
	return -1
}

// index translates a position (or -1) into what Pick returns.
func (v *view) index(position int) int {
	if position < 0 {
		return -1
	}
	return int(v.ids[position])
}
