package pool

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Errors of changes at run time.
var (
	// ErrNoPool means that no pool has this name.
	ErrNoPool = errors.New("no such pool")
	// ErrNoBackend means that the pool has no backend at this address.
	ErrNoBackend = errors.New("no such backend")
	// ErrBackendThere means that the pool has a backend at this address already.
	ErrBackendThere = errors.New("the pool has it already")
)

// Override is what operators ask of one backend at run time. It lies above every
// generation: a reload changes what is below it. In JSON it is what the admin endpoint
// shows and what state.dir keeps.
type Override struct {
	Pool    string `json:"pool"`
	Address string `json:"address"`
	// Added is set where the pool has the backend because it was added.
	Added *Addition `json:"added,omitempty"`
	// Removed says that the pool is without it, although configuration or discovery name it.
	Removed bool `json:"removed,omitempty"`
	// State is drain or disabled; empty is as everybody else.
	State State `json:"state,omitempty"`
	// Weight takes the place of the one that configuration or discovery give; nil leaves it.
	Weight *int `json:"weight,omitempty"`
	// Until is when State ends by itself; nil is never.
	Until *time.Time `json:"until,omitempty"`
	// Since is when the last change was made, Author who made it.
	Since  time.Time `json:"since"`
	Author string    `json:"author"`
	// MissingSince is since when nobody names the backend any more; nil while it is named.
	MissingSince *time.Time `json:"missing_since,omitempty"`
}

// Addition is a backend that was added, but for its address.
type Addition struct {
	Weight      int    `json:"weight"`
	Backup      bool   `json:"backup,omitempty"`
	Zone        string `json:"zone,omitempty"`
	MaxRequests int    `json:"max_requests,omitempty"`
}

// backend is the backend as the configuration would say it.
func (o *Override) backend() config.Backend {
	a := o.Added
	return config.Backend{Address: o.Address, Weight: a.Weight, Backup: a.Backup, Zone: a.Zone, MaxRequests: a.MaxRequests}
}

// asksNothing reports that nothing is left of it.
func (o *Override) asksNothing() bool {
	return o.Added == nil && !o.Removed && o.State == "" && o.Weight == nil
}

// wish is the state and weight of a member with this weight otherwise. o may be nil.
func (o *Override) wish(given int) (State, int) {
	state := Enabled
	if o != nil && o.State != "" {
		state = o.State
	}
	if o != nil && o.Weight != nil {
		given = *o.Weight
	}
	return state, given
}

// placeOf names an address, however it is spelled and spoken to.
func placeOf(address string) string {
	network, addr := socket.SplitAddress(address)
	return network + "://" + addr
}

// SameAddress reports that two addresses of backends are the same, however they are spelled.
func SameAddress(a, b string) bool { return placeOf(a) == placeOf(b) }

// Overlay has all overrides of a process: a fact, which outlives generations. Any
// goroutine may use it. What it has is obeyed by the pools of a Set once that is told:
// Pool.Ask, Set.Add, Set.Remove and Set.Settle do both.
type Overlay struct {
	mu struct {
		sync.Mutex
		pools map[string]*edits
	}
}

// edits are the overrides of one pool. They are not changed once they are shown.
type edits struct {
	version uint64 // counts the changes of who is a member
	places  map[string]*Override
}

// NewOverlay returns one in which nothing is asked for.
func NewOverlay() *Overlay {
	o := &Overlay{}
	o.mu.pools = map[string]*edits{}
	return o
}

// Restore puts back what All has returned, in a process before. It is for the time
// before the first Build.
func (o *Overlay) Restore(all []Override) {
	for _, one := range all {
		o.change(one.Pool, one.Address, func(v *Override) { *v = one })
	}
}

// All are the overrides, by pool and address. They are copies.
func (o *Overlay) All() []Override {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Override
	for _, e := range o.mu.pools {
		for _, v := range e.places {
			all = append(all, *v)
		}
	}
	slices.SortFunc(all, func(a, b Override) int {
		return cmp.Or(cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Address, b.Address))
	})
	return all
}

