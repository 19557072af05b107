package pool

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

func TestForeseeFollowsTheView(t *testing.T) {
	_, p := buildOne(t, poolOf("a:1", "b:1", "c:1?"), nil, nil)
	f := p.Foresee(Query{})
	if !f.Asked || f.Cause != end.OK || f.Shares[0] != 0.5 || f.Shares[1] != 0.5 || f.Shares[2] != 0 {
		t.Fatalf("got %+v; want half for each primary", f)
	}
	for range 3 {
		p.Foresee(Query{})
	}
	if got := picks(p, 2); got["a:1"] != 1 || got["b:1"] != 1 {
		t.Errorf("picked %v; want one of each: a look ahead took a turn", got)
	}
	if err := p.Ask("a:1", Wish{State: Drain}); err != nil {
		t.Fatal(err)
	}
	if f = p.Foresee(Query{}); f.Shares[0] != 0 || f.Shares[1] != 1 {
		t.Errorf("got %v; want the one that is left", f.Shares)
	}
	for _, address := range []string{"b:1", "c:1"} {
		if err := p.Ask(address, Wish{State: Disabled}); err != nil {
			t.Fatal(err)
		}
	}
	if f = p.Foresee(Query{}); f.Asked || f.Cause != end.NoBackendEnabled {
		t.Errorf("got %+v; want nobody, and why", f)
	}
}
