// weighted_round_robin: members take turns in proportion to their weights, and
// the turns of a heavy member are spread out instead of coming in a row.
//
// Law: nginx's smooth weighted round robin (see sequence), computed once when
// the view is built. A pick steps a counter through the finished sequence: one
// atomic add and one read, where the peers hold a lock and walk all members.
//
// Invariants: one period picks every member exactly weight times (weights
// divided by their greatest common divisor; above sequenceMax in sum, scaled
// with the error stated at sequence); no two picks take the same turn. A retry
// takes no turn (see round_robin): it is drawn by weight among the untried, in a
// large pool from a random place in the sequence on. After a rebuild the counter
// points somewhere into the new sequence: any place is a legal start.

package algo

// turnsMax bounds how many runs of tried members a retry skips in the sequence
// before it chooses by weight among all that are left.
const turnsMax = 16

type weightedRoundRobin struct {
	*turn
	view
	steps []step
}

// step is one turn: who takes it, and after how many turns another member does.
type step struct {
	position uint16
	run      uint16
}

func newWeightedRoundRobin(v view, prev Balancer) *weightedRoundRobin {
	order := sequence(v.weights)
	steps := make([]step, len(order))
	run := runAtEnd(order)
	for i := len(order) - 1; i >= 0; i-- {
		if i+1 < len(order) && order[i] != order[i+1] {
			run = 0
		}
		run++
		steps[i] = step{position: order[i], run: uint16(min(run, 1<<16-1))}
	}
	return &weightedRoundRobin{turn: inherit(prev), view: v, steps: steps}
}

// runAtEnd is how many turns at the start of the order continue the run at its
// end, because the sequence goes round.
func runAtEnd(order []uint16) int {
	run := 0
	for run < len(order) && order[run] == order[len(order)-1] {
		run++
	}
	return run
}

// Pick implements Balancer.
func (b *weightedRoundRobin) Pick(q Query) int {
	if len(b.steps) == 0 {
		return -1
	}
	if !q.Tried.isEmpty() {
		return b.pickUntried(q)
	}
	at := int(b.take() % uint32(len(b.steps)))
	return b.index(int(b.steps[at].position))
}

// pickUntried chooses for a retry.
func (b *weightedRoundRobin) pickUntried(q Query) int {
	if len(b.ids) <= walkMax {
		return b.index(b.left(q.Random, q.Tried))
	}
	place, _ := below(q.Random, uint64(len(b.steps)))
	at := int(place)
	for range turnsMax {
		s := b.steps[at]
		if !b.isTried(int(s.position), q.Tried) {
			return b.index(int(s.position))
		}
		at = (at + int(s.run)) % len(b.steps)
	}
	return b.index(b.left(q.Random, q.Tried))
}
