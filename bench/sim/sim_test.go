package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/algo"
)

// small is a plan that takes some 20 ms a run, and twenty times as long under
// the race detector.
func small() Plan {
	p := Standard()
	p.Requests, p.Keys = 50_000, 10_000
	return p
}

// simulate runs one scenario with one algorithm.
func simulate(t *testing.T, p Plan, scenario string, kind algo.Kind) Row {
	t.Helper()
	return find(t, p, scenario, kind)[0]
}

func find(t *testing.T, p Plan, scenario string, kinds ...algo.Kind) []Row {
	t.Helper()
	s, err := FindScenarios([]string{scenario})
	if err != nil {
		t.Fatal(err)
	}
	o, err := Run(t.Context(), p, s[0], kinds)
	if err != nil {
		t.Fatal(err)
	}
	return o.Rows
}

func TestSameSeedSameBytes(t *testing.T) {
	p := small()
	p.Requests, p.Backends, p.Proxies, p.Keys = 2000, 12, 2, 500
	written := func(seed uint64) string {
		p.Seed = seed
		var b bytes.Buffer
		var outcomes []*Outcome
		for _, s := range Scenarios() {
			o, err := Run(t.Context(), p, s, nil)
			if err != nil {
				t.Fatal(err)
			}
			outcomes = append(outcomes, o)
			if err := o.Table(&b); err != nil {
				t.Fatal(err)
			}
		}
		if err := json.NewEncoder(&b).Encode(outcomes); err != nil {
			t.Fatal(err)
		}
		if err := Chart(&b, outcomes); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	first := written(7)
	if again := written(7); again != first {
		t.Error("the same seed gave other figures")
	}
	if other := written(8); other == first {
		t.Error("another seed gave the same figures")
	}
}

// TestAllAlgorithmsGetTheSameRequests compares laws that place without looking:
// one backend makes them equal.
func TestAllAlgorithmsGetTheSameRequests(t *testing.T) {
	p := small()
	p.Backends, p.Requests = 1, 20_000
	rows := find(t, p, "even", algo.Kinds()...)
	for _, r := range rows[1:] {
		r.Algorithm = rows[0].Algorithm
		if r != rows[0] {
			t.Errorf("got %+v; want %+v", r, rows[0])
		}
	}
}

// within fails when got is not want, give or take a share of it.
func within(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > share*want {
		t.Errorf("%s: got %.4g; want %.4g within %g %%", what, got, want, share*100)
	}
}

// erlangC is the probability that a request waits in M/M/c with c workers and
// a load of a Erlang.
func erlangC(c int, a float64) float64 {
	term, sum := 1.0, 0.0
	for k := range c {
		sum += term
		term *= a / float64(k+1)
	}
	term *= float64(c) / (float64(c) - a)
	return term / (sum + term)
}

// TestQueueModel compares with the textbook: mean time in M/M/c is
// s + s * C(c, a) / (c - a); in M/M/1 it is exponential, so quantiles follow.
// Random choice among equal backends makes each of them such a queue. Standard
// errors of these runs are about 3 %.
func TestQueueModel(t *testing.T) {
	for _, c := range []struct {
		name              string
		backends, workers int
		utilisation       float64
	}{
		{"M/M/1 at 50 %", 1, 1, 0.5},
		{"M/M/1 at 70 %", 1, 1, 0.7},
		{"M/M/4 at 70 %", 1, 4, 0.7},
		{"M/M/16 at 80 %", 1, 16, 0.8},
		{"50 x M/M/1 at 70 %", 50, 1, 0.7},
		{"50 x M/M/4 at 70 %", 50, 4, 0.7},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := small()
			p.Backends, p.Workers, p.Utilisation, p.Requests, p.Timeout = c.backends, c.workers, c.utilisation, 150_000, time.Hour
			r := simulate(t, p, "even", algo.Random)
			s := float64(p.Service) / 1e3
			a := c.utilisation * float64(c.workers)
			want := s + s*erlangC(c.workers, a)/(float64(c.workers)-a)
			within(t, "mean", r.Mean, want, 0.08)
			if c.workers == 1 {
				within(t, "p50", r.P50, want*math.Ln2, 0.08)
				within(t, "p99", r.P99, want*math.Log(100), 0.1)
			}
			within(t, "rate", r.Rate, c.utilisation*float64(c.workers*c.backends)/p.Service.Seconds(), 0.02)
			if r.Lost != 0 {
				t.Errorf("got %d lost; want 0", r.Lost)
			}
		})
	}
}

