package algo

import (
	"math"
	"testing"
)

// What is foreseen is what picks do: over many of them each member gets its share.
func TestForeseeAgreesWithPicks(t *testing.T) {
	const picks = 20_000
	for _, kind := range Kinds() {
		for name, weights := range map[string][]uint32{"one": {3}, "equal": {1, 1, 1}, "unequal": {1, 2, 5}, "none": {}} {
			t.Run(kind.String()+"/"+name, func(t *testing.T) {
				members := newTestMembers(weights...)
				if len(members) > 2 { // the last one is busy
					members[2].Load.InFlight.Store(8)
				}
				b := mustNew(t, kind, members, nil)
				shares := Foresee(b, Query{Hash: 77}, len(members))
				if len(shares) != len(members) {
					t.Fatalf("got %d shares; want %d", len(shares), len(members))
				}
				got := make([]float64, len(members))
				for i := range picks {
					if at := b.Pick(Query{Hash: 77, Random: mix(uint64(i) ^ 0xabcdef)}); at >= 0 {
						got[at] += 1. / picks
					}
				}
				for i := range got {
					if math.Abs(got[i]-shares[i]) > 0.06 {
						t.Errorf("member %d: foreseen %.3f, was %.3f", i, shares[i], got[i])
					}
				}
			})
		}
	}
}

// Nobody loses a turn to a look ahead.
func TestForeseeTakesNoTurn(t *testing.T) {
	for _, kind := range []Kind{RoundRobin, WeightedRoundRobin, LeastConnections} {
		for _, weights := range [][]uint32{{1, 1, 1}, {1, 2, 3}} {
			asked, left := mustNew(t, kind, newTestMembers(weights...), nil), mustNew(t, kind, newTestMembers(weights...), nil)
			for i := range 20 {
				Foresee(asked, Query{}, len(weights))
				if got, want := asked.Pick(Query{}), left.Pick(Query{}); got != want {
					t.Fatalf("%v %v: pick %d is %d; want %d", kind, weights, i, got, want)
				}
			}
		}
	}
}

func TestForeseeAsksNobodyWhoWouldRemember(t *testing.T) {
	many := newTestMembers(equalWeights(exactMax + 1)...)
	if got := Foresee(mustNew(t, LeastConnections, many, nil), Query{}, len(many)); got != nil {
		t.Errorf("got %v; want nothing of more than %d members", got, exactMax)
	}
	if got := Foresee(lastMember(3), Query{}, 3); got != nil {
		t.Errorf("got %v; want nothing of a balancer of somebody else", got)
	}
}
