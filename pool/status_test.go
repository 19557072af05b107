package pool

import (
	"reflect"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
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

// TestOccupanciesSayWhatIsInUse: places of the pool, and of its backends where all of them have
// a bound.
func TestOccupanciesSayWhatIsInUse(t *testing.T) {
	cfg := poolOf("a:1", "b:1", "c:1?")
	cfg.Concurrency = &config.Concurrency{MaxRequests: 5, MaxQueue: 7, QueueTimeout: time.Second}
	cfg.Backends[0].MaxRequests, cfg.Backends[1].MaxRequests = 3, 4
	s, p := buildOne(t, cfg, nil, nil)
	s.Start()
	a := p.find(placeOf("a:1"))
	try(a, attempt.OK, 200)
	for range 2 {
		k, ok := a.Acquire(p.now())
		if !ok || !p.limiter.Enter() {
			t.Fatal("not acquired")
		}
		t.Cleanup(func() {
			a.Release(k, attempt.OK, 200, p.now(), 1)
			p.limiter.Leave()
		})
	}
	want := Occupancy{Pool: "p", InProgress: 2, Limit: 5, MaxQueue: 7, InFlight: 2, MaxRequests: 7, Busiest: 2, Requests: 1}
	if got := s.Occupancies(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	plain, _ := buildOne(t, poolOf("a:1", "b:1"), nil, nil)
	if got, want := plain.Occupancies()[0], (Occupancy{Pool: "p"}); got != want {
		t.Errorf("without limits: got %+v; want %+v", got, want)
	}
}
