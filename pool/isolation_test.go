package pool

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// neighbours builds two pools, a and b, over the same backends, and retires them with
// the test.
func neighbours(t *testing.T, a, b config.Pool, opts Options) (s *Set, first, second *Pool) {
	t.Helper()
	s, err := Build(&config.Config{Pools: map[string]config.Pool{"a": a, "b": b}}, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Retire(nil, 0) })
	first, second = s.Pool("a"), s.Pool("b")
	return s, first, second
}

// TestAPoolConcludesNothingForAnother: whatever a pool's exchanges meet at a backend, the
// other pool that names it asks it on.
func TestAPoolConcludesNothingForAnother(t *testing.T) {
	for _, o := range []struct {
		outcome attempt.Outcome
		status  int
	}{{attempt.OK, 503}, {attempt.Timeout, 0}, {attempt.Reset, 0}, {attempt.ConnectRefused, 0}, {attempt.ConnectTimeout, 0}} {
		for _, sections := range []struct{ a, b bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
			if o.outcome == attempt.OK && !sections.a {
				continue // answers count only where the section stands
			}
			for _, probed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v %d, sections %v, probed %v", o.outcome, o.status, sections, probed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						cfg := func(section bool) config.Pool {
							c := poolOf("x:1", "y:1")
							if probed {
								c = checked("x:1", "y:1")
							}
							if section {
								d := breakerDefaults()
								c.CircuitBreaker = &d
							}
							return c
						}
						s, a, b := neighbours(t, cfg(sections.a), cfg(sections.b), Options{now: bubbleClock(), Shards: 1})
						f := fakeProbes{}
						f.mu.bad, f.mu.times = map[string]string{}, map[string][]time.Time{}
						s.prober.Probe = f.probe
						s.Start()
						synctest.Wait()
						suffer(a.Member("x:1"), 50, o.outcome, o.status)
						mine, theirs := a.Status().Backends[0], b.Status().Backends[0]
						if mine.Breaker != "open" || mine.Up || try(a.Member("x:1"), attempt.OK, 200) {
							t.Fatalf("the breaker of the pool that suffered: %+v", mine)
						}
						if theirs.Breaker != "closed" || !theirs.Up || theirs.Health == "unhealthy" || theirs.Requests != 0 || theirs.Failures != 0 {
							t.Errorf("the other pool shows %+v", theirs)
						}
						for _, probe := range theirs.Probes {
							if probe.Live {
								t.Errorf("the other pool shows %+v of traffic it did not have", probe)
							}
						}
						if got := picks(b, 4); got["x:1"] != 2 {
							t.Errorf("the other pool picks %v; want x twice", got)
						}
						if !try(b.Member("x:1"), attempt.OK, 200) {
							t.Error("the other pool does not reach the backend")
						}
						s.Retire(nil, 0)
					})
				})
			}
		}
	}
}

// TestRefusedConnectionsHurryTheProbeOfAll: that nobody listens is for the other pool's
// own probes to see; they come soon.
func TestRefusedConnectionsHurryTheProbeOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, b := neighbours(t, checked("x:1", "y:1"), checked("x:1", "y:1"), Options{now: bubbleClock(), Shards: 1})
		f := fakeProbes{}
		f.mu.bad, f.mu.times = map[string]string{}, map[string][]time.Time{}
		s.prober.Probe = f.probe
		s.Start()
		pass(2 * time.Second)
		synctest.Wait()
		f.set("x:1", "connection refused")
		before := f.count("x:1")
		suffer(a.Member("x:1"), 5, attempt.ConnectRefused, 0)
		pass(3400 * time.Millisecond) // three probes in a hurry, 1.1 s at most each
		synctest.Wait()
		if n := f.count("x:1") - before; n < 3 || n > 4 {
			t.Errorf("%d probes of the backend that both pools share; want those of one check", n)
		}
		if got := b.Status().Backends[0]; got.Health != "unhealthy" || got.Up {
			t.Errorf("the other pool after unhealthy_after probes of its own: %+v", got)
		}
		s.Retire(nil, 0)
	})
}

