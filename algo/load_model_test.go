package algo

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// lockedPool is what a plain implementation would keep: the numbers in flight
// under a lock. All models below rank with it.
type lockedPool struct {
	sync.Mutex
	weights  []uint32
	inFlight []int64
}

// begin and end count an attempt.
func (p *lockedPool) add(member int, n int64) {
	p.Lock()
	defer p.Unlock()
	p.inFlight[member] += n
}

// least returns the members with the smallest in flight / weight outside tried.
func (p *lockedPool) least(tried Tried) []int {
	p.Lock()
	defer p.Unlock()
	var least []int
	for i, w := range p.weights {
		if w == 0 || tried.Has(i) {
			continue
		}
		if len(least) > 0 {
			here, best := p.inFlight[i]*int64(p.weights[least[0]]), p.inFlight[least[0]]*int64(w)
			if here > best {
				continue
			}
			if here < best {
				least = least[:0]
			}
		}
		least = append(least, i)
	}
	return least
}

// most is least from the other side.
func (p *lockedPool) most() []int {
	p.Lock()
	defer p.Unlock()
	var most []int
	for i, w := range p.weights {
		if len(most) > 0 {
			here, best := p.inFlight[i]*int64(p.weights[most[0]]), p.inFlight[most[0]]*int64(w)
			if here < best {
				continue
			}
			if here > best {
				most = most[:0]
			}
		}
		most = append(most, i)
	}
	return most
}

// randomTraffic runs picks, ends and rebuilds in random order, and checks each
// pick.
func randomTraffic(t *testing.T, kind Kind, weights []uint32, rng *rand.Rand, check func(twin *lockedPool, q Query, got int)) {
	t.Helper()
	members := newTestMembers(weights...)
	twin := &lockedPool{weights: weights, inFlight: make([]int64, len(weights))}
	b := mustNew(t, kind, members, nil)
	var running []int
	for range 1500 {
		switch {
		case rng.IntN(50) == 0:
			b = mustNew(t, kind, members, b)
		case len(running) > 0 && rng.IntN(3) == 0:
			at := rng.IntN(len(running))
			ended := running[at]
			running = slices.Delete(running, at, at+1)
			members[ended].Load.End(1e9, 1e6)
			twin.add(ended, -1)
		default:
			q := randomQuery(rng)
			for rng.IntN(4) == 0 {
				q.Tried.Add(rng.IntN(len(weights)))
			}
			got := b.Pick(q)
			check(twin, q, got)
			if got >= 0 {
				running = append(running, got)
				members[got].Load.Begin()
				twin.add(got, 1)
			}
		}
	}
}

func randomWeights(rng *rand.Rand, n int, least uint32) []uint32 {
	weights := make([]uint32, n)
	for i := range weights {
		weights[i] = least + rng.Uint32N(9)
	}
	if rng.IntN(2) == 0 {
		return equalWeights(n)
	}
	return weights
}

func TestLeastConnectionsFollowsTheLockedTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 25 {
		weights := randomWeights(rng, 1+rng.IntN(exactMax), 0)
		weights[0]++
		randomTraffic(t, LeastConnections, weights, rng, func(twin *lockedPool, q Query, got int) {
			if want := twin.least(q.Tried); got != -1 && !slices.Contains(want, got) || got == -1 && len(want) > 0 {
				t.Fatalf("weights %v, in flight %v, tried %v: got %d; want one of %v", weights, twin.inFlight, q.Tried, got, want)
			}
		})
	}
}

// TestTiesRotate: equal members are picked in turn, without a favourite, also
// while some member is busier.
func TestTiesRotate(t *testing.T) {
	for _, n := range []int{3, 4, exactMax} {
		for busy := range n {
			members := newTestMembers(equalWeights(n)...)
			members[busy].Load.Begin()
			b := mustNew(t, LeastConnections, members, nil)
			counts := make([]int, n)
			for range 100 * (n - 1) {
				counts[b.Pick(Query{})]++
			}
			for i, c := range counts {
				if i == busy && c != 0 || i != busy && c != 100 {
					t.Fatalf("%d members, %d busy: picks %v; want 100 each", n, busy, counts)
				}
			}
		}
	}
}

