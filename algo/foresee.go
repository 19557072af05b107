package algo

import "math"

// foreseeDraws is how many draws stand for chance: the shares of two members are off by
// 1.6 percentage points in two cases of three.
const foreseeDraws = 1 << 10

// Foresee is what first attempts with this query would get of b as things stand: for each
// of the members that New was given the part of them that it would take. It takes no turn
// and writes nothing that a pick reads, so it may be asked at any time.
//
// Where members take turns these are their parts of all turns, and where picks depend on
// chance they are counted over draws. It is nil where that cannot be known without a pick:
// for least_connections over more than exactMax members, whose picks remember a candidate,
// and for registered algorithms.
func Foresee(b Balancer, q Query, members int) []float64 {
	q.Tried = Tried{}
	shares := make([]float64, members)
	switch b := b.(type) {
	case *roundRobin:
		for _, id := range b.ids {
			shares[id] = 1 / float64(len(b.ids))
		}
	case *weightedRoundRobin:
		for _, s := range b.steps {
			shares[b.ids[s.position]] += 1 / float64(len(b.steps))
		}
	case *leastConnections:
		if len(b.ids) > exactMax {
			return nil
		}
		b.foresee(shares)
	case *random:
		for i, id := range b.ids {
			shares[id] = float64(b.weights[i]) / float64(b.total)
		}
	case *ipHash, *consistentHash, *maglev:
		q.Random |= 1 // an even number may have consistent_hash read loads: see sumEvery
		if i := b.Pick(q); i >= 0 {
			shares[i] = 1
		}
	case *p2c, *peakEWMA:
		for draw := range uint64(foreseeDraws) {
			q.Random = mix(draw * golden)
			if i := b.Pick(q); i >= 0 {
				shares[i] += 1. / foreseeDraws
			}
		}
	default:
		return nil
	}
	return shares
}

// foresee shares the turns between those that pickExact would let take them.
func (b *leastConnections) foresee(shares []float64) {
	lowest := int64(math.MaxInt64)
	ranks := make([]int64, len(b.ids))
	for i, load := range b.loads {
		if ranks[i] = load.InFlight.Load(); !b.uniform {
			ranks[i] = b.ratio(ranks[i], i)
		}
		lowest = min(lowest, ranks[i])
	}
	var sum float64
	for i, rank := range ranks {
		if rank == lowest {
			sum += float64(b.weights[i])
		}
	}
	for i, rank := range ranks {
		if rank == lowest {
			shares[b.ids[i]] = float64(b.weights[i]) / sum
		}
	}
}
