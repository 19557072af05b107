// peak_ewma: the one of two random members that is likely to answer first.
//
// Law: two different members are drawn in proportion to their weights. The first
// one is picked, unless the second one costs less by more than a sixteenth; when
// that one is also the lighter of the two, it is picked with the probability
// weight * cost of the other / (weight of the other * cost), at most 1.
//
//	cost = latency * (1 + in flight * mean weight / weight)
//
// So equal weights leave it to the cost alone. Otherwise members of about the
// same latency have their shares: to and fro between two of them as many picks
// are moved (what Metropolis and others, 1953, call balance). A light member that
// is faster takes more, up to about twice its share as long as its latency is
// more than half of the others' (weights 10 and 1, the light one a third faster:
// 23 %), and all where the others are slower by more than their weights.
//
// latency is the peak-sensitive average of Load, at least latencyFloor. A member
// that was never measured costs nothing while it is idle, so that it gets
// measured, and more than every measured one while its first request runs.
//
// Source: Finagle's PeakEwma (Twitter 2015), linkerd. Deviations: the weight
// divides the queue, not the latency (otherwise a light member would starve in
// an idle pool; and with a weight in neither, the faster of two would take nearly
// all, however light it is), and the floor keeps a member whose latency has faded from
// taking everything until its first answer is back.
//
// Invariants: two loads are read, nothing is written. A stale latency or load
// turns the choice into a random one at worst.

package algo

const (
	// latencyFloor in nanoseconds: below it members count as equally fast.
	latencyFloor = 1 << 14
	// unmeasured is the cost of a member whose first request still runs: above
	// every latency, and growing with what is in flight.
	unmeasured = 1e30
	// nearlyEqual is by how much the second candidate must be cheaper. The latency
	// of a member that is asked rarely has faded a little between two answers.
	nearlyEqual = 17.0 / 16
)

type peakEWMA struct {
	view
	sampler sampler
	slopes  []float64 // mean weight / weight
}

func newPeakEWMA(v view) *peakEWMA {
	b := &peakEWMA{view: v, sampler: newSampler(&v), slopes: make([]float64, len(v.ids))}
	for i, w := range v.weights {
		b.slopes[i] = float64(v.total) / float64(len(v.ids)) / float64(w)
	}
	return b
}

// Pick implements Balancer.
func (b *peakEWMA) Pick(q Query) int {
	if len(b.ids) == 0 {
		return -1
	}
	if len(b.ids) < 2 || !q.Tried.isEmpty() {
		return b.pickUntried(q)
	}
	first, second := b.sampler.pair(q.Random)
	return b.index(b.better(first, second, q))
}

// pickUntried is the slow path: retries, and pools of one member.
func (b *peakEWMA) pickUntried(q Query) int {
	first, second := b.sampler.pairUntried(&b.view, q)
	if second < 0 {
		return b.index(first)
	}
	return b.index(b.better(first, second, q))
}

// better chooses between two members; see the law on top.
func (b *peakEWMA) better(first, second int, q Query) int {
	has, wants := b.cost(first, q.NowNanos), b.cost(second, q.NowNanos)
	if wants*nearlyEqual >= has {
		return first
	}
	if b.uniform {
		return second
	}
	// The draws used the upper bits of other mixtures of the same number.
	chance := float64(mix(q.Random^golden)>>11) / (1 << 53)
	if chance*float64(b.weights[first])*wants < float64(b.weights[second])*has {
		return second
	}
	return first
}

// cost ranks a member; see the law on top.
func (b *peakEWMA) cost(position int, nowNanos int64) float64 {
	load := b.loads[position]
	queue := float64(load.busy()) * b.slopes[position]
	latency := load.EWMA(nowNanos)
	if latency == 0 {
		return unmeasured * queue
	}
	if latency < latencyFloor { // max of floats costs 5 ns, for the sake of NaN
		latency = latencyFloor
	}
	return latency * (1 + queue)
}