// TestPairsNeverPickTheBusiest: two different members are compared, so a member
// that is strictly busier than all others is never taken.
func TestPairsNeverPickTheBusiest(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 15 {
		weights := randomWeights(rng, 2+rng.IntN(30), 1)
		randomTraffic(t, P2C, weights, rng, func(twin *lockedPool, q Query, got int) {
			most := twin.most()
			if q.Tried.isEmpty() && len(most) == 1 && got == most[0] {
				t.Fatalf("weights %v, in flight %v: got the busiest, %d", weights, twin.inFlight, got)
			}
			if got >= 0 && q.Tried.Has(got) || got < 0 && len(twin.least(q.Tried)) > 0 {
				t.Fatalf("got %d with %v tried", got, q.Tried)
			}
		})
	}
}

// TestPairIsTwo: the candidates differ, whatever the weights, and every member
// can be one.
func TestPairIsTwo(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, weights := range [][]uint32{{1, 1}, {1, 1 << 24}, {5, 1, 1}, equalWeights(7), {1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		v := newView(newTestMembers(weights...))
		s := newSampler(&v)
		seen := make([]int, len(weights))
		for range 20_000 {
			first, second := s.pair(rng.Uint64())
			if first == second || first < 0 || second < 0 || max(first, second) >= len(weights) {
				t.Fatalf("weights %v: pair %d, %d", weights, first, second)
			}
			seen[first]++
			seen[second]++
		}
		if slices.Min(seen) == 0 {
			t.Errorf("weights %v: candidates %v", weights, seen)
		}
	}
}

// TestPeakEWMALeavesASlowMember: one of five answers a hundred times slower.
func TestPeakEWMALeavesASlowMember(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	members := newTestMembers(equalWeights(5)...)
	b := mustNew(t, PeakEWMA, members, nil)
	now := int64(0)
	counts := make([]int, 5)
	for i := range 20_000 {
		now += 1e5
		q := randomQuery(rng)
		q.NowNanos = now
		got := b.Pick(q)
		latency := int64(1e6)
		if got == 3 {
			latency = 1e8
		}
		members[got].Load.Begin()
		members[got].Load.End(now, latency)
		if i > 1000 {
			counts[got]++
		}
	}
	if counts[3] > 40 {
		t.Errorf("the slow member took %d of 19000 requests", counts[3])
	}
}

func TestPeakEWMAMeasuresNewMembersOneRequestAtATime(t *testing.T) {
	members := newTestMembers(1, 1)
	members[0].Load.Observe(0, 5e6)
	b := mustNew(t, PeakEWMA, members, nil)
	rng := rand.New(rand.NewPCG(5, 5))
	if got := b.Pick(randomQuery(rng)); got != 1 {
		t.Fatalf("got %d; want the member that was never measured", got)
	}
	members[1].Load.Begin()
	for range 100 {
		if got := b.Pick(randomQuery(rng)); got != 0 {
			t.Fatalf("got %d while the first request of member 1 runs; want 0", got)
		}
	}
	members[1].Load.End(0, 1e6)
	if got := b.Pick(Query{NowNanos: 1}); got != 1 {
		t.Errorf("got %d; want the faster member", got)
	}
}

// TestBrokenLoadsDoNoHarm: a number in flight that is broken (negative, huge)
// does no harm.
func TestBrokenLoadsDoNoHarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, kind := range Kinds() {
		for _, n := range []int{2, 5, 40} {
			members := newTestMembers(randomWeights(rng, n, 1)...)
			b := mustNew(t, kind, members, nil)
			for range 2000 {
				m := members[rng.IntN(n)].Load
				m.InFlight.Store([]int64{-1, math.MinInt64, math.MaxInt64, 1 << 40, 0}[rng.IntN(5)])
				m.Observe(rng.Int64(), []int64{-5, 0, math.MaxInt64, 1}[rng.IntN(4)])
				q := randomQuery(rng)
				q.NowNanos = int64(rng.Uint64())
				if got := b.Pick(q); got < 0 || got >= n {
					t.Fatalf("%v of %d: got %d", kind, n, got)
				}
			}
		}
	}
}
