package algo

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// smoothTwin is nginx's smooth weighted round robin as it stands in
// ngx_http_upstream_get_peer, under a lock.
type smoothTwin struct {
	sync.Mutex
	weights, current []int64
}

func newSmoothTwin(weights []uint32) *smoothTwin {
	s := &smoothTwin{current: make([]int64, len(weights))}
	for _, w := range weights {
		s.weights = append(s.weights, int64(w))
	}
	return s
}

func (s *smoothTwin) pick() int {
	s.Lock()
	defer s.Unlock()
	best, total := -1, int64(0)
	for i, w := range s.weights {
		if w == 0 {
			continue
		}
		s.current[i] += w
		total += w
		if best < 0 || s.current[i] > s.current[best] {
			best = i
		}
	}
	s.current[best] -= total
	return best
}

func TestSmoothOrder(t *testing.T) {
	cases := []struct {
		weights []uint32
		want    string
	}{
		{[]uint32{5, 1, 1}, "aabacaa"},
		{[]uint32{1, 1, 1}, "abcabc"},
		{[]uint32{4, 2, 0}, "abaaba"},
		{[]uint32{1, 5, 1}, "bbabcbb"},
		{[]uint32{3, 2, 1}, "abacbaabacba"},
		{[]uint32{100, 100, 200}, "cabc"},
	}
	for _, c := range cases {
		b := mustNew(t, WeightedRoundRobin, newTestMembers(c.weights...), nil)
		var got strings.Builder
		for range c.want {
			got.WriteByte('a' + byte(b.Pick(Query{})))
		}
		twin := newSmoothTwin(c.weights)
		for i := range c.want {
			if want := byte('a' + twin.pick()); c.want[i] != want {
				t.Errorf("weights %v: the case expects %q at %d, nginx says %q", c.weights, c.want[i], i, want)
			}
		}
		if got.String() != c.want {
			t.Errorf("weights %v: got %s; want %s", c.weights, got.String(), c.want)
		}
	}
}

// TestSmoothOrderFollowsTheTwin: random weights, three periods each.
func TestSmoothOrderFollowsTheTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		n := 1 + rng.IntN(12)
		if rng.IntN(20) == 0 {
			n = 100 + rng.IntN(100)
		}
		weights := make([]uint32, n)
		limit, factor := 1+rng.Uint32N(20), 1+rng.Uint32N(3)
		var total uint32
		for i := range weights {
			weights[i] = rng.Uint32N(limit+1) * factor
			total += weights[i]
		}
		if total == 0 {
			continue
		}
		b, twin := mustNew(t, RoundRobin, newTestMembers(weights...), nil), newSmoothTwin(weights)
		for i := range 3 * total {
			if got, want := b.Pick(Query{}), twin.pick(); got != want {
				t.Fatalf("weights %v, turn %d: got %d; want %d", weights, i, got, want)
			}
		}
	}
}

// TestSequenceErrorBound: weights that do not fit are scaled within the error
// that is stated.
func TestSequenceErrorBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, n := range []int{2, 3, 16, 300, 4096} {
		for _, limit := range []uint32{10, 65_535, weightMax} {
			weights := make([]uint32, n)
			var total float64
			for i := range weights {
				weights[i] = 1 + rng.Uint32N(limit)
				total += float64(weights[i])
			}
			order := sequence(weights)
			counts := make([]float64, n)
			for _, position := range order {
				counts[position]++
			}
			bound := float64(max(sequenceMax, 2*n))
			if got := float64(len(order)); got > bound+float64(n) {
				t.Errorf("%d members: %g turns; want at most %g", n, got, bound+float64(n))
			}
			for i, w := range weights {
				want := float64(w) / total
				if diff := math.Abs(counts[i]/float64(len(order)) - want); diff > (1+want*float64(n))/bound {
					t.Fatalf("%d members up to %d: share of %d off by %g, the bound is %g", n, limit, i, diff, (1+want*float64(n))/bound)
				}
			}
		}
	}
}

// TestTurnsAreSpread: between two turns of a member lie about as many others as
// its weight asks for.
func TestTurnsAreSpread(t *testing.T) {
	order := sequence([]uint32{10, 5, 5, 1})
	last := slices.Index(order, 0)
	for i := last + 1; i < len(order); i++ {
		if order[i] != 0 {
			continue
		}
		if gap := i - last; gap > 3 {
			t.Errorf("member 0 waits %d turns in %v", gap, order)
		}
		last = i
	}
}

// TestTurnsGoOnOverRebuilds: a pool that is rebuilt at each pick still serves
// all members, also across the two kinds and a time without members.
func TestTurnsGoOnOverRebuilds(t *testing.T) {
	for _, kind := range []Kind{RoundRobin, WeightedRoundRobin, LeastConnections} {
		members := newTestMembers(1, 1, 1, 1)
		var b Balancer
		counts := make([]int, 4)
		for i := range 40 {
			b = mustNew(t, kind, members, b)
			if i%7 == 3 {
				b = mustNew(t, kind, nil, b)
				b = mustNew(t, kind, members, b)
			}
			counts[b.Pick(Query{})]++
		}
		for i, c := range counts {
			if c != 10 {
				t.Errorf("%v: member %d was picked %d times; want 10", kind, i, c)
			}
		}
	}
}

// TestOldViewTakesTurnsToo: picks on the view that was replaced move the turn.
func TestOldViewTakesTurnsToo(t *testing.T) {
	members := newTestMembers(1, 1, 1)
	before := mustNew(t, RoundRobin, members, nil)
	after := mustNew(t, RoundRobin, members, before)
	for i := range 9 {
		b := before
		if i%2 == 1 {
			b = after
		}
		if got := b.Pick(Query{}); got != i%3 {
			t.Fatalf("pick %d: got %d; want %d", i, got, i%3)
		}
	}
}

// TestHeavyTriedMemberCostsFewSteps: a run of turns of a tried member is skipped
// in one step, also round the end of the sequence.
func TestHeavyTriedMemberCostsFewSteps(t *testing.T) {
	b := newWeightedRoundRobin(newView(newTestMembers(30_000, 1, 2)), nil)
	for i, s := range b.steps {
		next := b.steps[(i+int(s.run))%len(b.steps)]
		if s.run == 0 || next.position == s.position {
			t.Fatalf("step %d: the run of %d is %d, and then the same again", i, s.position, s.run)
		}
	}
}
