package algo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// ended is one request of a closed loop that answers at a time.
type ended struct {
	at, latency int64
	member      int
}

// closedLoop runs clients that send a request each as soon as they have an
// answer, and returns the share of the requests that each member took. latencies
// are nanoseconds by member, a tenth of it random.
func closedLoop(t *testing.T, kind Kind, members []Member, latencies []int64, clients int, rng *rand.Rand) []float64 {
	t.Helper()
	const rounds, warmUp = 20_000, 2_000
	b := mustNew(t, kind, members, nil)
	shares := make([]float64, len(members))
	running := make([]ended, clients)
	for i := range running {
		running[i] = ended{member: -1}
	}
	for round := range rounds + warmUp {
		next := 0
		for i := range running {
			if running[i].at < running[next].at {
				next = i
			}
		}
		e := &running[next]
		if e.member >= 0 {
			members[e.member].Load.End(e.at, e.latency)
		}
		q := randomQuery(rng)
		q.NowNanos = e.at
		e.member = b.Pick(q)
		members[e.member].Load.Begin()
		e.latency = latencies[e.member]*95/100 + rng.Int64N(latencies[e.member]/10+1)
		e.at += e.latency
		if round >= warmUp {
			shares[e.member] += 1.0 / rounds
		}
	}
	return shares
}

// TestWeightsUnderUnequalLatencies: two members of the weights 10 and 1, a
// closed loop of one client and of 22, seed 7. Algorithms that look at latency
// or load may give the light one less than its share of 1/11 where it is slower,
// and more where it is faster, but no more than 2.6 times as much while the
// latencies are within half of each other.
func TestWeightsUnderUnequalLatencies(t *testing.T) {
	const want = 1.0 / 11
	for _, kind := range Kinds() {
		for _, clients := range []int{1, 22} {
			for _, c := range []struct {
				name        string
				light       int64
				least, most float64 // of peak_ewma, times the share
			}{{"alike", 6e6, 0.5, 1.5}, {"light is faster", 4e6, 1, 2.6}, {"light is slower", 9e6, 0, 1}} {
				t.Run(fmt.Sprintf("%v, %d clients, %s", kind, clients, c.name), func(t *testing.T) {
					least, most := 0.95*want, 1.05*want
					switch kind { //nolint:exhaustive // the others see neither latency nor load
					case PeakEWMA:
						least, most = c.least*want, c.most*want
					case LeastConnections, P2C:
						if clients > 1 { // in flight follows the weights, and throughput the latency
							least, most = least*min(1, 6e6/float64(c.light))*0.9, most*max(1, 6e6/float64(c.light))*1.1
						}
					case IPHash, ConsistentHash: // slots and points are random, and places are bounded by load
						least, most = 0.6*want, 1.4*want
					}
					members := newTestMembers(10, 1)
					got := closedLoop(t, kind, members, []int64{6e6, c.light}, clients, rand.New(rand.NewPCG(7, 7)))
					if got[1] < least || got[1] > most {
						t.Errorf("the light member took %.4f; want %.4f to %.4f", got[1], least, most)
					}
				})
			}
		}
	}
}

// TestASlowStartHolds: a member at the beginning of its ramp, as fast as the
// others and half as slow again, beside one and beside three, takes little more
// than its part, whatever the algorithm. Seed 8.
func TestASlowStartHolds(t *testing.T) {
	ramp := RampShare(0, 60e9)
	for _, kind := range Kinds() {
		for _, others := range []int{1, 3} {
			for _, latency := range []int64{6e6, 4e6} {
				t.Run(fmt.Sprintf("%v, beside %d, %d ms", kind, others, latency/1e6), func(t *testing.T) {
					members := newTestMembers(equalWeights(others + 1)...)
					members[0].Ramp = ramp
					latencies := make([]int64, len(members))
					for i := range latencies {
						latencies[i] = 6e6
					}
					latencies[0] = latency
					want := float64(ramp) / float64(int(ramp)+RampFull*others)
					got := closedLoop(t, kind, members, latencies, 1, rand.New(rand.NewPCG(8, 8)))
					if got[0] > 2.6*want {
						t.Errorf("took %.4f; want at most 2.6 times %.4f", got[0], want)
					}
				})
			}
		}
	}
}

// TestPeakEWMALeavesAHeavyMemberThatIsMuchSlower: a weight is no promise to send
// requests where they take twenty times as long.
func TestPeakEWMALeavesAHeavyMemberThatIsMuchSlower(t *testing.T) {
	members := newTestMembers(10, 1)
	got := closedLoop(t, PeakEWMA, members, []int64{100e6, 5e6}, 1, rand.New(rand.NewPCG(9, 9)))
	if got[1] < 0.95 {
		t.Errorf("the light and fast member took %.4f; want nearly all", got[1])
	}
}

// TestPairFollowsTheWeights: the second candidate is drawn in proportion to the
// weights of all but the first. Seed 10, tolerance four standard deviations.
func TestPairFollowsTheWeights(t *testing.T) {
	const draws = 50_000
	for _, weights := range [][]uint32{{10, 1, 1}, {1, 2, 3, 4}, {60_000, 1, 5, 2}, {5, 5, 5, 1}, {1000, 1}} {
		v := newView(newTestMembers(weights...))
		s := newSampler(&v)
		rng := rand.New(rand.NewPCG(10, 10))
		n := len(weights)
		counts := make([]float64, n*n)
		for range draws {
			first, second := s.pair(rng.Uint64())
			counts[first*n+second]++
		}
		for i := range n {
			for j := range n {
				want := 0.0
				if i != j {
					want = float64(weights[i]) / float64(v.total) * float64(weights[j]) / float64(v.total-uint64(v.weights[i]))
				}
				if got := counts[i*n+j] / draws; math.Abs(got-want) > 4*math.Sqrt(want/draws)+1e-9 {
					t.Errorf("weights %v: pair %d, %d comes with %.5f; want %.5f", weights, i, j, got, want)
				}
			}
		}
	}
}
