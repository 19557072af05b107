// Package tally counts what is open by the names of things, over reloads: tables hold the
// numbers, so that whoever opens something looks nothing up.
//
// Imported by engine; imports the standard library alone.
package tally

import (
	"sync"
	"sync/atomic"
)

// Book has the numbers by kind and name. The zero value is empty; any goroutine may use it.
type Book struct {
	mu  sync.Mutex
	all map[key]*atomic.Int64
}

type key struct{ kind, name string }

// Of is the number of a thing, 0 where it has none yet.
func (b *Book) Of(kind, name string) *atomic.Int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.all[key{kind, name}]
	if n == nil {
		if b.all == nil {
			b.all = map[key]*atomic.Int64{}
		}
		n = new(atomic.Int64)
		b.all[key{kind, name}] = n
	}
	return n
}

// Keep forgets what is not there any more, and has nothing open.
func (b *Book) Keep(isThere func(kind, name string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, n := range b.all {
		if n.Load() <= 0 && !isThere(k.kind, k.name) {
			delete(b.all, k)
		}
	}
}