func TestRequestsInFlightAreThePools(t *testing.T) {
	cfg := poolOf("x:1", "y:1")
	cfg.Backends[0].MaxRequests = 2
	cfg.Algorithm = "least_connections"
	_, a, b := neighbours(t, cfg, cfg, Options{Shards: 1})
	var held []Permit
	for range 2 {
		k, ok := b.Member("x:1").Acquire(second)
		if !ok {
			t.Fatal("refused below max_requests")
		}
		held = append(held, k)
	}
	if _, ok := b.Member("x:1").Acquire(second); ok {
		t.Error("a third request was let in")
	}
	if got := picks(a, 4); got["x:1"] != 2 {
		t.Errorf("least_connections of the other pool picks %v; want two each", got)
	}
	k, ok := a.Member("x:1").Acquire(second)
	if !ok {
		t.Fatal("max_requests counts the requests of another pool")
	}
	if mine, theirs := a.Status(), b.Status(); mine.InFlight != 1 || theirs.InFlight != 2 {
		t.Errorf("in flight %d and %d; want 1 and 2", mine.InFlight, theirs.InFlight)
	}
	a.Member("x:1").Release(k, attempt.OK, 200, second, 1)
	for _, k := range held {
		b.Member("x:1").Release(k, attempt.OK, 200, second, 1)
	}
	if mine, theirs := a.Status(), b.Status(); mine.InFlight != 0 || theirs.InFlight != 0 || mine.Requests != 1 || theirs.Requests != 2 {
		t.Errorf("at the end: %+v and %+v", mine, theirs)
	}
}

// TestLatencyIsThePools: one pool's reports take seconds, the other's pages a moment, at
// the same backend.
func TestLatencyIsThePools(t *testing.T) {
	cfg := poolOf("x:1", "y:1")
	cfg.Algorithm = "peak_ewma"
	_, a, b := neighbours(t, cfg, cfg, Options{Shards: 1, now: func() int64 { return second }})
	for _, m := range b.Members() {
		try(m, attempt.OK, 200)
	}
	m := a.Member("x:1")
	k, _ := m.Acquire(second)
	m.Release(k, attempt.OK, 200, second, 3*second)
	if got := picks(b, 400); got["x:1"] < 150 {
		t.Errorf("picks %v; want half each: the slow answers were another pool's", got)
	}
}

func TestConnectionsMaxCountsWhatThePoolDialled(t *testing.T) {
	cfg := poolOf(silentBackend(t, "tcp"))
	cfg.Connections.Max = 2
	_, a, b := neighbours(t, cfg, cfg, Options{Shards: 2, Loops: rig.Loops(t, 2)})
	for _, p := range []*Pool{a, b} {
		for shard := range 2 {
			hc := p.Members()[0].Client(shard)
			c, err := hc.AcquireConn(0, false)
			if err != nil {
				t.Fatalf("connection %d of pool %s: %v", shard, p.Name(), err)
			}
			t.Cleanup(func() { hc.CloseConn(c) })
		}
		if _, err := p.Members()[0].Client(0).AcquireConn(0, false); !errors.Is(err, fasthttp.ErrNoFreeConns) {
			t.Errorf("the third connection of pool %s: %v; want none free", p.Name(), err)
		}
		if got := p.Status().Backends[0].ConnectionsOpen; got != 2 {
			t.Errorf("pool %s shows %d connections; want 2", p.Name(), got)
		}
	}
}

func TestTheOperatorDrainsOnePool(t *testing.T) {
	_, a, b := neighbours(t, poolOf("x:1", "y:1"), poolOf("x:1", "y:1"), Options{Shards: 1})
	if err := a.Ask("x:1", Wish{State: Drain}); err != nil {
		t.Fatal(err)
	}
	if got := picks(b, 4); got["x:1"] != 2 {
		t.Errorf("the other pool picks %v; want two each", got)
	}
}

