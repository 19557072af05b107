package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/isame-lb/isame-lb/pool/lookup"
)

// fakeDNS answers lookups from what the test says, and rebuilds the pools as the
// engine does when they are stale.
type fakeDNS struct {
	t     *testing.T
	cfg   config.Config
	opts  Options
	lines logLines
	probe func(ctx context.Context, address string) health.Sight // nil finds everybody well

	mu struct {
		sync.Mutex
		answer lookup.Answer
		err    error
		asked  []time.Time
		last   lookup.Question
		set    *Set
		builds int
	}
}

func (f *fakeDNS) find(_ context.Context, q lookup.Question) (lookup.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.last = q
	f.mu.asked = append(f.mu.asked, time.Now())
	return f.mu.answer, f.mu.err
}

// say sets the answer to addresses as "a:1", "a:1*weight" or "a:1*weight@rank".
func (f *fakeDNS) say(ttl time.Duration, addresses ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.answer, f.mu.err = lookup.Answer{TTL: ttl}, nil
	for _, a := range addresses {
		x := lookup.Found{Weight: 1}
		rest, rank, ranked := strings.Cut(a, "@")
		if ranked {
			_, _ = fmt.Sscan(rank, &x.Rank)
		}
		address, weight, weighted := strings.Cut(rest, "*")
		if weighted {
			_, _ = fmt.Sscan(weight, &x.Weight)
		}
		x.Address = address
		f.mu.answer.Found = append(f.mu.answer.Found, x)
	}
}

func (f *fakeDNS) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.err = err
}

func (f *fakeDNS) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.mu.asked)
}

func (f *fakeDNS) built() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.builds
}

// start builds the first generation of a pool p; later ones follow by themselves.
func (f *fakeDNS) start(t *testing.T, cfg config.Pool) {
	t.Helper()
	f.t = t
	if cfg.Discovery == nil {
		cfg.Discovery = &config.Discovery{DNS: &config.DNS{Name: "api.test", Type: "A", Port: 1, Interval: 10 * time.Second}}
	}
	f.lines = make(logLines, 1000)
	f.cfg = config.Config{Pools: map[string]config.Pool{"p": cfg}}
	f.opts = Options{Shards: 1, Logger: zerolog.New(f.lines), Changed: f.changed, now: bubbleClock(), find: f.find}
	f.rebuild()
}

func (f *fakeDNS) changed() {
	go func() {
		f.mu.Lock()
		stale := f.mu.set != nil && f.mu.set.Stale()
		f.mu.Unlock()
		if stale {
			f.rebuild()
		}
	}()
}

func (f *fakeDNS) rebuild() {
	f.mu.Lock()
	prev := f.mu.set
	f.mu.Unlock()
	s, err := Build(&f.cfg, prev, f.opts)
	if err != nil {
		f.t.Error(err)
		return
	}
	if prev == nil {
		s.prober.Probe = func(ctx context.Context, address string, _ *health.Definition) health.Sight {
			if f.probe != nil {
				return f.probe(ctx, address)
			}
			return health.Sight{Good: true}
		}
	}
	s.Start()
	f.mu.Lock()
	f.mu.set = s
	f.mu.builds++
	f.mu.Unlock()
	if prev != nil {
		prev.Retire(s, 0)
	}
}

func (f *fakeDNS) pool() *Pool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.set.Pool("p")
}

// members are the addresses of the pool now, as say takes them.
func (f *fakeDNS) members() string {
	synctest.Wait()
	var list []string
	for _, b := range f.pool().Status().Backends {
		text := b.Address
		if b.Weight != 1 || b.Rank != 0 {
			text += fmt.Sprintf("*%d", b.Weight)
		}
		if b.Rank != 0 {
			text += fmt.Sprintf("@%d", b.Rank)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func (f *fakeDNS) stop() {
	f.mu.Lock()
	s := f.mu.set
	f.mu.Unlock()
	s.Retire(nil, 0)
}

// logged are the log lines so far that contain text.
func (f *fakeDNS) logged(text string) (n int) {
	for {
		select {
		case line := <-f.lines:
			if strings.Contains(line, text) {
				n++
			}
		default:
			return n
		}
	}
}

func TestDiscoveryFollowsTheDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeDNS
		f.say(5*time.Second, "a:1", "b:1")
		f.start(t, poolOf("static:1"))
		defer f.stop()
		want := func(members string) {
			t.Helper()
			if got := f.members(); got != members {
				t.Fatalf("members are %q; want %q", got, members)
			}
		}
		want("static:1 a:1 b:1")
		b := f.pool().Member("b:1")
		if k, ok := b.Acquire(1); !ok {
			t.Fatal("refused")
		} else {
			defer b.Release(k, attempt.OK, 200, 2, 1)
		}
		builds := f.built()
		pass(20 * time.Second)
		if n := f.built() - builds; n != 0 {
			t.Errorf("%d builds without a change", n)
		}
		f.say(5*time.Second, "b:1", "c:1")
		pass(5 * time.Second)
		want("static:1 b:1 c:1")
		if now := f.pool().Member("b:1"); now.Backend() != b.Backend() || now.InFlight() != 1 || now.Client(0) != b.Client(0) {
			t.Error("the facts of b were lost")
		}
		f.say(5*time.Second, "static:1", "c:1")
		pass(5 * time.Second)
		want("static:1 c:1") // the list wins
		if s := f.pool().Status(); s.Backends[0].Discovered || !s.Backends[1].Discovered {
			t.Errorf("discovered: %+v", s.Backends)
		}
	})
}

