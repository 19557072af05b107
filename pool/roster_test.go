package pool

import (
	"errors"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// addressesOf are the members of a pool in their order.
func addressesOf(p *Pool) string {
	var list []string
	for _, m := range p.Members() {
		list = append(list, m.Address())
	}
	return strings.Join(list, " ")
}

func TestAddedAndRemovedBackendsHoldOverReloads(t *testing.T) {
	now := func() int64 { return second }
	cfg := poolOf("a:1", "b:1")
	s, p := buildOne(t, cfg, nil, now)
	s.Start()
	step := func(name string, cfg config.Pool, change func(*Set) error, want string) {
		t.Helper()
		if change != nil {
			if err := change(s); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !s.Stale() {
				t.Errorf("%s: the set does not want another build", name)
			}
		}
		next, q := buildOne(t, cfg, s, now)
		next.Start()
		s.Retire(next, 0)
		s, p = next, q
		if got := addressesOf(p); got != want || s.Stale() {
			t.Fatalf("%s: members %q, stale %v; want %q", name, got, s.Stale(), want)
		}
	}
	add := func(address string) func(*Set) error {
		return func(s *Set) error { return s.Add("p", config.Backend{Address: address, Weight: 1}) }
	}
	remove := func(address string) func(*Set) error {
		return func(s *Set) error { return s.Remove("p", address) }
	}
	step("add", cfg, add("c:1"), "a:1 b:1 c:1")
	step("reload", cfg, nil, "a:1 b:1 c:1")
	step("remove a listed one", cfg, remove("a:1"), "b:1 c:1")
	step("reload that names it", cfg, nil, "b:1 c:1")
	step("remove the added one", cfg, remove("c:1"), "b:1")
	step("take the removal back", cfg, add("a:1"), "a:1 b:1")
	step("remove it again", cfg, remove("a:1"), "b:1")
	step("reload that does not name it", poolOf("b:1"), nil, "b:1")
	step("reload that names it anew", cfg, nil, "a:1 b:1")
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"add what is there", s.Add("p", config.Backend{Address: "a:1"}), ErrBackendThere},
		{"add to no pool", s.Add("q", config.Backend{Address: "z:1"}), ErrNoPool},
		{"remove a stranger", s.Remove("p", "z:1"), ErrNoBackend},
		{"remove from no pool", s.Remove("q", "a:1"), ErrNoPool},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v; want %v", c.name, c.err, c.want)
		}
	}
	if s.Stale() {
		t.Error("refused changes made the set stale")
	}
}
