package pool

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// bubbleClock is the clock of the hot path under synctest.
func bubbleClock() func() int64 {
	began := time.Now()
	return func() int64 { return int64(time.Since(began)) + 1 }
}

// pass lets d go by; in a bubble it takes no time.
func pass(d time.Duration) { <-time.After(d) }

// poolOf is a configuration with the defaults that matter here. A trailing
// "?" marks a backup.
func poolOf(addresses ...string) config.Pool {
	p := config.Pool{Algorithm: "round_robin", PanicThreshold: 50, Connections: config.PoolConnections{Max: 1024}}
	for _, a := range addresses {
		a, backup := strings.CutSuffix(a, "?")
		p.Backends = append(p.Backends, config.Backend{Address: a, Weight: 1, Backup: backup})
	}
	return p
}

// buildOne builds a set with one pool p and retires it with the test.
func buildOne(tb testing.TB, cfg config.Pool, prev *Set, now func() int64) (*Set, *Pool) {
	tb.Helper()
	return buildWith(tb, cfg, prev, Options{Shards: 2, now: now})
}

// buildDialing is buildOne for tests that make connections; they cannot run in
// a synctest bubble, which loops would keep awake.
func buildDialing(tb testing.TB, cfg config.Pool, prev *Set) (*Set, *Pool) {
	tb.Helper()
	return buildWith(tb, cfg, prev, Options{Shards: 2, Loops: rig.Loops(tb, 2)})
}

func buildWith(tb testing.TB, cfg config.Pool, prev *Set, opts Options) (*Set, *Pool) {
	tb.Helper()
	s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": cfg}}, prev, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Retire(nil, 0) })
	p := s.Pool("p")
	return s, p
}

// picks counts n picks by address; "" is nobody.
func picks(p *Pool, n int) map[string]int {
	got := map[string]int{}
	for i := range n {
		m, _ := p.Pick(algo.Query{Random: uint64(i) * 0x9e3779b97f4a7c15, NowNanos: p.now()})
		if m == nil {
			got[""]++
			continue
		}
		got[m.Address()]++
	}
	return got
}

// try makes one attempt at m with this outcome and reports whether it was let in.
func try(m *Member, o attempt.Outcome, status int) bool {
	now := m.pool.now()
	k, ok := m.Acquire(now)
	if ok {
		m.Release(k, o, status, now, int64(time.Millisecond))
	}
	return ok
}

func TestPickGoesRound(t *testing.T) {
	_, p := buildOne(t, poolOf("a:1", "b:1", "c:1"), nil, nil)
	if got := picks(p, 9); got["a:1"] != 3 || got["b:1"] != 3 || got["c:1"] != 3 {
		t.Errorf("got %v; want 3 each", got)
	}
}

func TestPickAvoidsTriedMembersThenTakesBackups(t *testing.T) {
	_, p := buildOne(t, poolOf("a:1", "spare:1?", "b:1"), nil, nil)
	var q algo.Query
	var got []string
	for range 4 {
		m, i := p.Pick(q)
		if m == nil {
			got = append(got, strconv.Itoa(i))
			continue
		}
		if m.Index() != i || p.Members()[i] != m {
			t.Errorf("index %d is not the one of %s", i, m.Address())
		}
		got = append(got, m.Address())
		q.Tried.Add(i)
	}
	if want := "a:1 b:1 spare:1 -1"; strings.Join(got, " ") != want {
		t.Errorf("got %v; want %s", got, want)
	}
}

func TestOperatorStates(t *testing.T) {
	s, p := buildOne(t, poolOf("a:1", "b:1"), nil, nil)
	for _, state := range []State{Drain, Disabled} {
		if err := p.Ask("a:1", Wish{State: state}); err != nil {
			t.Fatal(err)
		}
		if got := picks(p, 4); got["b:1"] != 4 {
			t.Errorf("%s: picked %v; want b alone", state, got)
		}
		if b := p.Status().Backends[0]; b.State != string(state) || b.Up {
			t.Errorf("%s: status %+v", state, b)
		}
	}
	if err := p.Ask("a:1", Wish{State: "gone"}); err == nil {
		t.Error("an unknown state was taken")
	}
	if err := p.Ask("z:1", Wish{State: Drain}); err == nil {
		t.Error("an unknown backend was taken")
	}
	if err := p.Ask("a:1", Wish{State: Enabled}); err != nil {
		t.Fatal(err)
	}
	if got := picks(p, 4); got["a:1"] != 2 {
		t.Errorf("enabled again: %v", got)
	}
	if err := p.Ask("a:1", Wish{Weight: new(3)}); err != nil {
		t.Fatal(err)
	}
	if got := picks(p, 8); got["a:1"] != 6 {
		t.Errorf("weight 3 of 4: %v", got)
	}
	if p.Ask("a:1", Wish{Weight: new(-1)}) == nil || p.Ask("a:1", Wish{Weight: new(65536)}) == nil {
		t.Error("an impossible weight was taken")
	}
	if err := p.Ask("a:1", Wish{Weight: new(0)}); err != nil {
		t.Fatal(err)
	}
	if got := picks(p, 4); got["b:1"] != 4 {
		t.Errorf("weight 0: %v", got)
	}
	t.Run("hold over a reload", func(t *testing.T) {
		cfg := poolOf("a:1", "b:1")
		cfg.Backends[1].Weight = 2
		_, q := buildOne(t, cfg, s, nil)
		if got := picks(q, 4); got["b:1"] != 4 {
			t.Errorf("weight 0: %v", got)
		}
	})
}

