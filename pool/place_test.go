package pool

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// However the ends of attempts and the waits for a place meet, nobody is forgotten: also
// where who was woken has made room for the next before its waker goes on.
func TestEveryPlaceThatIsFreedIsTaken(t *testing.T) {
	cfg := poolOf("a:1")
	cfg.Backends[0].MaxRequests = 1
	cfg.Concurrency = &config.Concurrency{MaxQueue: 100, QueueTimeout: time.Hour}
	_, p := buildOne(t, cfg, nil, nil)
	for range 20_000 {
		m := p.members[0]
		k, ok := m.Acquire(p.now())
		if !ok {
			t.Fatal("the place is not free")
		}
		var served atomic.Int32
		for range 2 {
			go func() {
				m, k := place(t, p)
				m.Release(k, attempt.OK, 200, p.now(), 1)
				served.Add(1)
			}()
		}
		for p.limits.placed.Load() < 2 {
			runtime.Gosched()
		}
		m.Release(k, attempt.OK, 200, p.now(), 1)
		for limit := p.now() + int64(10*time.Second); served.Load() < 2; runtime.Gosched() {
			if p.now() > limit {
				t.Fatalf("%d wait, %d in flight; want nobody to wait for a place that is free", p.limits.placed.Load(), m.InFlight())
			}
		}
	}
}

// place takes the place of the only member, as an exchange does.
func place(t *testing.T, p *Pool) (*Member, Permit) {
	t.Helper()
	m := p.members[0]
	if k, ok := m.Acquire(p.now()); ok {
		return m, k
	}
	for w := p.limits.NewWaiter(); ; {
		if s := p.limits.JoinPlace(w, 0); s != ShedNone {
			t.Errorf("got %v; want to wait", s)
		}
		if k, ok := m.Acquire(p.now()); ok {
			w.Quit()
			return m, k
		}
		if s := w.Sleep(nil); s != ShedNone {
			t.Errorf("got %v; want a place", s)
		}
		if k, ok := m.Acquire(p.now()); ok {
			return m, k
		}
	}
}
