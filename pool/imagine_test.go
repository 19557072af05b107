package pool

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// imagined are the pools of a configuration that is only looked at.
func imagined(t *testing.T, cfg *config.Config, prev *Set) *Set {
	t.Helper()
	s, err := Imagine(cfg, prev, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestImaginedPoolsLeaveThoseThatRunAlone, whatever is different.
func TestImaginedPoolsLeaveThoseThatRunAlone(t *testing.T) {
	set, p := buildDialing(t, poolOf("a:1", "b:1"), nil)
	next := poolOf("a:1", "c:1")
	next.CircuitBreaker = &config.CircuitBreaker{Failures: 1, ErrorPercent: 50, MinRequests: 1, Window: 1, OpenFor: 1, HalfOpenRequests: 1, MaxEjectedPercent: 100}
	next.Discovery = &config.Discovery{DNS: &config.DNS{Name: "x.invalid", Type: "A", Port: 80}}
	for range 2 * windowsMax {
		next.CircuitBreaker.Window++
		s := imagined(t, &config.Config{Pools: map[string]config.Pool{"p": next, "q": poolOf("a:1")}}, set)
		q := s.Pool("p")
		if q == p || q.Member("c:1") == nil || q.Member("a:1").standing != p.Member("a:1").standing {
			t.Fatal("it is not what would be built")
		}
		if m, _ := q.Pick(Query{Random: 1}); m == nil {
			t.Error("nobody can be picked")
		}
		s.Retire(nil, 0)
	}
	for _, m := range p.members {
		if n := len(m.standing.account.generations()); n != 1 {
			t.Errorf("%s: %d generations are told of changes; want 1", m.Address(), n)
		}
		if n := len(m.backend.mu.clients); n != 1 {
			t.Errorf("%s: %d sets of connections; want 1", m.Address(), n)
		}
		if n := len(m.standing.mu.windows); n != 1 {
			t.Errorf("%s: %d windows; want 1", m.Address(), n)
		}
	}
	if n := len(set.finder.mu.all); n != 0 {
		t.Errorf("%d discoveries; want none", n)
	}
	if n := p.holders.Load(); n != 1 {
		t.Errorf("%d generations hold the pool; want 1", n)
	}
}

// TestImaginedPoolThatIsTheSameIsTheSame, and is held until it is retired.
func TestImaginedPoolThatIsTheSameIsTheSame(t *testing.T) {
	set, p := buildDialing(t, poolOf("a:1", "b:1"), nil)
	s := imagined(t, &config.Config{Pools: map[string]config.Pool{"p": *p.config}}, set)
	if s.Pool("p") != p || p.holders.Load() != 2 {
		t.Errorf("got another pool, or %d holders; want 2", p.holders.Load())
	}
	s.Retire(nil, 0)
	if n := p.holders.Load(); n != 1 {
		t.Errorf("got %d holders; want 1", n)
	}
}

// TestOwnersAreThoseWhoArePicked while all are well.
func TestOwnersAreThoseWhoArePicked(t *testing.T) {
	for _, algorithm := range []string{"ip_hash", "consistent_hash", "maglev"} {
		t.Run(algorithm, func(t *testing.T) {
			c := poolOf("a:1", "b:1", "c:1")
			c.Algorithm = algorithm
			_, p := buildDialing(t, c, nil)
			hashes := make([]uint64, 200)
			for i := range hashes {
				hashes[i] = Sum(fmt.Append(nil, i))
			}
			for i, owner := range p.Owners(hashes, p) {
				if m, _ := p.Pick(Query{Hash: hashes[i]}); m == nil || m.Address() != owner {
					t.Fatalf("key %d: got %s; %v is picked", i, owner, m)
				}
			}
			if err := p.Ask("b:1", Wish{State: Disabled}); err != nil {
				t.Fatal(err)
			}
			for _, owner := range p.Owners(hashes, p) {
				if owner == "b:1" {
					t.Fatal("one that is disabled owns a key")
				}
			}
			if w := p.Weights(); w[0] != 1 || w[1] != 0 {
				t.Errorf("got weights %v; want none of the disabled one", w)
			}
		})
	}
	_, p := buildDialing(t, poolOf("a:1"), nil)
	if p.Owners([]uint64{1}, nil) != nil {
		t.Error("a pool that does not hash has owners of keys")
	}
}
