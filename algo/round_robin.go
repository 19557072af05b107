// round_robin: members take turns.
//
// Law: turn t goes to member t modulo n. With unequal weights (or a member in
// slow start) the turns are those of weighted_round_robin: a weight that is
// configured is never ignored. HAProxy, nginx and Envoy do the same.
//
// Invariants: over n picks without retries every member is picked once; the
// turn goes on over rebuilds. Two picks never take the same turn, because the
// counter is added to, not read and written. A retry takes no turn, or the member
// that follows a failing one would lose its own, and the failing one be asked
// first ever more often (with two members and one client: always). It is drawn
// among the untried instead, so that the next in order does not take them all.

package algo

type roundRobin struct {
	*turn
	view
}

func newRoundRobin(v view, prev Balancer) *roundRobin {
	return &roundRobin{turn: inherit(prev), view: v}
}

// Pick implements Balancer.
func (b *roundRobin) Pick(q Query) int {
	n := uint32(len(b.ids))
	if n == 0 {
		return -1
	}
	if !q.Tried.isEmpty() {
		return b.index(b.left(q.Random, q.Tried))
	}
	return b.index(int(b.take() % n))
}