func TestUnavailableSaysWhy(t *testing.T) {
	_, p := buildOne(t, poolOf("a:1"), nil, nil)
	if cause, _ := p.Unavailable(); cause != end.OK {
		t.Errorf("cause %q with a member up", cause)
	}
	if err := p.Ask("a:1", Wish{State: Disabled}); err != nil {
		t.Fatal(err)
	}
	if m, i := p.Pick(algo.Query{}); m != nil || i != -1 {
		t.Errorf("picked %v, %d", m, i)
	}
	if cause, after := p.Unavailable(); cause != end.NoBackendEnabled || after < time.Second {
		t.Errorf("cause %q, retry after %v", cause, after)
	}
}

func TestAcquireKeepsMaxRequests(t *testing.T) {
	cfg := poolOf("a:1")
	cfg.Backends[0].MaxRequests = 3
	_, p := buildOne(t, cfg, nil, nil)
	m := p.Member("a:1")
	var wg sync.WaitGroup
	var granted, over atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				k, ok := m.Acquire(1)
				if !ok {
					continue
				}
				if granted.Add(1) > 3 {
					over.Add(1)
				}
				granted.Add(-1)
				m.Release(k, attempt.OK, 200, 1, 1)
			}
		})
	}
	wg.Wait()
	if over.Load() > 0 || m.InFlight() != 0 {
		t.Errorf("%d times over the limit; %d in flight at the end", over.Load(), m.InFlight())
	}
	held := 0
	for range 5 {
		if _, ok := m.Acquire(1); ok {
			held++
		}
	}
	if held != 3 {
		t.Errorf("let in %d; want 3", held)
	}
}

func TestReleaseCounts(t *testing.T) {
	_, p := buildOne(t, poolOf("a:1", "b:1"), nil, nil)
	m := p.Member("a:1")
	for _, a := range []struct {
		o      attempt.Outcome
		status int
	}{{attempt.OK, 200}, {attempt.OK, 404}, {attempt.OK, 503}, {attempt.ConnectRefused, 0}, {attempt.ClientGone, 200}, {attempt.NoFreeConn, 0}, {attempt.ReusedDied, 0}, {attempt.Timeout, 0}, {attempt.OK, 999}} {
		try(m, a.o, a.status)
	}
	b := p.Status().Backends[0]
	if b.Requests != 9 || b.Failures != 4 || b.InFlight != 0 {
		t.Errorf("requests %d failures %d in flight %d; want 9, 4, 0", b.Requests, b.Failures, b.InFlight)
	}
	if got, want := m.Codes(), [6]uint64{4, 0, 2, 0, 1, 2}; got != want {
		t.Errorf("codes %v; want %v", got, want)
	}
}

func TestBreakerCountsWhatItsSectionAsksFor(t *testing.T) {
	section := breakerDefaults()
	cases := []struct {
		name    string
		section *config.CircuitBreaker
		o       attempt.Outcome
		status  int
		opens   bool
	}{
		{"connect failure", nil, attempt.ConnectRefused, 0, true},
		{"reset", nil, attempt.Reset, 0, true},
		{"timeout", nil, attempt.Timeout, 0, true},
		{"500 without a section", nil, attempt.OK, 500, false},
		{"500 with a section", &section, attempt.OK, 500, true},
		{"garbage without a section", nil, attempt.BadResponse, 0, false},
		{"garbage with a section", &section, attempt.BadResponse, 0, true},
		{"dead idle connections", &section, attempt.ReusedDied, 0, false},
		{"our own limit", &section, attempt.NoFreeConn, 0, false},
		{"the client left", &section, attempt.ClientGone, 500, false},
		{"the client's body", &section, attempt.ClientBadBody, 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := poolOf("a:1", "b:1")
			cfg.CircuitBreaker = c.section
			_, p := buildOne(t, cfg, nil, func() int64 { return second })
			m := p.Member("a:1")
			for range 30 {
				try(m, c.o, c.status)
			}
			if got := m.breaker.state(second) == breakerOpen; got != c.opens {
				t.Errorf("open %v; want %v", got, c.opens)
			}
		})
	}
}

