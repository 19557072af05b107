package sample

import (
	"math"
	"runtime"
	"sync/atomic"
	"time"
)

// Of each shard the first exchanges are taken as they come, until the ring is full once,
// and then one in pauseNanos: a busy shard keeps the heads of the last ringTime. The first
// exchange behind a pause is the one, so that no rhythm of the traffic meets a rhythm of
// ours but that of the clock.
const (
	// slots is how many heads a shard keeps.
	slots      = 2048
	pauseNanos = int64(20 * time.Millisecond)
	ringTime   = slots * pauseNanos
	// pageSlots is how many are made at once, when the first of them is written.
	pageSlots = 64
)

// Max is how many heads so many shards keep at most.
func Max(shards int) int { return shards * slots }

// slot holds a head. Its state is 0 while nothing is in it, 1 while somebody writes or
// reads it, and 2 when it holds a head: whoever has made 1 of another state owns the slot,
// and publishes what it has done by storing the next one. Nobody waits for a slot.
type slot struct {
	Head

	state atomic.Uint32
}

const (
	stateEmpty uint32 = iota
	stateOwned
	stateKept
)

// ring is what one shard keeps: its loop writes, and goroutines that have its exchanges.
type ring struct {
	// nextNanos is when the next head is due, as much as ringTime ago: see Due. Every
	// exchange reads it, those that are taken write it.
	nextNanos atomic.Int64
	head      atomic.Uint64 // places that were given out
	pages     [slots / pageSlots]atomic.Pointer[[pageSlots]slot]
	_         [128]byte // the next one is another core's
}

// Sampler keeps the heads of a process. Any goroutine may use it.
type Sampler struct{ rings []ring }

// New makes one for so many shards.
func New(shards int) *Sampler {
	s := &Sampler{rings: make([]ring, max(shards, 1))}
	for i := range s.rings {
		s.rings[i].nextNanos.Store(math.MinInt64 / 2)
	}
	return s
}

// Due reports that the exchange of the shard that has ended at nowNanos is to be taken. It
// costs one load where it is not.
func (s *Sampler) Due(shard int, nowNanos int64) bool {
	at := &s.rings[shard].nextNanos
	next := at.Load()
	return nowNanos >= next && at.CompareAndSwap(next, max(next, nowNanos-ringTime)+pauseNanos)
}

// Take is the place of the next head of a shard, for its owner to write; nil: somebody has
// it. It has to be given back by Keep or Drop.
func (s *Sampler) Take(shard int) *Slot {
	r := &s.rings[shard]
	place := (r.head.Add(1) - 1) % slots
	at := &r.pages[place/pageSlots]
	page := at.Load()
	for page == nil {
		at.CompareAndSwap(nil, new([pageSlots]slot)) // whoever comes second takes that of the first
		page = at.Load()
	}
	to := &page[place%pageSlots]
	if was := to.state.Load(); was == stateOwned || !to.state.CompareAndSwap(was, stateOwned) {
		return nil
	}
	return (*Slot)(to)
}

// Slot is a place for a head that somebody writes.
type Slot slot

// Keep publishes the head.
func (s *Slot) Keep() { s.state.Store(stateKept) }

// Drop leaves the place empty.
func (s *Slot) Drop() { s.state.Store(stateEmpty) }

// Heads are copies of all that is kept, of each shard the places in their order. Two
// goroutines that ask at the same time may miss what the other one looks at.
func (s *Sampler) Heads() []*Head {
	var all []*Head
	for i := range s.rings {
		for p := range s.rings[i].pages {
			page := s.rings[i].pages[p].Load()
			if page == nil {
				continue
			}
			for j := range page {
				if h := page[j].copied(); h != nil {
					all = append(all, h)
				}
			}
			runtime.Gosched() // who carries requests comes first
		}
	}
	return all
}

// copied is a copy of the head; nil: there is none, or somebody has it.
func (s *slot) copied() *Head {
	if s.state.Load() != stateKept || !s.state.CompareAndSwap(stateKept, stateOwned) {
		return nil
	}
	h := s.Head
	s.state.Store(stateKept)
	return &h
}
