package engine

import (
	"sync"
	"sync/atomic"

	"github.com/isame-lb/isame-lb/config"
)

// tallies count the open tunnels of routes and pools by their names, over reloads. The zero
// value is empty; any goroutine may use it. Tables hold the numbers, so that whoever opens a
// tunnel looks nothing up.
type tallies struct {
	mu  sync.Mutex
	all map[tallied]*atomic.Int64
}

type tallied struct{ kind, name string }

// Kinds of tallies.
const (
	tallyRoute = "route"
	tallyPool  = "pool"
)

// of is the number of a route or a pool.
func (t *tallies) of(kind, name string) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.all[tallied{kind, name}]
	if n == nil {
		if t.all == nil {
			t.all = map[tallied]*atomic.Int64{}
		}
		n = new(atomic.Int64)
		t.all[tallied{kind, name}] = n
	}
	return n
}

// keep forgets those that cfg does not have, and that have no tunnel.
func (t *tallies) keep(cfg *config.Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, n := range t.all {
		_, route := cfg.Routes[at.name]
		_, pool := cfg.Pools[at.name]
		if at.kind == tallyRoute && route || at.kind == tallyPool && pool || n.Load() > 0 {
			continue
		}
		delete(t.all, at)
	}
}