func TestOpenBreakerLeavesRotationAndComesBackWithoutTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := buildOne(t, poolOf("a:1", "b:1", "c:1"), nil, bubbleClock())
		a := p.Member("a:1")
		for range 5 {
			try(a, attempt.ConnectRefused, 0)
		}
		synctest.Wait()
		if got := picks(p, 6); got["a:1"] != 0 || got["b:1"] != 3 {
			t.Fatalf("open: picked %v; want b and c", got)
		}
		if b := p.Status().Backends[0]; b.Breaker != "open" || b.Up || !strings.Contains(b.Reason, "circuit breaker open") {
			t.Errorf("status %+v", b)
		}
		pass(10*time.Second + 2*time.Millisecond)
		synctest.Wait()
		if got := picks(p, 6); got["a:1"] != 2 {
			t.Fatalf("after open_for: picked %v; want all three", got)
		}
		for range 3 {
			if !try(a, attempt.OK, 200) {
				t.Fatal("trial refused")
			}
		}
		if got := p.Status().Backends[0].Breaker; got != "closed" {
			t.Errorf("after three good trials: %s", got)
		}
		s.Retire(nil, 0)
	})
}

func TestAtMostMaxEjectedPercentAreOpen(t *testing.T) {
	cases := []struct {
		name    string
		members []string
		percent int
		open    int
	}{
		{"half of four", []string{"a:1", "b:1", "c:1", "d:1"}, 50, 2},
		{"half of three is one", []string{"a:1", "b:1", "c:1"}, 50, 1},
		{"a single one is never ejected", []string{"a:1"}, 50, 0},
		{"all", []string{"a:1", "b:1"}, 100, 2},
		{"all primaries while a backup stands by", []string{"a:1", "b:1", "z:1?"}, 50, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := poolOf(c.members...)
			section := breakerDefaults()
			section.MaxEjectedPercent = c.percent
			cfg.CircuitBreaker = &section
			_, p := buildOne(t, cfg, nil, func() int64 { return second })
			var wg sync.WaitGroup
			for _, m := range p.Members() {
				if m.rank > 0 {
					continue
				}
				wg.Go(func() {
					for range 20 {
						try(m, attempt.ConnectRefused, 0)
					}
				})
			}
			wg.Wait()
			open := 0
			for _, m := range p.Members() {
				if !m.breaker.closed() {
					open++
				}
			}
			if open != c.open {
				t.Errorf("%d open; want %d", open, c.open)
			}
		})
	}
}

func TestSlowStartForBackendsThatJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := bubbleClock()
		cfg := poolOf("a:1")
		cfg.SlowStart = 64 * time.Second
		s, p := buildOne(t, cfg, nil, clock)
		if got := p.Members()[0].ramp(p.slowStart, clock()); got != algo.RampFull {
			t.Errorf("at the start of the proxy: %d of %d", got, algo.RampFull)
		}
		cfg = poolOf("a:1", "b:1")
		cfg.SlowStart = 64 * time.Second
		next, q := buildOne(t, cfg, s, clock)
		early := picks(q, 1000)["b:1"]
		pass(32 * time.Second)
		synctest.Wait()
		middle := picks(q, 1000)["b:1"]
		pass(40 * time.Second)
		synctest.Wait()
		late := picks(q, 1000)["b:1"]
		if early < 20 || early > 150 || middle < 250 || middle > 420 || late < 499 || late > 501 {
			t.Errorf("of 1000 picks the new one got %d, %d, %d; want few, more, half", early, middle, late)
		}
		s.Retire(next, 0)
		next.Retire(nil, 0)
	})
}

func TestLatencyIsLearntFromAnswersAndTimeoutsAlone(t *testing.T) {
	cases := []struct {
		name    string
		o       attempt.Outcome
		latency int64
		want    float64
	}{
		{"answer", attempt.OK, 5000, 5000},
		{"answer of unknown latency", attempt.OK, 0, 0},
		{"refused at once", attempt.ConnectRefused, 10, 0},
		{"client left", attempt.ClientGone, 10, 0},
		{"timeout", attempt.Timeout, 0, 3e9},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, p := buildOne(t, poolOf("a:1"), nil, nil)
			m := p.Member("a:1")
			k, _ := m.Acquire(second)
			m.Release(k, c.o, 0, 4*second, c.latency)
			if got := m.load.EWMA(4 * second); got < c.want*0.999 || got > c.want*1.001 {
				t.Errorf("learnt %v ns; want %v", got, c.want)
			}
		})
	}
}
