package record

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

// Bounds of a tap.
const (
	// tapSlots is how many records of a shard wait for the reader of a tap: 130 KB.
	tapSlots = 512
	// tapTakeMax is how many records a reader gets at once, of all shards.
	tapTakeMax = 1024
)

// Tap hands on records of exchanges as they end, whether or not any are kept: those that
// its filter wants. Nobody waits for its reader: what there is no room for is counted, and
// lost. One goroutine at a time calls Take; Close ends it.
type Tap struct {
	of *Recorder

	matcher              matcher
	route, pool, backend *Name  // as numbers are forgotten and given anew; nil is any
	sample               uint64 // random numbers up to it are taken

	queues []tapQueue
}

// taps are those that are read, with clocks for a recorder that keeps nothing. They are
// not changed: another tap makes another one.
type taps struct {
	all    []*Tap
	clocks []tapClock // by shard
}

type tapClock struct {
	wall
	_ [112]byte // the next one is another core's
}

// tapQueue is what waits of one shard. It is the bounded queue of Dmitry Vyukov with one
// reader: any number of goroutines may put.
//
// The turn of a slot says who may use it. A writer may where the turn is the place that it
// has taken, and makes it that place plus 1, which publishes the record. The reader may
// where it is its own place plus 1, and makes it the place plus the number of slots, which
// gives the slot to the writer of the next round. A writer that meets an older turn has met
// a full queue.
type tapQueue struct {
	head atomic.Uint64 // the next place to write
	lost atomic.Uint64
	_    [112]byte // what follows is the reader's
	tail uint64    // the next place to read
	told uint64    // of lost
	_    [112]byte

	slots []tapSlot
}

type tapSlot struct {
	turn   atomic.Uint64
	record Record
}

// Tap begins one. sample is the share of the exchanges that are shown, 0 to 1, drawn for
// each of those that the filter wants, whose ID, Since and Until are for what is kept. The
// caller bounds how many there are: every exchange meets each of them.
func (c *Recorder) Tap(f *Filter, sample float64) *Tap {
	filter := *f
	t := &Tap{of: c, queues: make([]tapQueue, c.shards), sample: math.MaxUint64}
	if sample < 1 {
		t.sample = uint64(max(sample, 0) * math.MaxUint64)
	}
	for _, name := range []struct {
		text *string
		into **Name
	}{{&filter.Route, &t.route}, {&filter.Pool, &t.pool}, {&filter.Backend, &t.backend}} {
		if *name.text != "" {
			*name.into, *name.text = NewName(*name.text), ""
		}
	}
	t.matcher, _ = c.match(&filter) // there is no name in it
	for i := range t.queues {
		q := &t.queues[i]
		q.slots = make([]tapSlot, tapSlots)
		for place := range q.slots {
			q.slots[place].turn.Store(uint64(place))
		}
	}
	c.changeTaps(func(all []*Tap) []*Tap { return append(all, t) })
	return t
}

// Close ends the tap. Later calls do nothing.
func (t *Tap) Close() {
	t.of.changeTaps(func(all []*Tap) []*Tap {
		return slices.DeleteFunc(all, func(other *Tap) bool { return other == t })
	})
}

// changeTaps replaces the list of those that are read; change may use the copy it gets.
func (c *Recorder) changeTaps(change func([]*Tap) []*Tap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := &taps{}
	if now := c.taps.Load(); now != nil {
		next.all = slices.Clone(now.all)
	}
	if next.all = change(next.all); len(next.all) == 0 {
		c.taps.Store(nil)
		return
	}
	next.clocks = make([]tapClock, c.shards)
	c.taps.Store(next)
}

// Take returns what has come since the call before, the first to end first, and how many
// more were lost. It does not wait.
func (t *Tap) Take() (list []View, lost uint64) {
	most := max(tapTakeMax/len(t.queues), 1)
	for i := range t.queues {
		q := &t.queues[i]
		for range most {
			r := q.next()
			if r == nil {
				break
			}
			list = append(list, t.of.view(place{shard: i, number: q.tail + 1}, r))
			q.done()
		}
		n := q.lost.Load()
		lost += n - q.told
		q.told = n
	}
	slices.SortStableFunc(list, func(a, b View) int {
		return cmp.Compare(a.Started.Add(a.Took).UnixNano(), b.Started.Add(b.Took).UnixNano())
	})
	return list, lost
}

// offer shows a record, whose Started is of the wall clock, to those that are read.
func (s *taps) offer(names *Names, shard int, r *Record) {
	for _, t := range s.all {
		if t.wants(names, r) {
			t.queues[shard].put(r)
		}
	}
}

// wants reports that r is one to be shown.
func (t *Tap) wants(names *Names, r *Record) bool {
	return (t.route == nil || names.Number(t.route) == r.Route) && (t.pool == nil || names.Number(t.pool) == r.Pool) &&
		t.matcher.wants(r) && (t.backend == nil || r.asked(names.Number(t.backend))) &&
		(t.sample == math.MaxUint64 || rand.Uint64() <= t.sample)
}

// put copies a record into the queue, or counts it as lost.
func (q *tapQueue) put(r *Record) {
	for range takesMax {
		at := q.head.Load()
		slot := &q.slots[at%tapSlots]
		turn := slot.turn.Load()
		if turn < at {
			break // the queue is full
		}
		if turn == at && q.head.CompareAndSwap(at, at+1) {
			slot.record = *r
			slot.turn.Store(at + 1)
			return
		}
	}
	q.lost.Add(1)
}

// next is the record at the reader's place, its own until done; nil: there is none yet.
func (q *tapQueue) next() *Record {
	slot := &q.slots[q.tail%tapSlots]
	if slot.turn.Load() != q.tail+1 {
		return nil
	}
	return &slot.record
}

// done gives the slot of next back.
func (q *tapQueue) done() {
	q.slots[q.tail%tapSlots].turn.Store(q.tail + tapSlots)
	q.tail++
}
