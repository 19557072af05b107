// maglev: a key stays where it is, shares are almost equal, a pick is one read.
//
// Law and source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network
// Load Balancer" (NSDI 2016), section 3.4. Each member has a permutation of the
// slots of a table of prime size; members take turns in claiming the first slot
// of theirs that is free. Weights are turns: the order of turns is that of
// weighted_round_robin (Envoy skips turns instead, which takes a walk over all
// members a round). Members take turns in the order of their keys, so that every
// proxy with the same members builds the same table.
//
// Invariants: every slot is owned; with equal weights the numbers of slots of
// two members differ by at most 1. When one of n goes, its keys move, and a few
// more (1 % of all at 16 members, 1.4 % at 64; TestRemovalMovesFewKeys prints it). Nothing
// is written by a pick and no load is read, so there is nothing stale.

package algo

import (
	"slices"
	"strings"
)

// maglevLevels are primes, a hundred slots for each member as the paper advises;
// above 6,553 members it is fewer.
func maglevLevels() []level {
	return []level{{81, 8_191}, {655, 65_537}, {MaxMembers, 655_373}}
}

type maglev struct {
	view
	slots
}

func newMaglev(v view, members []Member, prev Balancer) *maglev {
	b := &maglev{view: v}
	if len(v.ids) > 0 {
		b.slots = populate(&v, members, sizeFor(maglevLevels(), len(v.ids), prev))
	}
	return b
}

// Pick implements Balancer.
func (b *maglev) Pick(q Query) int { return b.pick(&b.view, q) }

// permutation walks all slots of a table of prime size: from a first one, by
// steps of skip.
type permutation struct {
	next, skip uint32
}

// populate fills a table of the given prime size.
func populate(v *view, members []Member, size int) slots {
	order, weights := byKey(v, members)
	permutations := make([]permutation, len(order))
	for i, position := range order {
		key := members[v.ids[position]].Key
		permutations[i] = permutation{
			next: uint32(hashString(key, 1) % uint64(size)),
			skip: uint32(hashString(key, 2)%uint64(size-1)) + 1,
		}
	}
	table := make(slots, size)
	claimed := make([]bool, size)
	turns := sequence(weights)
	for i := range size {
		member := turns[i%len(turns)]
		p := &permutations[member]
		for claimed[p.next] {
			p.advance(size)
		}
		claimed[p.next], table[p.next] = true, order[member]
		p.advance(size)
	}
	return table
}

// advance goes to the next slot of the permutation.
func (p *permutation) advance(size int) {
	if p.next += p.skip; p.next >= uint32(size) {
		p.next -= uint32(size)
	}
}

// byKey returns the positions in the order of their keys, and their weights.
func byKey(v *view, members []Member) (order []uint16, weights []uint32) {
	order = make([]uint16, len(v.ids))
	for i := range order {
		order[i] = uint16(i)
	}
	slices.SortStableFunc(order, func(a, b uint16) int {
		return strings.Compare(members[v.ids[a]].Key, members[v.ids[b]].Key)
	})
	weights = make([]uint32, len(order))
	for i, position := range order {
		weights[i] = v.weights[position]
	}
	return order, weights
}
