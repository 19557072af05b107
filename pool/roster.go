package pool

import (
	"errors"
	"fmt"
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

// Add puts a backend into a pool at run time, or takes back its removal. The next
// Build has it, and this Set is Stale until then. c must be valid as one of the
// configuration. Calls must not overlap each other or Remove.
func (s *Set) Add(pool string, c config.Backend) error {
	p := s.pools[pool]
	if p == nil {
		return fmt.Errorf("cannot add backend to pool %q: %w", pool, ErrNoPool)
	}
	id := placeOf(c.Address)
	if p.find(id) != nil {
		return fmt.Errorf("cannot add backend %q to pool %q: %w", c.Address, pool, ErrBackendThere)
	}
	s.roster.edit(pool, func(e *edits) {
		delete(e.removed, id)
		e.added = slices.DeleteFunc(e.added, func(o config.Backend) bool { return placeOf(o.Address) == id })
		e.added = append(e.added, c)
	})
	return nil
}

// Remove takes a backend out of a pool at run time: requests under way finish,
// and it gets no new ones. The next Build is without it, and this Set is Stale
// until then. Calls must not overlap each other or Add.
func (s *Set) Remove(pool, address string) error {
	p := s.pools[pool]
	if p == nil {
		return fmt.Errorf("cannot remove backend from pool %q: %w", pool, ErrNoPool)
	}
	id := placeOf(address)
	if p.find(id) == nil {
		return fmt.Errorf("cannot remove backend %q from pool %q: %w", address, pool, ErrNoBackend)
	}
	s.roster.edit(pool, func(e *edits) {
		e.added = slices.DeleteFunc(e.added, func(o config.Backend) bool { return placeOf(o.Address) == id })
		e.removed[id] = true
	})
	return nil
}

// find is the member at this place, or nil.
func (p *Pool) find(place string) *Member { return p.places[place] }
