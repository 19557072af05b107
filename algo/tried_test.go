package algo

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTriedRemembersTheLastEight(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var tried Tried
		var model []int
		bound := 1 + rng.IntN(MaxMembers)
		for range 20 {
			index := rng.IntN(bound)
			if rng.IntN(4) == 0 {
				index = []int{0, 1, MaxMembers - 1, 0x7fff, 0x8000}[rng.IntN(5)]
			}
			tried.Add(index)
			if !slices.Contains(model, index) {
				model = append(model, index)
			}
			if len(model) > TriedMax {
				model = model[1:]
			}
			if tried.Len() != len(model) || tried.isEmpty() {
				t.Fatalf("got %d members, empty %v; want %v", tried.Len(), tried.isEmpty(), model)
			}
			for _, probe := range []int{index, index + 1, index - 1, index ^ 0x8000, rng.IntN(bound)} {
				if want := slices.Contains(model, probe); tried.Has(probe) != want {
					t.Fatalf("Has(%d) = %v; want %v with %v", probe, !want, want, model)
				}
			}
		}
	}
}

func TestTriedIgnoresWhatIsNoMember(t *testing.T) {
	var tried Tried
	for _, index := range []int{-1, -1 << 40, MaxMembers, 1 << 16, 1<<16 + 3, 1 << 40} {
		tried.Add(index)
		if tried.Has(index) || tried.Len() != 0 {
			t.Errorf("index %d was taken", index)
		}
	}
	tried.Add(3)
	if tried.Has(1<<16+3) || tried.Has(-1) || !tried.Has(3) {
		t.Error("only 3 is in the set")
	}
}

// TestNobodyIsTriedTwice: for every algorithm, members are picked and added to
// the set until nobody is left; each comes up exactly once.
func TestNobodyIsTriedTwice(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, kind := range Kinds() {
		for n := 1; n <= TriedMax; n++ {
			weights := make([]uint32, n)
			for i := range weights {
				weights[i] = []uint32{1, 1, 2, 100, 2000}[rng.IntN(5)]
			}
			members := newTestMembers(weights...)
			b := mustNew(t, kind, members, nil)
			for range 50 {
				members[rng.IntN(n)].Load.InFlight.Store(rng.Int64N(9))
				q := randomQuery(rng)
				for round := range n {
					got := b.Pick(q)
					if got < 0 || got >= n || q.Tried.Has(got) {
						t.Fatalf("%v, weights %v: pick %d is %d with %d tried", kind, weights, round, got, q.Tried.Len())
					}
					q.Tried.Add(got)
					q.Random = rng.Uint64()
				}
				if got := b.Pick(q); got != -1 {
					t.Fatalf("%v: got %d with all %d tried; want -1", kind, got, n)
				}
			}
		}
	}
}

// TestTriedMembersAreLeftInLargePools: up to eight tried ones out of many.
func TestTriedMembersAreLeftInLargePools(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, kind := range Kinds() {
		for _, n := range []int{9, 17, 65, 300} {
			weights := equalWeights(n)
			weights[0] = 10_000 // comes up in almost every draw
			members := newTestMembers(weights...)
			b := mustNew(t, kind, members, nil)
			for range 50 {
				q := randomQuery(rng)
				q.Tried.Add(0)
				for range TriedMax {
					got := b.Pick(q)
					if got < 0 || q.Tried.Has(got) {
						t.Fatalf("%v of %d: got %d, tried %v", kind, n, got, q.Tried)
					}
					q.Tried.Add(got)
				}
			}
		}
	}
}

// TestRetriesFollowTheWeights: with the heavy member tried, the others share its
// retries by weight (seed 9, four standard deviations).
func TestRetriesFollowTheWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, kind := range []Kind{WeightedRoundRobin, Random, P2C, PeakEWMA, LeastConnections, IPHash, Maglev} {
		b := mustNew(t, kind, newTestMembers(1000, 3, 1), nil)
		counts := make([]int, 3)
		for range 20_000 {
			q := randomQuery(rng)
			q.Tried.Add(0)
			counts[b.Pick(q)]++
		}
		if ratio := float64(counts[1]) / float64(counts[2]); counts[0] != 0 || ratio < 2 || ratio > 4.5 {
			t.Errorf("%v: retries %v; want about 0, 15000, 5000", kind, counts)
		}
	}
}
