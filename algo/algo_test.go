package algo

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// newTestMembers are members with the given weights and idle loads.
func newTestMembers(weights ...uint32) []Member {
	members := make([]Member, len(weights))
	for i, w := range weights {
		members[i] = Member{Key: fmt.Sprintf("10.1.%d.%d:80", i/256, i%256), Weight: w, Load: new(Load)}
	}
	return members
}

// equalWeights are n weights of 1.
func equalWeights(n int) []uint32 {
	weights := make([]uint32, n)
	for i := range weights {
		weights[i] = 1
	}
	return weights
}

// mustNew builds a balancer or ends the test.
func mustNew(tb testing.TB, kind Kind, members []Member, prev Balancer) Balancer {
	tb.Helper()
	b, err := New(kind, members, prev)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// randomQuery is a query with fresh numbers.
func randomQuery(rng *rand.Rand) Query {
	return Query{Hash: rng.Uint64(), Random: rng.Uint64(), NowNanos: 1e9}
}

// share counts how picks fall on members.
func share(b Balancer, members, picks int, rng *rand.Rand) []float64 {
	shares := make([]float64, members)
	for range picks {
		shares[b.Pick(randomQuery(rng))] += 1 / float64(picks)
	}
	return shares
}

func TestKindNames(t *testing.T) {
	names := []string{
		"round_robin", "weighted_round_robin", "least_connections", "p2c", "peak_ewma",
		"random", "ip_hash", "consistent_hash", "maglev",
	}
	if len(Kinds()) != len(names) {
		t.Fatalf("got %d kinds; want %d", len(Kinds()), len(names))
	}
	for i, name := range names {
		kind, ok := ParseKind(name)
		if !ok || kind != Kind(i) || kind.String() != name {
			t.Errorf("ParseKind(%q) = %v, %v; want kind %d", name, kind, ok, i)
		}
		if hashes := i >= 6; kind.UsesHash() != hashes {
			t.Errorf("%v.UsesHash() = %v; want %v", kind, kind.UsesHash(), hashes)
		}
	}
	for _, name := range []string{"", "Random", "least_conn", "algo.Kind(9)"} {
		if kind, ok := ParseKind(name); ok {
			t.Errorf("ParseKind(%q) = %v; want nothing", name, kind)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	noLoad := newTestMembers(1, 1)
	noLoad[1].Load = nil
	for _, kind := range Kinds() {
		_, err := New(kind, noLoad, nil)
		if needs := kind.usesLoad(); errors.Is(err, ErrNoLoad) != needs {
			t.Errorf("%v with a member without load: got error %v; want one: %v", kind, err, needs)
		}
	}
	if _, err := New(RoundRobin, make([]Member, MaxMembers+1), nil); !errors.Is(err, ErrTooManyMembers) {
		t.Errorf("too many members: got %v", err)
	}
	if _, err := New(kindEnd, nil, nil); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("unknown kind: got %v", err)
	}
}

func TestPoolsOfNoneAndOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var tried Tried
	tried.Add(0)
	for _, kind := range Kinds() {
		if got := mustNew(t, kind, nil, nil).Pick(Query{}); got != -1 {
			t.Errorf("%v without members: got %d; want -1", kind, got)
		}
		for _, weight := range []uint32{0, 1, 7, math.MaxUint32} {
			members := newTestMembers(weight)
			b := mustNew(t, kind, members, nil)
			for range 10 {
				q := randomQuery(rng)
				if got := b.Pick(q); got != 0 {
					t.Fatalf("%v with one member of weight %d: got %d; want 0", kind, weight, got)
				}
				q.Tried = tried
				if got := b.Pick(q); got != -1 {
					t.Fatalf("%v with one tried member: got %d; want -1", kind, got)
				}
				members[0].Load.Begin()
			}
		}
	}
}

func TestWeightZeroTakesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, kind := range Kinds() {
		b := mustNew(t, kind, newTestMembers(0, 3, 0, 1, 0), nil)
		shares := share(b, 5, 2000, rng)
		if shares[0]+shares[2]+shares[4] != 0 || shares[1] == 0 || shares[3] == 0 {
			t.Errorf("%v: shares %v with weights 0 3 0 1 0", kind, shares)
		}
		var tried Tried
		tried.Add(1)
		tried.Add(3)
		if got := b.Pick(Query{Tried: tried}); got != -1 {
			t.Errorf("%v: got %d when only weight 0 is left; want -1", kind, got)
		}
	}
}

func TestAllWeightsZeroCountAsEqual(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, kind := range Kinds() {
		for i, s := range share(mustNew(t, kind, newTestMembers(0, 0, 0, 0), nil), 4, 20_000, rng) {
			if math.Abs(s-0.25) > 0.05 {
				t.Errorf("%v: share of member %d is %.3f; want 0.25", kind, i, s)
			}
		}
	}
}

// TestDistribution: idle pools, seed 4, 60,000 picks. The tolerance is relative
// to the share a weight asks for: what the law promises, plus four standard
// deviations of the sampling.
func TestDistribution(t *testing.T) {
	const picks = 60_000
	tolerance := map[Kind]float64{
		RoundRobin: 0, WeightedRoundRobin: 0, LeastConnections: 0, P2C: 0, PeakEWMA: 0, Random: 0,
		IPHash: 0, ConsistentHash: 0.35, Maglev: 0.01,
	}
	cases := []struct {
		name    string
		weights []uint32
	}{
		{"two equal", []uint32{1, 1}},
		{"five equal", []uint32{7, 7, 7, 7, 7}},
		{"five to one", []uint32{5, 1, 1}},
		{"one to six", []uint32{1, 2, 3, 4, 5, 6}},
		{"with zeros", []uint32{0, 2, 0, 6, 2}},
		{"sixteen equal", equalWeights(16)},
		{"forty equal", equalWeights(40)},
		{"hundred and one", []uint32{100, 1}},
	}
	for _, kind := range Kinds() {
		for _, c := range cases {
			t.Run(fmt.Sprintf("%s/%s", kind, c.name), func(t *testing.T) {
				b := mustNew(t, kind, newTestMembers(c.weights...), nil)
				shares := share(b, len(c.weights), picks, rand.New(rand.NewPCG(4, 4)))
				var total float64
				for _, w := range c.weights {
					total += float64(w)
				}
				for i, got := range shares {
					want := float64(c.weights[i]) / total
					limit := want*tolerance[kind] + 4*math.Sqrt(want/picks)
					if kind == IPHash { // each slot is one more draw
						limit += 4 * math.Sqrt(want/float64(ipHashLevels()[0].size))
					}
					if math.Abs(got-want) > limit {
						t.Errorf("member %d: share %.5f; want %.5f +- %.5f", i, got, want, limit)
					}
				}
			})
		}
	}
}

// TestRampLowersTheShare: a member that ramps up at a quarter has a quarter of
// the share of its twin.
func TestRampLowersTheShare(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, kind := range Kinds() {
		members := newTestMembers(1, 1, 1, 1)
		members[2].Ramp = RampFull / 4
		shares := share(mustNew(t, kind, members, nil), 4, 100_000, rng)
		want := 0.25 / 3.25
		if math.Abs(shares[2]-want) > want*0.3 {
			t.Errorf("%v: share %.4f at a quarter of the ramp; want about %.4f", kind, shares[2], want)
		}
	}
}
