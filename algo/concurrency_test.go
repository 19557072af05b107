package algo

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConcurrentTraffic: many goroutines pick, begin and end while the balancer
// is rebuilt under them. For the race detector, and for the sums.
func TestConcurrentTraffic(t *testing.T) {
	const goroutines, rounds = 8, 2000
	for _, kind := range Kinds() {
		for _, n := range []int{3, 40} {
			members := newTestMembers(equalWeights(n)...)
			members[0].Weight = 3
			var current atomic.Pointer[Balancer]
			first := mustNew(t, kind, members, nil)
			current.Store(&first)
			var group sync.WaitGroup
			for g := range uint64(goroutines) {
				group.Go(func() {
					rng := rand.New(rand.NewPCG(g, 1))
					for i := range int64(rounds) {
						q := randomQuery(rng)
						q.NowNanos = i * 1e5
						for range 2 {
							got := (*current.Load()).Pick(q)
							if got < 0 || got >= n || q.Tried.Has(got) {
								t.Errorf("%v: got %d", kind, got)
								return
							}
							members[got].Load.Begin()
							members[got].Load.End(q.NowNanos, rng.Int64N(1e7))
							q.Tried.Add(got)
						}
					}
				})
			}
			for range 10 {
				next := mustNew(t, kind, members, *current.Load())
				current.Store(&next)
			}
			group.Wait()
			for i := range members {
				if left := members[i].Load.InFlight.Load(); left != 0 {
					t.Errorf("%v: %d requests left at member %d", kind, left, i)
				}
			}
		}
	}
}

// TestConcurrentTurnsAreExact: no turn is lost or given twice.
func TestConcurrentTurnsAreExact(t *testing.T) {
	const goroutines, rounds = 6, 7 * 300
	for _, kind := range []Kind{RoundRobin, WeightedRoundRobin, LeastConnections} {
		weights := []uint32{5, 1, 1}
		if kind != WeightedRoundRobin {
			weights = []uint32{1, 1, 1}
		}
		b := mustNew(t, kind, newTestMembers(weights...), nil)
		var counts [3]atomic.Int64
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() {
				for range rounds {
					counts[b.Pick(Query{})].Add(1)
				}
			})
		}
		group.Wait()
		var total uint32
		for _, w := range weights {
			total += w
		}
		for i, w := range weights {
			if got, want := counts[i].Load(), int64(goroutines*rounds*w/total); got != want {
				t.Errorf("%v: %d picks of member %d; want %d", kind, got, i, want)
			}
		}
	}
}