// TestLittlesLaw: requests in flight = rate x time in the system, whatever the
// algorithm and the order of service.
func TestLittlesLaw(t *testing.T) {
	p := small()
	p.Requests = 20_000
	for _, scenario := range []string{"even", "weighted"} {
		for _, r := range find(t, p, scenario, algo.Kinds()...) {
			within(t, scenario+" "+r.Algorithm, r.InFlight, r.Rate*r.Mean/1e6, 0.03)
		}
	}
}

func TestTwoChoicesShortenTheLongestQueue(t *testing.T) {
	for _, backends := range []int{100, 1000} {
		p := small()
		p.Backends, p.Requests = backends, 100_000
		rows := find(t, p, "even", algo.P2C, algo.Random)
		if 2*rows[0].Peak > rows[1].Peak {
			t.Errorf("%d backends: the longest queue of p2c was %d; want at most half of random's %d", backends, rows[0].Peak, rows[1].Peak)
		}
	}
}

// TestSlowBackend: laws that see load or latency leave a backend that turned
// slow, with several proxies as well; turns and hashes do not.
func TestSlowBackend(t *testing.T) {
	for _, proxies := range []int{1, 4} {
		p := small()
		p.Backends, p.Requests, p.Proxies = 20, 30_000, proxies
		before := find(t, p, "even", algo.Kinds()...)
		for i, r := range find(t, p, "slow", algo.Kinds()...) {
			switch r.Algorithm {
			case "p2c", "peak_ewma", "least_connections", "consistent_hash":
				if r.P99 > 2*before[i].P99 || r.Odd > 0.01 || r.Lost*1000 > r.Requests {
					t.Errorf("%s: got p99 %.0f us (%.0f before), %.4f to the slow one, %d lost; want at most twice, 0.01 and 0.1 %%",
						r.Algorithm, r.P99, before[i].P99, r.Odd, r.Lost)
				}
			default:
				if r.P99 < 10*before[i].P99 || r.Odd < 0.03 || r.Lost*100 < r.Requests {
					t.Errorf("%s: got p99 %.0f us (%.0f before), %.4f to the slow one, %d lost; want it to suffer",
						r.Algorithm, r.P99, before[i].P99, r.Odd, r.Lost)
				}
			}
		}
	}
}

func TestMixedSpeedsNeedWeightsOrLoad(t *testing.T) {
	mixed := find(t, small(), "mixed", algo.RoundRobin, algo.LeastConnections, algo.PeakEWMA)
	weighted := simulate(t, small(), "weighted", algo.RoundRobin)
	if mixed[0].P99 < 10*weighted.P99 {
		t.Errorf("round_robin without weights: got p99 %.0f us; want ten times the %.0f with them", mixed[0].P99, weighted.P99)
	}
	for _, r := range mixed[1:] {
		if r.P99 > 2*weighted.P99 || r.Lost > 0 {
			t.Errorf("%s without weights: got p99 %.0f us, %d lost; want at most twice %.0f and none", r.Algorithm, r.P99, r.Lost, weighted.P99)
		}
	}
}

