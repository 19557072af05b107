package pool

import (
	"reflect"
	"testing"

	"github.com/isame-lb/isame-lb/pool/attempt"
)

// TestSummariesAgreeWithStatus: what both say is the same.
func TestSummariesAgreeWithStatus(t *testing.T) {
	s, p := buildOne(t, poolOf("a:1", "b:1", "c:1?"), nil, nil)
	setState(t, p, "b:1", Drain)
	a := p.find(placeOf("a:1"))
	try(a, attempt.OK, 503)
	k, ok := a.Acquire(p.now())
	if !ok {
		t.Fatal("not acquired")
	}
	defer a.Release(k, attempt.OK, 200, p.now(), 1)
	status, got := p.Status(), s.Summaries()
	want := Summary{
		Name: status.Name, Algorithm: status.Algorithm, Members: status.Members, Healthy: status.Healthy,
		InFlight: status.InFlight, Requests: status.Requests, Failures: status.Failures, Panic: status.Panic,
	}
	for _, b := range status.Backends {
		want.Backends = append(want.Backends, BackendSummary{Address: b.Address, Up: b.Up, State: b.State, Health: b.Health, InFlight: b.InFlight})
	}
	if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

// A pool without members, of which discovery has found none yet, has a list of none.
func TestSummaryOfAnEmptyPool(t *testing.T) {
	s, _ := buildOne(t, poolOf(), nil, nil)
	if got := s.Summaries(); len(got) != 1 || got[0].Backends == nil || len(got[0].Backends) != 0 {
		t.Errorf("got %+v; want one pool with an empty list", got)
	}
}
