package pool

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/health"
)

// suffer makes n attempts at a member end with o.
func suffer(m *Member, n int, o attempt.Outcome, status int) {
	for range n {
		try(m, o, status)
	}
	synctest.Wait()
}

// backendA is the status of a:1.
func backendA(t *testing.T, p *Pool) BackendStatus {
	t.Helper()
	all := p.Status().Backends
	i := slices.IndexFunc(all, func(b BackendStatus) bool { return b.Address == "a:1" })
	if i < 0 {
		t.Fatal("no backend a:1")
	}
	return all[i]
}

func TestRefusedConnectionsCondemnABackendAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		s, p := startChecked(t, &f, checked("a:1", "b:1"), nil)
		synctest.Wait()
		pass(2 * time.Second) // in the middle between two probes
		f.set("a:1", "connection refused")
		before := f.count("a:1")
		suffer(p.Member("a:1"), 5, attempt.ConnectRefused, 0)
		b := backendA(t, p)
		if b.Health != "unhealthy" || b.Up || !b.Probes[0].Live || b.Probes[0].OK || b.Probes[0].Reason != "live traffic failed: connect_refused" {
			t.Errorf("after five refused connections: %+v", b)
		}
		pass(1200 * time.Millisecond)
		synctest.Wait()
		if n := f.count("a:1"); n != before+1 {
			t.Errorf("%d probes in the second after it; want one soon", n-before)
		}
		f.set("a:1", "")
		pass(4500*time.Millisecond + 1100*time.Millisecond) // the next probe, and one in a hurry
		synctest.Wait()
		if b := backendA(t, p); b.Health != "healthy" || !b.Up {
			t.Errorf("two good probes later: %+v", b)
		}
		s.Retire(nil, 0)
	})
}

// A pool where nobody answers says so at once instead of trying, and serves with
// the first probe that finds somebody.
func TestAllDeadIsUnavailableUntilOneProbeIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		s, p := startChecked(t, &f, checked("a:1", "b:1", "c:1"), nil)
		synctest.Wait()
		for _, m := range p.Members() {
			f.set(m.Address(), "connection refused")
			suffer(m, 5, attempt.ConnectRefused, 0)
		}
		if m, _ := p.Pick(Query{}); m != nil {
			t.Fatalf("picked %s although nobody answers", m.Address())
		}
		if cause, after := p.Unavailable(); cause != end.NoHealthyBackend || after != 4*time.Second {
			t.Errorf("cause %q, retry after %v; want %q and the probes' interval", cause, after, end.NoHealthyBackend)
		}
		pass(5 * time.Second)
		f.set("b:1", "")
		pass(4400 * time.Millisecond) // one interval with its jitter
		synctest.Wait()
		if got := picks(p, 3); got["b:1"] != 3 {
			t.Errorf("picked %v one interval after b came back; want b alone", got)
		}
		pass(2200 * time.Millisecond)
		if got := picks(p, 3); got["b:1"] != 3 {
			t.Errorf("two good probes later: %v", got)
		}
		s.Retire(nil, 0)
	})
}

// Probes that fail everywhere while backends answer are what panic_threshold is
// about.
func TestAllSickServeOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		s, p := startChecked(t, &f, checked("a:1", "b:1"), nil)
		synctest.Wait()
		f.set("a:1", "status 500, want 200-299")
		f.set("b:1", "status 500, want 200-299")
		pass(20 * time.Second)
		synctest.Wait()
		if got := picks(p, 4); got["a:1"] != 2 || got["b:1"] != 2 || !p.Status().Panic {
			t.Errorf("picked %v, panic %v; want both", got, p.Status().Panic)
		}
		s.Retire(nil, 0)
	})
}

func TestAllBreakersOpenIsUnavailableUntilTheFirstTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := poolOf("a:1", "b:1")
		section := breakerDefaults()
		section.MaxEjectedPercent = 100
		cfg.CircuitBreaker = &section
		s, p := buildOne(t, cfg, nil, bubbleClock())
		suffer(p.Member("a:1"), 5, attempt.OK, 500)
		pass(3 * time.Second)
		suffer(p.Member("b:1"), 5, attempt.OK, 500)
		if m, _ := p.Pick(Query{}); m != nil {
			t.Fatalf("picked %s although its breaker is open", m.Address())
		}
		cause, after := p.Unavailable()
		if cause != end.CircuitOpen || after.Round(10*time.Millisecond) != 7*time.Second {
			t.Errorf("cause %q, retry after %v; want %q and the 7 s left of a", cause, after, end.CircuitOpen)
		}
		pass(after + time.Millisecond)
		synctest.Wait()
		if got := picks(p, 2); got["a:1"] != 2 {
			t.Errorf("picked %v after that time; want a", got)
		}
		s.Retire(nil, 0)
	})
}