func TestHotKeySpillsOverOnlyWithBoundedLoad(t *testing.T) {
	rows := find(t, small(), "hot", algo.ConsistentHash, algo.Maglev)
	if rows[0].LoadMax > 1.5 || rows[0].P99*5 > rows[1].P99 || rows[1].LoadMax < 3 {
		t.Errorf("got load max %.2f and p99 %.0f us of consistent_hash, %.2f and %.0f of maglev; want the one bounded, the other not",
			rows[0].LoadMax, rows[0].P99, rows[1].LoadMax, rows[1].P99)
	}
}

// TestBreakerSavesRequests: without it the failing backend costs at least its
// fair share, half of one percent; fast errors draw more to it.
func TestBreakerSavesRequests(t *testing.T) {
	p := small()
	p.Requests = 200_000
	kinds := []algo.Kind{algo.RoundRobin, algo.LeastConnections, algo.PeakEWMA}
	with := find(t, p, "breaker", kinds...)
	for i, r := range find(t, p, "failing", kinds...) {
		if lost := r.lostShare(); lost < 0.004 || lost > 0.02 {
			t.Errorf("%s without breaker: got %.4f lost; want about 0.005 or somewhat more", r.Algorithm, lost)
		}
		if with[i].Lost*10 > r.Lost || with[i].Lost == 0 {
			t.Errorf("%s: got %d lost with breaker, %d without; want a tenth at most, and some", r.Algorithm, with[i].Lost, r.Lost)
		}
	}
}

// TestProxiesKnowTheirOwnRequestsOnly: least_connections gets worse with more
// proxies, what looks at nothing stays the same.
func TestProxiesKnowTheirOwnRequestsOnly(t *testing.T) {
	one, many := small(), small()
	many.Proxies = 16
	alone, together := find(t, one, "even", algo.LeastConnections, algo.Maglev), find(t, many, "even", algo.LeastConnections, algo.Maglev)
	if together[0].Mean < alone[0].Mean*1.05 {
		t.Errorf("least_connections: got a mean of %.0f us with 16 proxies, %.0f with one; want more", together[0].Mean, alone[0].Mean)
	}
	if alone[1] != together[1] {
		t.Errorf("maglev: got %+v with 16 proxies; want %+v", together[1], alone[1])
	}
}

func TestTimeoutsBoundTheLatency(t *testing.T) {
	p := small()
	p.Backends, p.Utilisation, p.Timeout, p.Requests = 2, 2, time.Second, 20_000
	r := simulate(t, p, "even", algo.RoundRobin)
	if r.P999 > 1e6*1.001 || r.Lost*2 < r.Requests || r.Lost == r.Requests {
		t.Errorf("twice the load: got p99.9 %.0f us, %d of %d lost; want 1 s and at least half of them", r.P999, r.Lost, r.Requests)
	}
}

func TestPlanIsChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Plan)
	}{
		{"no backends", func(p *Plan) { p.Backends = 0 }},
		{"too many backends", func(p *Plan) { p.Backends = algo.MaxMembers + 1 }},
		{"too many loads", func(p *Plan) { p.Backends, p.Proxies = 50_000, 1000 }},
		{"no workers", func(p *Plan) { p.Workers = 0 }},
		{"no proxies", func(p *Plan) { p.Proxies = 0 }},
		{"one request", func(p *Plan) { p.Requests = 1 }},
		{"no keys", func(p *Plan) { p.Keys = 0 }},
		{"no load", func(p *Plan) { p.Utilisation = 0 }},
		{"not a load", func(p *Plan) { p.Utilisation = math.NaN() }},
		{"no service time", func(p *Plan) { p.Service = 0 }},
		{"timeout below the service time", func(p *Plan) { p.Timeout = p.Service - 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := small()
			c.change(&p)
			if _, err := Run(t.Context(), p, Scenario{}, nil); err == nil {
				t.Error("got no error")
			}
		})
	}
	if _, err := FindScenarios([]string{"none"}); err == nil {
		t.Error("unknown scenario: got no error")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, small(), Scenario{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want %v", err, context.Canceled)
	}
}
