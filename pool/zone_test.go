package pool

import (
	"testing"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
)

// buildZoned builds a pool p of a proxy in zone "a"; the zone of a member stands
// before its name.
func buildZoned(t *testing.T, kind string, addresses ...string) *Pool {
	t.Helper()
	cfg := poolOf(addresses...)
	cfg.Algorithm = kind
	for i := range cfg.Backends {
		cfg.Backends[i].Zone = cfg.Backends[i].Address[:1]
	}
	s, err := Build(&config.Config{Zone: "a", Pools: map[string]config.Pool{"p": cfg}}, nil, Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Retire(nil, 0) })
	return s.Pool("p")
}

func TestOwnZoneComesFirstWithEveryAlgorithm(t *testing.T) {
	for _, kind := range algo.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			p := buildZoned(t, kind.String(), "b1:1", "a1:1", "a2:1", "a3:1", "a4:1", "b2:1?", "a5:1?")
			own := func(want string, n int) {
				t.Helper()
				for i := range uint64(200) {
					m, _ := p.Pick(Query{Hash: i * 0x9e3779b97f4a7c15, Random: i * 0x9e3779b97f4a7c15})
					if got := m.zone; want != "" && got != want {
						t.Fatalf("picked %s; want zone %s", m.Address(), want)
					}
				}
				if got := p.Status().Healthy; got != n {
					t.Errorf("%d may be picked; want %d", got, n)
				}
			}
			own("a", 7)
			setState(t, p, "a1:1", Drain) // three of four are enough
			own("a", 6)
			setState(t, p, "a2:1", Drain) // two are not: the zones share
			var seen [2]bool
			for i := range uint64(200) {
				m, _ := p.Pick(Query{Hash: i * 0x9e3779b97f4a7c15, Random: i * 0x9e3779b97f4a7c15})
				seen[m.zone[0]-'a'] = true
				if m.rank > 0 {
					t.Fatalf("picked the backup %s", m.Address())
				}
			}
			if seen != [2]bool{true, true} {
				t.Errorf("zones picked: %v; want both", seen)
			}
			setState(t, p, "a2:1", Enabled)
			own("a", 6)
		})
	}
}

// A retry goes through the own zone, the others, then the backups by zone.
func TestRetriesLeaveTheZoneLast(t *testing.T) {
	p := buildZoned(t, "round_robin", "b1:1", "a1:1", "b2:1?", "a2:1?")
	var q Query
	for _, want := range []string{"a1:1", "b1:1", "a2:1", "b2:1"} {
		m, i := p.Pick(q)
		if m == nil || m.Address() != want {
			t.Fatalf("picked %v; want %s", m, want)
		}
		q.Tried.Add(i)
	}
	if m, _ := p.Pick(q); m != nil {
		t.Errorf("picked %s; want nobody", m.Address())
	}
}

func setState(t *testing.T, p *Pool, address string, s State) {
	t.Helper()
	if err := p.Ask(address, Wish{State: s}); err != nil {
		t.Fatal(err)
	}
}