func TestServiceRecordsBringWeightsAndRanks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeDNS
		f.say(time.Second, "a:1*3", "b:1*1", "c:1*5@1", "d:1*5@2")
		f.start(t, poolOf())
		defer f.stop()
		if got := picks(f.pool(), 40); got["a:1"] != 30 || got["b:1"] != 10 {
			t.Errorf("picked %v; want a three times as often as b, and nobody else", got)
		}
		var q Query
		var order []string
		for range 4 {
			m, i := f.pool().Pick(q)
			order = append(order, m.Address())
			q.Tried.Add(i)
		}
		if !slices.Equal(order[2:], []string{"c:1", "d:1"}) {
			t.Errorf("retries go to %v; want c, then d", order[2:])
		}
		f.say(time.Second, "a:1*3", "b:1*9", "c:1*5", "d:1*5@1")
		pass(time.Second)
		if got := f.members(); got != "a:1*3 b:1*9 c:1*5 d:1*5@1" {
			t.Errorf("after other weights and priorities: %q", got)
		}
	})
}

func TestLastGoodAnswerIsKept(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("cannot look up: %w", lookup.ErrServer), fmt.Errorf("cannot look up: %w", lookup.ErrNoName),
		fmt.Errorf("cannot look up: %w", lookup.ErrNoRecords), context.DeadlineExceeded,
	} {
		t.Run(err.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f fakeDNS
				f.say(time.Second, "a:1", "b:1")
				f.start(t, poolOf())
				defer f.stop()
				resolved := time.Now()
				pass(200 * time.Millisecond)
				f.fail(err)
				pass(10 * time.Minute)
				if got := f.members(); got != "a:1 b:1" {
					t.Errorf("members are %q; want the last good ones", got)
				}
				d := f.pool().Status().Discovery
				if d.Error != err.Error() || d.Failures < 50 || d.Found != 2 || !d.Resolved.Equal(resolved) || time.Since(*d.Failed) > 10*time.Second {
					t.Errorf("status %+v", d)
				}
				if n := f.logged("cannot look up backends"); n < 1 || n > 3 {
					t.Errorf("%d log lines about %d failures; want one each five minutes", n, d.Failures)
				}
				f.say(time.Second, "c:1")
				pass(10 * time.Second)
				if got := f.members(); got != "c:1" {
					t.Errorf("members are %q after the DNS came back", got)
				}
				d = f.pool().Status().Discovery
				if d.Error != "" || d.Failures != 0 || d.Failed == nil || d.Found != 1 || f.logged("can be looked up again") != 1 {
					t.Errorf("status after it came back %+v", d)
				}
			})
		})
	}
}

// TestLogNamesThePoolsOfALookup looks at a lookup that fails, is good again, and finds others.
func TestLogNamesThePoolsOfALookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeDNS
		f.say(time.Second, "a:1")
		f.start(t, checked())
		defer f.stop()
		f.fail(lookup.ErrServer)
		pass(time.Minute)
		f.say(time.Second, "a:1", "b:1")
		pass(time.Minute)
		synctest.Wait()
		said := map[string]bool{}
		for range len(f.lines) {
			line := <-f.lines
			for _, text := range []string{"backends looked up", "cannot look up backends", "can be looked up again"} {
				if strings.Contains(line, text) {
					said[text] = true
					if !strings.Contains(line, `"pools":["p"]`) {
						t.Errorf("got %s; want the pool named", line)
					}
				}
			}
		}
		if len(said) != 3 {
			t.Errorf("the log said %v", said)
		}
	})
}

func TestDNSThatIsDownAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeDNS
		f.fail(lookup.ErrServer)
		f.start(t, checked())
		defer f.stop()
		if cause, _ := f.pool().Unavailable(); cause != end.NoBackends {
			t.Errorf("cause %q; want %q", cause, end.NoBackends)
		}
		f.say(time.Minute, "a:1")
		pass(time.Second)
		synctest.Wait()
		if got := picks(f.pool(), 2); got["a:1"] != 2 {
			t.Errorf("picked %v a second after the DNS came up", got)
		}
	})
}

func TestBuildDoesNotWaitForASilentDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		cfg := poolOf("a:1")
		cfg.Discovery = &config.Discovery{DNS: &config.DNS{Name: "api.test", Type: "A", Port: 1, Interval: time.Second}}
		s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": cfg, "q": cfg}}, nil, Options{
			Shards: 1, now: bubbleClock(), find: func(ctx context.Context, _ lookup.Question) (lookup.Answer, error) {
				<-ctx.Done()
				return lookup.Answer{}, ctx.Err()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != lookupFirstMax {
			t.Errorf("took %v; want %v", took, lookupFirstMax)
		}
		pass(lookupMax)
		if d := s.Pool("p").Status().Discovery; !strings.Contains(d.Error, "deadline") || d.Resolved != nil {
			t.Errorf("status %+v", d)
		}
		if n := len(s.held.discoveries); n != 1 {
			t.Errorf("%d discoveries of one name", n)
		}
		s.Retire(nil, 0)
	})
}

