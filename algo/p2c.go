// p2c: the less busy one of two random members.
//
// Law: two different members are drawn in proportion to their weights; the one
// with fewer requests in flight per weight is picked, the first one when they
// are equal. The first draw decides an idle pool, so shares follow the weights.
//
// Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing"
// (1996): the longest queue shrinks from about log(n) to log(log(n)), and proxies that
// know nothing of each other do not all run to the same idle backend.
//
// Invariants: never picks a member that is strictly the busiest; two loads are
// read, nothing is written. A stale load turns the choice into a random one at
// worst.

package algo

type p2c struct {
	view
	sampler sampler
}

func newP2C(v view) *p2c {
	return &p2c{view: v, sampler: newSampler(&v)}
}

// Pick implements Balancer.
func (b *p2c) Pick(q Query) int {
	if len(b.ids) < 2 || !q.Tried.isEmpty() {
		return b.pickUntried(q)
	}
	first, second := b.sampler.pair(q.Random)
	return b.index(b.lessBusy(first, second))
}

// pickUntried is the slow path: retries, and pools of no or one member.
func (b *p2c) pickUntried(q Query) int {
	if len(b.ids) == 0 {
		return -1
	}
	first, second := b.sampler.pairUntried(&b.view, q)
	if second < 0 {
		return b.index(first)
	}
	return b.index(b.lessBusy(first, second))
}

// lessBusy returns the position with fewer requests in flight per weight.
func (v *view) lessBusy(first, second int) int {
	if v.loads[second].busy()*int64(v.weights[first]) < v.loads[first].busy()*int64(v.weights[second]) {
		return second
	}
	return first
}
