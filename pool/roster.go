package pool

import (
	"errors"
	"slices"
	"sync"

	"github.com/isame-lb/isame-lb/config"
)

// Errors of Add and Remove.
var (
	// ErrNoPool means that no pool has this name.
	ErrNoPool = errors.New("no such pool")
	// ErrNoBackend means that the pool has no backend at this address.
	ErrNoBackend = errors.New("no such backend")
	// ErrBackendThere means that the pool has a backend at this address already.
	ErrBackendThere = errors.New("the pool has it already")
)

// roster is what the operator added to pools and removed from them at run time: a
// fact, which holds over reloads and outlives generations. A removal is
// forgotten when neither configuration nor discovery name the backend any more.
type roster struct {
	mu struct {
		sync.Mutex
		pools map[string]*edits
	}
}

// edits are those of one pool.
type edits struct {
	version uint64 // counts the changes
	added   []config.Backend
	removed map[string]bool // by place
}

func newRoster() *roster {
	r := &roster{}
	r.mu.pools = map[string]*edits{}
	return r
}

// of returns a copy of a pool's edits.
func (r *roster) of(pool string) edits {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.mu.pools[pool]
	if e == nil {
		return edits{}
	}
	c := edits{version: e.version, added: slices.Clone(e.added), removed: make(map[string]bool, len(e.removed))}
	for id := range e.removed {
		c.removed[id] = true
	}
	return c
}

// version is that of a pool's edits.
func (r *roster) version(pool string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.mu.pools[pool]; e != nil {
		return e.version
	}
	return 0
}

// edit changes a pool's edits.
func (r *roster) edit(pool string, change func(*edits)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.mu.pools[pool]
	if e == nil {
		e = &edits{removed: map[string]bool{}}
		r.mu.pools[pool] = e
	}
	change(e)
	e.version++
}

// forget drops removals of backends that nobody names any more.
func (r *roster) forget(pool string, places []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.mu.pools[pool]; e != nil {
		for _, id := range places {
			delete(e.removed, id)
		}
	}
}
