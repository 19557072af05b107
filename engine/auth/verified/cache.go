package verified

import (
	"math/bits"
	"sync/atomic"
)

// ways is how many places an entry may be in.
const ways = 4

// Cache is a table of entries, each of which is in one of the four places that its hash
// leads to. It holds one pointer a place, and nothing for places that are not used. Any
// goroutine may use it.
//
// A place is a pointer to an entry that never changes but for its mark. Storing the
// pointer publishes the entry; of two that are stored in one place at once one is lost,
// which costs a further verification. A reader that has loaded an entry that is replaced
// meanwhile has read one that was good a moment ago.
type Cache[T any] struct {
	places []atomic.Pointer[entry[T]]
	mask   uint64 // of the first place of four
}

type entry[T any] struct {
	id         string
	untilNanos int64
	value      T
	asked      atomic.Bool // since somebody looked for a place to take
}

// New makes a cache for so many entries, rounded up to a power of two.
func New[T any](entries int) *Cache[T] {
	n := max(ways, 1<<bits.Len(uint(entries-1)))
	return &Cache[T]{places: make([]atomic.Pointer[entry[T]], n), mask: uint64(n-1) &^ (ways - 1)}
}

// Get is the value that was put under an id and whose time has not passed, nil if there
// is none. The hash, of which all bits count alike, has to be keyed, or clients would
// choose who loses a place. It allocates nothing.
func (c *Cache[T]) Get(hash uint64, id []byte, nowNanos int64) *T {
	first := hash & c.mask
	for i := range c.places[first : first+ways] {
		e := c.places[first+uint64(i)].Load()
		if e == nil || e.id != string(id) {
			continue
		}
		if nowNanos >= e.untilNanos {
			return nil
		}
		if !e.asked.Load() { // a hot entry is read by all and written by nobody
			e.asked.Store(true)
		}
		return &e.value
	}
	return nil
}

// Put keeps a value until a time, in place of one with the same id, an empty or expired
// one, or one that was not asked for since a place was last looked for.
func (c *Cache[T]) Put(hash uint64, id []byte, value T, untilNanos, nowNanos int64) {
	if untilNanos <= nowNanos {
		return
	}
	c.place(hash, id, nowNanos).Store(&entry[T]{id: string(id), untilNanos: untilNanos, value: value})
}

func (c *Cache[T]) place(hash uint64, id []byte, nowNanos int64) *atomic.Pointer[entry[T]] {
	first := hash & c.mask
	set := c.places[first : first+ways]
	var free, idle *atomic.Pointer[entry[T]]
	for i := range set {
		switch e := set[i].Load(); {
		case e == nil || nowNanos >= e.untilNanos:
			free = &set[i]
		case e.id == string(id):
			return &set[i]
		case !e.asked.Load() && idle == nil:
			idle = &set[i]
		}
	}
	switch {
	case free != nil:
		return free
	case idle != nil:
		return idle
	}
	for i := range set {
		if e := set[i].Load(); e != nil {
			e.asked.Store(false)
		}
	}
	return &set[hash>>62]
}

// Len counts the entries whose time has not passed. It looks at all of them.
func (c *Cache[T]) Len(nowNanos int64) int {
	n := 0
	for i := range c.places {
		if e := c.places[i].Load(); e != nil && nowNanos < e.untilNanos {
			n++
		}
	}
	return n
}
