package algo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRetriesTakeNoTurn: the picks of first attempts come in the same order,
// whether retries and hedges come between them or not.
func TestRetriesTakeNoTurn(t *testing.T) {
	for _, kind := range Kinds() {
		for _, weights := range [][]uint32{{1, 1}, {1, 1, 1}, {3, 1}, {5, 2, 1, 1}, equalWeights(exactMax + 4), equalWeights(walkMax + 6), {1, 70}} {
			t.Run(fmt.Sprintf("%v of %d", kind, len(weights)), func(t *testing.T) {
				plain, retried := mustNew(t, kind, newTestMembers(weights...), nil), mustNew(t, kind, newTestMembers(weights...), nil)
				rng := rand.New(rand.NewPCG(1, 1))
				var want, got []int
				for range 200 {
					q := randomQuery(rng)
					want = append(want, plain.Pick(q))
					first := retried.Pick(q)
					got = append(got, first)
					for range rng.IntN(3) {
						q.Random = rng.Uint64()
						q.Tried.Add(first)
						if first = retried.Pick(q); first < 0 {
							break
						}
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("with retries got %v; want %v", got, want)
				}
			})
		}
	}
}

// TestRetriesAreSpread: the retries of one member fall on all others in
// proportion to their weights. Seed 2, five standard deviations.
func TestRetriesAreSpread(t *testing.T) {
	const picks = 40_000
	for _, kind := range []Kind{RoundRobin, WeightedRoundRobin, LeastConnections, Random} {
		for _, weights := range [][]uint32{{1, 1, 1}, {1, 1, 1, 1, 1}, {4, 2, 1, 1}} {
			b := mustNew(t, kind, newTestMembers(weights...), nil)
			rng := rand.New(rand.NewPCG(2, 2))
			var tried Tried
			tried.Add(0)
			counts := make([]float64, len(weights))
			for range picks {
				q := randomQuery(rng)
				q.Tried = tried
				counts[b.Pick(q)]++
			}
			var total float64
			for _, w := range weights[1:] {
				total += float64(w)
			}
			for i, w := range weights[1:] {
				want := float64(w) / total
				if got := counts[i+1] / picks; math.Abs(got-want) > 5*math.Sqrt(want/picks) {
					t.Errorf("%v with weights %v: member %d takes %.4f of the retries; want %.4f", kind, weights, i+1, got, want)
				}
			}
		}
	}
}

func TestTriedLast(t *testing.T) {
	var tried Tried
	if tried.Last() != (Tried{}) {
		t.Error("the last one of nobody is somebody")
	}
	for i := range TriedMax + 3 {
		tried.Add(i * 7)
		if last := tried.Last(); last.Len() != 1 || !last.Has(i*7) {
			t.Errorf("the last one of %v is %v", tried, last)
		}
	}
}
