package pool

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// TestAPoolThatIsTheSameIsKept, and one of which anything may differ is made anew.
func TestAPoolThatIsTheSameIsKept(t *testing.T) {
	ca := rig.NewAuthority(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	copyOf := func(from string) {
		t.Helper()
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copyOf(ca.File)
	for _, tc := range []struct {
		name   string
		before func(*config.Config) // of both generations
		change func(*Set, *config.Config)
		kept   bool
	}{
		{name: "nothing", change: func(*Set, *config.Config) {}, kept: true},
		{name: "another pool", change: func(_ *Set, c *config.Config) { c.Pools["q"] = poolOf("a:1") }, kept: true},
		{name: "a key", change: func(_ *Set, c *config.Config) {
			p := c.Pools["p"]
			p.SlowStart = time.Second
			c.Pools["p"] = p
		}},
		{name: "a backend", change: func(_ *Set, c *config.Config) { c.Pools["p"] = poolOf("a:1", "c:1") }},
		{name: "the zone", change: func(_ *Set, c *config.Config) { c.Zone = "b" }},
		{name: "the operator", change: func(s *Set, _ *config.Config) {
			if err := s.Remove("p", "b:1", "alice"); err != nil {
				t.Fatal(err)
			}
		}},
		{
			name:   "no file of TLS",
			before: func(c *config.Config) { c.Pools["p"] = trusting(file) },
			change: func(*Set, *config.Config) {}, kept: true,
		},
		{
			name:   "a file of TLS",
			before: func(c *config.Config) { c.Pools["p"] = trusting(file) },
			change: func(*Set, *config.Config) { copyOf(rig.NewAuthority(t).File) },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fresh := func() *config.Config {
				c := &config.Config{Zone: "a", Pools: map[string]config.Pool{"p": poolOf("a:1", "b:1")}}
				if tc.before != nil {
					tc.before(c)
				}
				return c
			}
			s := built(t, fresh(), nil)
			s.Start()
			cfg := fresh()
			tc.change(s, cfg)
			next := built(t, cfg, s)
			next.Start()
			p, q := s.Pool("p"), next.Pool("p")
			s.Retire(next, 0)
			if got := p == q; got != tc.kept {
				t.Errorf("the same pool: %v; want %v", got, tc.kept)
			}
			if q.holders.Load() != 1 || (p.holders.Load() == 0) == tc.kept {
				t.Errorf("%d generations have the old one, %d the new one", p.holders.Load(), q.holders.Load())
			}
			if next.Stale() {
				t.Error("the new generation is stale from the beginning")
			}
		})
	}
}

func trusting(file string) config.Pool {
	p := poolOf("a:1")
	p.TLS = config.PoolTLS{Enabled: true, ServerName: "a.test", CAFile: file}
	return p
}

// built is a generation, which ends with the test.
func built(tb testing.TB, cfg *config.Config, prev *Set) *Set {
	tb.Helper()
	s, err := Build(cfg, prev, Options{Shards: 1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Retire(nil, 0) })
	return s
}

// TestAKeptPoolLivesAsLongAsAGeneration: it obeys the operator after the generation that
// made it is gone, and after one was built in vain; it ends with the last that has it.
func TestAKeptPoolLivesAsLongAsAGeneration(t *testing.T) {
	cfg := func() *config.Config {
		c := checked("a:1", "b:1")
		c.HealthCheck.Interval = time.Hour
		return &config.Config{Pools: map[string]config.Pool{"p": c}}
	}
	s := built(t, cfg(), nil)
	p := s.Pool("p")
	m := p.Member("a:1")
	broken := cfg()
	broken.Pools["q"] = config.Pool{Algorithm: "none"}
	if _, err := Build(broken, s, Options{Shards: 1}); err == nil {
		t.Fatal("an unknown algorithm was taken")
	}
	inVain := built(t, cfg(), s)
	inVain.Retire(nil, 0)
	next := built(t, cfg(), s)
	s.Retire(next, 0)
	if next.Pool("p") != p || p.holders.Load() != 1 {
		t.Fatalf("kept: %v, by %d generations; want one", next.Pool("p") == p, p.holders.Load())
	}
	if err := p.Ask("a:1", Wish{State: Drain}); err != nil {
		t.Fatal(err)
	}
	if got := picks(p, 4); got["b:1"] != 4 {
		t.Errorf("a is drained: picked %v", got)
	}
	held := func() (clients, checks int) {
		m.backend.mu.Lock()
		defer m.backend.mu.Unlock()
		return len(m.backend.mu.clients), len(m.backend.mu.checks)
	}
	if clients, checks := held(); clients != 1 || checks != 1 {
		t.Errorf("the backend has %d sets of connections and %d checks; want one each", clients, checks)
	}
	next.Retire(nil, 0)
	if clients, checks := held(); clients != 0 || checks != 0 || !hasEnded(p) {
		t.Errorf("after the last generation: %d sets of connections, %d checks, ended %v", clients, checks, hasEnded(p))
	}
	if p.hold() {
		t.Error("a pool that has ended can be had again")
	}
}

func hasEnded(p *Pool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.retired
}

// TestGenerationsKeepWhatTheyShare: after any row of reloads each backend has one set of
// connections for each pool that names it, and the counters of what never left go on.
func TestGenerationsKeepWhatTheyShare(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var s *Set
	seen := map[string]uint64{} // requests of members that stayed, by pool and address
	for step := range 200 {
		cfg := &config.Config{Pools: map[string]config.Pool{}}
		for i := range 5 {
			if random.IntN(5) == 0 {
				continue
			}
			c := poolOf(fmt.Sprintf("a:%d", random.IntN(2)+1), "b:1", "c:1")
			c.Backends[1].Weight = random.IntN(2) + 1
			c.SlowStart = time.Duration(random.IntN(2)) * time.Second
			cfg.Pools[fmt.Sprintf("p%d", i)] = c
		}
		next := built(t, cfg, s)
		if random.IntN(4) == 0 {
			next.Retire(nil, 0)
			continue
		}
		next.Start()
		if s != nil {
			s.Retire(next, 0)
		}
		s = next
		now := map[string]uint64{}
		for _, p := range s.Pools() {
			want := cfg.Pools[p.Name()]
			if p.holders.Load() != 1 || hasEnded(p) || len(p.Members()) != len(want.Backends) || p.slowStart != want.SlowStart {
				t.Fatalf("step %d: pool %s: %d holders, %d members", step, p.Name(), p.holders.Load(), len(p.Members()))
			}
			status := p.Status()
			for i, m := range p.Members() {
				if got, want := status.Backends[i], want.Backends[i]; got.Address != want.Address || got.Weight != want.Weight {
					t.Fatalf("step %d: member %d of %s is %s with weight %d; want %+v", step, i, p.Name(), got.Address, got.Weight, want)
				}
				key := p.Name() + " " + m.Address()
				if m.tally.requests() != seen[key] {
					t.Fatalf("step %d: %s has counted %d; want %d", step, key, m.tally.requests(), seen[key])
				}
				try(m, attempt.OK, 200)
				now[key] = seen[key] + 1
				m.backend.mu.Lock()
				n := m.backend.mu.clients[m.clients]
				m.backend.mu.Unlock()
				if n != 1 {
					t.Fatalf("step %d: %s: its connections are held %d times", step, key, n)
				}
			}
			if got, _ := p.Pick(algo.Query{}); got == nil {
				t.Fatalf("step %d: nobody of %s can be picked", step, p.Name())
			}
		}
		seen = now
	}
}

// BenchmarkBuild is the cost of a generation of 1,000 pools of 5 backends.
func BenchmarkBuild(b *testing.B) {
	cfg := func(slow time.Duration) *config.Config {
		c := &config.Config{Pools: map[string]config.Pool{}}
		for i := range 1000 {
			p := poolOf()
			for j := range 5 {
				p.Backends = append(p.Backends, config.Backend{Address: fmt.Sprintf("10.0.%d.%d:%d", i/250, i%250, j+1), Weight: 1})
			}
			c.Pools[fmt.Sprintf("p%d", i)] = p
		}
		p := c.Pools["p7"]
		p.SlowStart = slow
		c.Pools["p7"] = p
		return c
	}
	for _, changed := range []string{"none", "pool"} {
		b.Run("changed="+changed, func(b *testing.B) {
			configs := []*config.Config{cfg(0), cfg(0)}
			if changed == "pool" {
				configs[1] = cfg(time.Second)
			}
			s := built(b, configs[0], nil)
			b.ReportAllocs()
			for i := 1; b.Loop(); i++ {
				next, err := Build(configs[i%2], s, Options{Shards: 1})
				if err != nil {
					b.Fatal(err)
				}
				next.Start()
				s.Retire(next, 0)
				s = next
			}
			s.Retire(nil, 0)
		})
	}
}
