package record

import (
	"runtime"
	"sync/atomic"
)

// pageSlots is how many records a page holds: with what is known of its slots it is as
// large as eight pages of the allocator, less 64 bytes.
const pageSlots = 248

// page is a part of a ring. It is made when the first of its slots is written, so that a
// proxy that is idle does not hold what it may need.
//
// The state of a slot is 0 as long as nothing was written there. Then it is twice the
// number of the record in it, plus 1 while somebody has the slot: whoever has changed that
// bit from 0 to 1 owns the record, writer or reader, and ends that by storing an even state,
// which publishes it. Nobody waits for a slot: a writer takes the next one, a reader goes on
// without it.
//
// The usual way, to let readers copy while a writer is at it and to try again when the
// state has changed, needs a locked instruction for each of the 32 words, or is a data race.
type page struct {
	states  [pageSlots]atomic.Uint64
	records [pageSlots]Record
}

const busy = 1

// takesMax is how many slots a writer tries.
const takesMax = 8

// ring holds the last records that were put there. Any number of goroutines may put.
type ring struct {
	head  atomic.Uint64 // places that were given out; the slot is their remainder
	slots uint64        // 0: nothing is kept
	pages []atomic.Pointer[page]
}

func newRing(slots int) ring {
	return ring{slots: uint64(slots), pages: make([]atomic.Pointer[page], (slots+pageSlots-1)/pageSlots)}
}

// put copies a record into the ring, under its number; 0 is that of its place. It returns
// the number, and 0 where there was no slot.
func (g *ring) put(r *Record, number uint64) uint64 {
	if g.slots == 0 {
		return 0
	}
	for range takesMax {
		place := g.head.Add(1) - 1
		as := number
		if as == 0 {
			as = place + 1
		}
		if g.write(place%g.slots, r, as) {
			return as
		}
	}
	return 0
}

// write copies a record into a slot, unless somebody has that.
func (g *ring) write(slot uint64, r *Record, number uint64) bool {
	p, i := g.page(slot), slot%pageSlots
	state := &p.states[i]
	was := state.Load()
	if was&busy != 0 || !state.CompareAndSwap(was, was|busy) {
		return false
	}
	p.records[i] = *r
	state.Store(number << 1)
	return true
}

// page is the one of a slot, made when there is none.
func (g *ring) page(slot uint64) *page {
	at := &g.pages[slot/pageSlots]
	p := at.Load()
	for p == nil {
		at.CompareAndSwap(nil, new(page)) // whoever comes second takes that of the first
		p = at.Load()
	}
	return p
}

// read copies what a slot holds; 0: nothing, or somebody has it.
func (g *ring) read(slot uint64, into *Record) (number uint64) {
	p := g.pages[slot/pageSlots].Load()
	if p == nil {
		return 0
	}
	state := &p.states[slot%pageSlots]
	was := state.Load()
	if was == 0 || was&busy != 0 || !state.CompareAndSwap(was, was|busy) {
		return 0
	}
	*into = p.records[slot%pageSlots]
	state.Store(was)
	return was >> 1
}

// each calls see for every record. It is copied, and another one in the next call. Two
// goroutines that do so at the same time may miss what the other one looks at.
func (g *ring) each(see func(r *Record, number uint64)) {
	r := new(Record)
	for slot := range g.slots {
		if number := g.read(slot, r); number != 0 {
			see(r, number)
		}
		if slot%pageSlots == pageSlots-1 {
			runtime.Gosched() // who carries requests comes first
		}
	}
}

// carry takes over the newest of another ring, as much as fits. Nobody else uses g yet.
func (g *ring) carry(from *ring) {
	head, r := from.head.Load(), new(Record)
	for place := head - min(head, from.slots, g.slots); place < head; place++ {
		if number := from.read(place%from.slots, r); number != 0 {
			g.write(place%g.slots, r, number)
		}
	}
	g.head.Store(head)
}

// isFull reports that older records were dropped.
func (g *ring) isFull() bool { return g.head.Load() > g.slots }