// TestAReloadKeepsWhatEachPoolConcluded, and a pool with another name begins anew.
func TestAReloadKeepsWhatEachPoolConcluded(t *testing.T) {
	opts := Options{Shards: 1, now: func() int64 { return second }}
	s, a, b := neighbours(t, poolOf("x:1", "y:1"), poolOf("x:1", "y:1"), opts)
	k, _ := a.Member("y:1").Acquire(second)
	for range 5 {
		try(a.Member("x:1"), attempt.Timeout, 0)
		try(b.Member("y:1"), attempt.Reset, 0)
	}
	next, err := Build(&config.Config{Pools: map[string]config.Pool{
		"a": poolOf("y:1", "x:1"), "b": poolOf("x:1", "y:1"), "c": poolOf("x:1", "y:1"),
	}}, s, opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Retire(next, 0)
	defer next.Retire(nil, 0)
	got := map[string]BackendStatus{}
	for _, p := range next.Status() {
		for _, one := range p.Backends {
			got[p.Name+one.Address] = one
		}
	}
	for at, want := range map[string]struct {
		breaker            string
		inFlight           int64
		requests, failures uint64
	}{
		"ax:1": {"open", 0, 5, 5}, "ay:1": {"closed", 1, 0, 0}, "bx:1": {"closed", 0, 0, 0}, "by:1": {"open", 0, 5, 5},
		"cx:1": {"closed", 0, 0, 0}, "cy:1": {"closed", 0, 0, 0},
	} {
		one := got[at]
		if one.Breaker != want.breaker || one.InFlight != want.inFlight || one.Requests != want.requests || one.Failures != want.failures {
			t.Errorf("%s after the reload: %+v; want %+v", at, one, want)
		}
	}
	a.Member("y:1").Release(k, attempt.OK, 200, second, 1) // of the old generation
	if n := next.Pool("a").Status().InFlight; n != 0 {
		t.Errorf("%d in flight; want 0", n)
	}
}

// TestAnOperatorsWishMeetsAReload: a generation is built, but does not serve yet, when
// the operator speaks to the one that does. Both obey, whichever was first.
func TestAnOperatorsWishMeetsAReload(t *testing.T) {
	ca := rig.NewAuthority(t)
	for _, tc := range []struct {
		name   string
		change func(*config.Pool) // by the reload
	}{
		{"nothing else", func(*config.Pool) {}},
		{"fresh connections", func(c *config.Pool) { c.Connections.Idle = time.Minute }},
		{"TLS", func(c *config.Pool) { c.TLS = ca.Trusting("a.test") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, p := buildOne(t, poolOf("a:1", "b:1"), nil, nil)
			s.Start()
			cfg := poolOf("a:1", "b:1")
			tc.change(&cfg)
			next, q := buildOne(t, cfg, s, nil)
			if err := p.Ask("a:1", Wish{State: Drain}); err != nil {
				t.Fatal(err)
			}
			for _, one := range []*Pool{p, q} {
				if got := picks(one, 4); got["b:1"] != 4 || one.Status().Backends[0].State != string(Drain) {
					t.Errorf("drained while the next generation was built: picks %v", got)
				}
			}
			next.Start()
			s.Retire(next, 0)
			if err := p.Ask("a:1", Wish{State: Enabled}); err != nil { // who still holds the old one
				t.Fatal(err)
			}
			if got := picks(q, 4); got["a:1"] != 2 {
				t.Errorf("enabled again by a request that began before: picks %v", got)
			}
			last, r := buildOne(t, cfg, next, nil)
			if err := q.Ask("a:1", Wish{Weight: new(3)}); err != nil {
				t.Fatal(err)
			}
			last.Start()
			next.Retire(last, 0)
			if got := picks(r, 8); got["a:1"] != 6 {
				t.Errorf("weight 3 of 4: picks %v", got)
			}
		})
	}
}

// TestAnOperatorsWeightLiesAboveEveryGeneration: what the configuration says below it
// has no effect, and is what holds once it is taken away.
func TestAnOperatorsWeightLiesAboveEveryGeneration(t *testing.T) {
	var s *Set
	for i, step := range []struct{ given, set, want int }{{1, 3, 3}, {1, -1, 3}, {2, -1, 3}, {1, -1, 3}, {2, 0, 0}} {
		cfg := poolOf("a:1", "b:1")
		cfg.Backends[0].Weight = step.given
		next, p := buildOne(t, cfg, s, nil)
		next.Start()
		if s != nil {
			s.Retire(next, 0)
		}
		if s = next; step.set >= 0 {
			if err := p.Ask("a:1", Wish{Weight: new(step.set)}); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.Status().Backends[0].Weight; got != step.want {
			t.Errorf("step %d: weight %d; want %d", i, got, step.want)
		}
	}
	v, ok := s.overlay.Drop("p", "a:1")
	s.Settle([]Override{v})
	if got := s.Pool("p").Status().Backends[0].Weight; !ok || got != 2 {
		t.Errorf("the weight is %d once nothing is asked any more; want 2, which the configuration gives", got)
	}
}
