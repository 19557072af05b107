package explain

import (
	"strconv"
	"testing"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/end"
)

func TestPoolSaysWhoIsPickedAndWhy(t *testing.T) {
	two := []pool.BackendStatus{{Address: "a:1", Up: true}, {Address: "b:1", Up: true}}
	for _, c := range []struct {
		name      string
		algorithm string
		hashOn    string
		backends  []pool.BackendStatus
		f         pool.Foresight
		pick, why string
	}{
		{"turns", "round_robin", "", two, pool.Foresight{Asked: true, Shares: []float64{.5, .5}}, "", "backends take turns"},
		{"hash", "maglev", "path", two, pool.Foresight{Asked: true, Shares: []float64{0, 1}}, "b:1", "the hash of path leads to it"},
		{
			"the last one", "round_robin", "",
			[]pool.BackendStatus{{Address: "a:1"}, {Address: "b:1", Up: true}},
			pool.Foresight{Asked: true, Shares: []float64{0, 1}},
			"b:1", "it is the only one that may be picked",
		},
		{"nobody", "random", "", []pool.BackendStatus{{Address: "a:1"}}, pool.Foresight{Cause: end.NoHealthyBackend}, "", "nobody may be picked"},
		{"somebody's own", "mine", "", two, pool.Foresight{}, "", "the algorithm mine of the program's own decides, and is not asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := NewPool(&pool.Status{Algorithm: c.algorithm, Backends: c.backends}, &c.f, c.hashOn)
			if p.Pick != c.pick || p.PickWhy != c.why {
				t.Errorf("got %q: %q; want %q: %q", p.Pick, p.PickWhy, c.pick, c.why)
			}
		})
	}
}

// A pool of thousands must not make an answer of megabytes, nor hide who is picked.
func TestPoolIsBounded(t *testing.T) {
	s := pool.Status{Algorithm: "maglev"}
	f := pool.Foresight{Asked: true, Shares: make([]float64, 1000)}
	for i := range 1000 {
		s.Backends = append(s.Backends, pool.BackendStatus{Address: strconv.Itoa(i), Up: true})
	}
	f.Shares[777] = 1
	p := NewPool(&s, &f, "path")
	if len(p.Members) != MembersMax+1 || p.MembersCut != 1000-MembersMax-1 || p.Members[MembersMax].Address != "777" {
		t.Errorf("got %d members, %d cut; want %d and the one that is picked", len(p.Members), p.MembersCut, MembersMax)
	}
}