// At is the override of one backend; ok is false where there is none.
func (o *Overlay) At(pool, address string) (v Override, ok bool) {
	if found := o.of(pool).at(placeOf(address)); found != nil {
		return *found, true
	}
	return v, false
}

// Expire ends the states whose time is over, and returns what is left of their overrides.
func (o *Overlay) Expire(now time.Time) (ended []Override) {
	for _, v := range o.All() {
		if v.Until == nil || v.Until.After(now) {
			continue
		}
		over := false
		left := o.change(v.Pool, v.Address, func(c *Override) {
			over = c.Until != nil && !c.Until.After(now) // else somebody has asked again meanwhile
			if over {
				c.State, c.Until = "", nil
			}
		})
		if over {
			ended = append(ended, left)
		}
	}
	return ended
}

// Miss notes since when nobody names a backend any more; nil is that somebody does.
func (o *Overlay) Miss(pool, address string, since *time.Time) {
	o.change(pool, address, func(v *Override) {
		if !v.asksNothing() {
			v.MissingSince = since
		}
	})
}

// Drop takes an override away and returns it; ok is false where there is none.
func (o *Overlay) Drop(pool, address string) (v Override, ok bool) {
	o.change(pool, address, func(c *Override) {
		v, ok = *c, !c.asksNothing()
		*c = Override{}
	})
	return v, ok
}

// Fulfil takes back what the configuration says by itself now, as far as nobody has asked
// for something else meanwhile.
func (o *Overlay) Fulfil(said *Override) {
	o.change(said.Pool, said.Address, func(v *Override) {
		if said.Added != nil && v.Added != nil && *said.Added == *v.Added {
			v.Added = nil
		}
		v.Removed = v.Removed && !said.Removed
		if said.Weight != nil && v.Weight != nil && *said.Weight == *v.Weight {
			v.Weight = nil
		}
	})
}

// of are the edits of a pool; nil where there are none.
func (o *Overlay) of(pool string) *edits {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.pools[pool]
}

// change has f change the override of a backend, which asks nothing where there was none,
// and returns it as it is then. One that asks nothing is forgotten.
func (o *Overlay) change(pool, address string, f func(*Override)) Override {
	o.mu.Lock()
	defer o.mu.Unlock()
	before, place := o.mu.pools[pool], placeOf(address)
	v := Override{}
	if old := before.at(place); old != nil {
		v = *old
	}
	was := v
	f(&v)
	v.Pool, v.Address = pool, cmp.Or(was.Address, address)
	after := &edits{places: map[string]*Override{}}
	if before != nil {
		after.version = before.version
		after.places = maps.Clone(before.places)
	}
	if v.asksNothing() {
		delete(after.places, place)
	} else {
		after.places[place] = &v
	}
	if !sameMembership(&was, &v) {
		after.version++
	}
	o.mu.pools[pool] = after // kept where it is empty, too: the version counts on
	return v
}

// sameMembership reports that two overrides make the same members.
func sameMembership(a, b *Override) bool {
	if a.Removed != b.Removed || (a.Added == nil) != (b.Added == nil) {
		return false
	}
	return a.Added == nil || *a.Added == *b.Added
}

// at is the override of a place; nil where there is none. e may be nil.
func (e *edits) at(place string) *Override {
	if e == nil {
		return nil
	}
	return e.places[place]
}

// edition is the version of the edits. e may be nil.
func (e *edits) edition() uint64 {
	if e == nil {
		return 0
	}
	return e.version
}

// added are the backends that were added, by address.
func (e *edits) added() []config.Backend {
	if e == nil {
		return nil
	}
	var list []config.Backend
	for _, v := range e.places {
		if v.Added != nil {
			list = append(list, v.backend())
		}
	}
	slices.SortFunc(list, func(a, b config.Backend) int { return cmp.Compare(a.Address, b.Address) })
	return list
}
