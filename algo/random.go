// random: each pick is an independent draw in proportion to the weights.
//
// Law and source: the alias method, see sampler. The random number comes with
// the query, so there is no generator here and nothing is written: the only
// algorithm without shared state.
//
// Invariants: a member's share is its weight / sum to 2^-32; a retry draws among
// the untried.

package algo

type random struct {
	view
	sampler sampler
}

func newRandom(v view) *random {
	return &random{view: v, sampler: newSampler(&v)}
}

// Pick implements Balancer.
func (b *random) Pick(q Query) int {
	if len(b.ids) == 0 {
		return -1
	}
	if !q.Tried.isEmpty() {
		return b.index(b.sampler.drawUntried(&b.view, q.Random, q.Tried))
	}
	position, _ := b.sampler.draw(q.Random)
	return b.index(position)
}