// Answers with 5xx open the breaker and make the backend unhealthy; probes that
// know nothing of it bring its health back, but not its breaker's time.
func TestGoodProbesDoNotShortenABreakerThatFailedAnswersOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		cfg := checked("a:1", "b:1")
		section := breakerDefaults()
		section.OpenFor = 20 * time.Second
		cfg.CircuitBreaker = &section
		s, p := startChecked(t, &f, cfg, nil)
		synctest.Wait()
		suffer(p.Member("a:1"), 5, attempt.OK, 503)
		if b := backendA(t, p); b.Health != "unhealthy" || b.Breaker != "open" || !b.Probes[0].Live {
			t.Fatalf("after five answers with 503: %+v", b)
		}
		pass(10 * time.Second)
		synctest.Wait()
		if b := backendA(t, p); b.Health != "healthy" || b.Breaker != "open" || b.Up {
			t.Errorf("after good probes: %+v; want healthy behind an open breaker", b)
		}
		pass(11 * time.Second)
		synctest.Wait()
		if got := picks(p, 4); got["a:1"] != 2 {
			t.Errorf("picked %v after open_for", got)
		}
		s.Retire(nil, 0)
	})
}

// Where max_ejected_percent keeps a failing backend in, live traffic does not
// take it out behind its back; it only hurries the probe.
func TestFailedAnswersBeyondTheLimitOnlyHurryTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		cfg := checked("a:1") // a single one is never ejected
		section := breakerDefaults()
		cfg.CircuitBreaker = &section
		s, p := startChecked(t, &f, cfg, nil)
		synctest.Wait()
		pass(time.Second)
		before := f.count("a:1")
		suffer(p.Member("a:1"), 50, attempt.OK, 500)
		if b := backendA(t, p); b.Health != "healthy" || !b.Up || len(b.Probes) != before {
			t.Errorf("got %+v; want no change", b)
		}
		pass(1200 * time.Millisecond)
		synctest.Wait()
		if n := f.count("a:1") - before; n != 1 {
			t.Errorf("%d probes soon after; want 1", n)
		}
		s.Retire(nil, 0)
	})
}

func TestAProbeFromBeforeTheDoubtSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := buildOne(t, checked("a:1", "b:1"), nil, bubbleClock())
		answers := make(chan health.Sight)
		s.prober.Probe = func(ctx context.Context, address string, _ *health.Definition) health.Sight {
			if address == "b:1" {
				return health.Sight{Good: true}
			}
			select {
			case seen := <-answers:
				return seen
			case <-ctx.Done():
				return health.Sight{}
			}
		}
		s.Start()
		answers <- health.Sight{Good: true}
		pass(5 * time.Second) // the second one runs
		suffer(p.Member("a:1"), 5, attempt.ConnectRefused, 0)
		a := p.Member("a:1").health
		for i, want := range []health.Verdict{health.Unhealthy, health.Unhealthy, health.Healthy} { // it needs two good ones after that
			answers <- health.Sight{Good: true}
			synctest.Wait()
			if got := a.Verdict(); got != want {
				t.Errorf("after good answer %d: %v; want %v", i, got, want)
			}
			pass(5 * time.Second)
		}
		s.Retire(nil, 0)
	})
}

func TestProbesComeSlowerToTheLongHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		cfg := checked("a:1")
		s, _ := startChecked(t, &f, cfg, nil)
		pass(20 * 5 * time.Second)
		synctest.Wait()
		before := f.count("a:1")
		pass(80 * time.Second)
		if n := f.count("a:1") - before; n < 9 || n > 11 {
			t.Errorf("%d probes in 80 s; want 10, half of those of an interval of 4 s", n)
		}
		f.set("a:1", "status 500, want 200-299")
		pass(12 * time.Second) // three intervals
		synctest.Wait()
		if got := f.verdictOf(s, "a:1"); got != health.Unhealthy {
			t.Errorf("%v after unhealthy_after intervals of failure", got)
		}
		s.Retire(nil, 0)
	})
}

func (*fakeProbes) verdictOf(s *Set, address string) health.Verdict {
	return s.Pool("p").Member(address).health.Verdict()
}