// A reload that keeps the section keeps the rhythm; one that changes it keeps the
// members, even while the DNS is down.
func TestReloadKeepsWhatTheDNSSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeDNS
		f.say(time.Minute, "a:1", "b:1")
		f.start(t, poolOf())
		f.rebuild()
		f.rebuild()
		if f.asked() != 1 {
			t.Errorf("asked %d times; want once", f.asked())
		}
		f.fail(errors.New("no answer"))
		p := f.cfg.Pools["p"]
		p.Discovery = &config.Discovery{DNS: &config.DNS{Name: "api.test", Type: "A", Port: 1, Interval: time.Hour}}
		f.cfg = config.Config{Pools: map[string]config.Pool{"p": p}}
		f.rebuild()
		if got := f.members(); got != "a:1 b:1" {
			t.Errorf("members are %q after a reload with another interval", got)
		}
		delete(f.cfg.Pools, "p")
		f.rebuild()
		asked := f.asked()
		pass(3 * time.Hour)
		if f.asked() != asked {
			t.Error("lookups went on after the pool was gone")
		}
		f.stop()
	})
}

// Each part of what is asked reaches the lookup, and one that is changed by a reload is
// another question: what the old one brought is not kept for it.
func TestEachPartOfTheQuestionIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeDNS
		f.say(time.Minute, "a:1")
		first := config.DNS{Name: "api.test", Type: "A", Port: 1, Interval: 10 * time.Second}
		f.start(t, config.Pool{Discovery: &config.Discovery{DNS: &first}})
		for i, change := range []func(d *config.DNS){
			func(*config.DNS) {},
			func(d *config.DNS) { d.Name = "other.test" },
			func(d *config.DNS) { d.Type = "AAAA" },
			func(d *config.DNS) { d.Port = 2 },
			func(d *config.DNS) { d.Resolver = "127.0.0.1:53" },
		} {
			def := first
			change(&def)
			address := fmt.Sprintf("b%d:1", i)
			if i > 0 {
				f.say(time.Minute, address)
				f.cfg = config.Config{Pools: map[string]config.Pool{"p": {Discovery: &config.Discovery{DNS: &def}}}}
				f.rebuild()
			}
			members := f.members()
			f.mu.Lock()
			got, want := f.mu.last, lookup.Question{Name: def.Name, Type: def.Type, Port: def.Port, Server: def.Resolver}
			f.mu.Unlock()
			if got != want || i > 0 && members != address {
				t.Errorf("question %d: asked %+v, members %q; want %+v, %q", i, got, members, want, address)
			}
		}
		f.stop()
	})
}

func TestLookupRhythm(t *testing.T) {
	cases := []struct {
		name          string
		ttl, interval time.Duration
		failures      int
		random        float64
		want          time.Duration
	}{
		{"TTL", 5 * time.Second, 10 * time.Second, 0, 0, 5 * time.Second},
		{"interval", time.Hour, 10 * time.Second, 0, 0, 10 * time.Second},
		{"jitter", time.Hour, 10 * time.Second, 0, 1, 9 * time.Second},
		{"TTL of nothing", 0, 10 * time.Second, 0, 0, time.Second},
		{"interval below the least", 0, 100 * time.Millisecond, 0, 0, 100 * time.Millisecond},
		{"first failure", time.Hour, 10 * time.Second, 1, 0, time.Second},
		{"third failure", time.Hour, 10 * time.Second, 3, 0, 4 * time.Second},
		{"many failures", 0, 10 * time.Second, 1000, 0, 10 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := &discovery{def: config.DNS{Interval: c.interval}}
			d.mu.ttl, d.mu.failures = c.ttl, c.failures
			if got := d.waitLocked(c.random); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

func TestDiscoveredBackendWaitsForItsFirstGoodProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeDNS
		answers := make(chan health.Sight)
		f.probe = func(ctx context.Context, address string) health.Sight {
			if address != "b:1" {
				return health.Sight{Good: true}
			}
			select {
			case s := <-answers:
				return s
			case <-ctx.Done():
				return health.Sight{}
			}
		}
		f.say(time.Second, "a:1")
		f.start(t, checked())
		defer f.stop()
		synctest.Wait()
		f.say(time.Second, "a:1", "b:1")
		pass(time.Second)
		if got := f.members(); got != "a:1 b:1" {
			t.Fatalf("members are %q", got)
		}
		if got := picks(f.pool(), 4); got["b:1"] != 0 {
			t.Errorf("picked %v before b's first probe ended", got)
		}
		answers <- health.Sight{Good: true}
		synctest.Wait()
		if got := picks(f.pool(), 4); got["b:1"] != 2 {
			t.Errorf("picked %v after b's first good probe", got)
		}
	})
}
