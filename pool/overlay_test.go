package pool

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

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
		return func(s *Set) error { return s.Add("p", config.Backend{Address: address, Weight: 1}, "alice") }
	}
	remove := func(address string) func(*Set) error {
		return func(s *Set) error { return s.Remove("p", address, "alice") }
	}
	step("add", cfg, add("c:1"), "a:1 b:1 c:1")
	step("reload", cfg, nil, "a:1 b:1 c:1")
	step("remove a listed one", cfg, remove("a:1"), "b:1 c:1")
	step("reload that names it", cfg, nil, "b:1 c:1")
	step("remove the added one", cfg, remove("c:1"), "b:1")
	step("take the removal back", cfg, add("a:1"), "a:1 b:1")
	step("remove it again", cfg, remove("a:1"), "b:1")
	step("reload that does not name it", poolOf("b:1"), nil, "b:1")
	step("reload that names it anew", cfg, nil, "b:1")
	step("forget the removal", cfg, func(s *Set) error { s.overlay.Drop("p", "a:1"); return nil }, "a:1 b:1")
	step("remove another one", cfg, remove("b:1"), "a:1")
	step("add it with another weight", cfg, func(s *Set) error {
		return s.Add("p", config.Backend{Address: "b:1", Weight: 7}, "bob")
	}, "a:1 b:1")
	if got := p.Member("b:1").weightGiven; got != 7 {
		t.Errorf("weight %d; want 7, as it was added", got)
	}
	if err := s.Add("p", config.Backend{Address: "a:1", Weight: 1}, "bob"); err != nil || s.Stale() {
		t.Errorf("added as it is: %v, stale %v; want nothing changed", err, s.Stale())
	}
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"add what is there", s.Add("p", config.Backend{Address: "a:1"}, "alice"), ErrBackendThere},
		{"add to no pool", s.Add("q", config.Backend{Address: "z:1"}, "alice"), ErrNoPool},
		{"remove a stranger", s.Remove("p", "z:1", "alice"), ErrNoBackend},
		{"remove from no pool", s.Remove("q", "a:1", "alice"), ErrNoPool},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v; want %v", c.name, c.err, c.want)
		}
	}
	if s.Stale() {
		t.Error("refused changes made the set stale")
	}
}

// TestOverlayIsRestored: what All returned means the same in the next process.
func TestOverlayIsRestored(t *testing.T) {
	s, p := buildOne(t, poolOf("a:1", "b:1", "c:1", "d:1"), nil, nil)
	until := time.Now().Add(time.Hour)
	for _, err := range []error{
		p.Ask("a:1", Wish{State: Drain, Until: until, Author: "alice"}), p.Ask("b:1", Wish{Weight: new(5)}),
		s.Remove("p", "c:1", "bob"), s.Add("p", config.Backend{Address: "e:1", Weight: 2, Backup: true, MaxRequests: 3}, ""),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	again := NewOverlay()
	again.Restore(s.overlay.All())
	if got, want := again.All(), s.overlay.All(); !reflect.DeepEqual(got, want) || len(want) != 4 {
		t.Errorf("restored %+v; want %+v", got, want)
	}
	_, q := buildWith(t, poolOf("a:1", "b:1", "c:1", "d:1"), nil, Options{Overlay: again})
	if got := addressesOf(q); got != "a:1 b:1 d:1 e:1" {
		t.Errorf("members %q", got)
	}
	st := q.Status().Backends
	if st[0].State != string(Drain) || st[0].Override == nil || !st[0].Override.Until.Equal(until) || !strings.Contains(st[0].Reason, "(alice), until") {
		t.Errorf("drained: %+v", st[0])
	}
	if e := q.Member("e:1"); st[1].Weight != 5 || !st[3].Backup || e.requestsMax != 3 {
		t.Errorf("weight %d, backup %v, max_requests %d; want 5, true, 3", st[1].Weight, st[3].Backup, e.requestsMax)
	}
}

// TestStatesExpire: a forgotten drain ends by itself, unless it was asked for again.
func TestStatesExpire(t *testing.T) {
	s, p := buildOne(t, poolOf("a:1", "b:1"), nil, nil)
	now := time.Now()
	for address, until := range map[string]time.Time{"a:1": now.Add(time.Minute), "b:1": now.Add(time.Hour)} {
		if err := p.Ask(address, Wish{State: Disabled, Until: until, Weight: new(4)}); err != nil {
			t.Fatal(err)
		}
	}
	if ended := s.overlay.Expire(now); len(ended) != 0 {
		t.Errorf("ended before their time: %+v", ended)
	}
	ended := s.overlay.Expire(now.Add(2 * time.Minute))
	if len(ended) != 1 || ended[0].Address != "a:1" || ended[0].State != "" || *ended[0].Weight != 4 {
		t.Fatalf("ended %+v; want the state of a:1, and its weight to stay", ended)
	}
	s.Settle(ended)
	if got := picks(p, 4); got["a:1"] != 4 {
		t.Errorf("picks %v; want a alone", got)
	}
}

// TestWhatTheOverlayKeepsFromHavingAnEffectIsSaid, once, when the generation serves.
func TestWhatTheOverlayKeepsFromHavingAnEffectIsSaid(t *testing.T) {
	var log bytes.Buffer
	opts := Options{Logger: zerolog.New(&log)}
	s, p := buildWith(t, poolOf("a:1", "b:1", "c:1", "d:1"), nil, opts)
	for _, err := range []error{p.Ask("a:1", Wish{Weight: new(3)}), p.Ask("b:1", Wish{State: Drain}), s.Remove("p", "c:1", "bob")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	apply := func(cfg config.Pool) string {
		t.Helper()
		log.Reset()
		next, _ := buildWith(t, cfg, s, opts)
		next.Start()
		s.Retire(next, 0)
		s = next
		return log.String()
	}
	if got := apply(poolOf("a:1", "d:1")); strings.Contains(got, "at run time") {
		t.Errorf("nothing was kept from having an effect: %s", got)
	}
	if s.Names("p", "b:1") || s.Names("p", "c:1") || !s.Names("p", "a:1") {
		t.Error("a and d alone are named")
	}
	back := poolOf("a:1", "b:1", "c:1", "d:1")
	back.Backends[0].Weight = 2
	got := apply(back)
	for _, want := range []string{`"backend":"a:1"`, "another weight", `"backend":"b:1"`, "is back", `"backend":"c:1"`, "stays out", `"author":"bob"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the log does not say %s: %s", want, got)
		}
	}
	if !s.Names("p", "c:1") {
		t.Error("c is named, though removed")
	}
	if got := apply(back); strings.Contains(got, "at run time") {
		t.Errorf("said again: %s", got)
	}
}
