package record

import (
	"sync"
	"sync/atomic"
	"time"
)

// Limits are how many records each shard keeps. No Records is off.
type Limits struct {
	// Records are the last ones, Errors the last ones that ended badly, Slow the slowest
	// of each second.
	Records, Errors, Slow int
}

// Recorder keeps the records of a process. Put may be called by any goroutine; so may
// everything else, which one at a time does.
type Recorder struct {
	// Names are the numbers that records have for names.
	Names Names

	shards int
	rings  atomic.Pointer[rings] // nil while it is off
	taps   atomic.Pointer[taps]  // nil while nobody reads any
	mu     struct {
		sync.Mutex // held by who configures or reads: two readers would hide slots from each other
		limits     Limits
	}
}

// rings are what is kept under one set of limits.
type rings struct {
	since  time.Time // nothing is kept from before
	shards []shardRings
}

// shardRings are written by one shard: its loop, and goroutines that have its exchanges.
type shardRings struct {
	all     ring
	faults  ring // errors, but for refusals
	refused ring // a quarter of the errors
	slow    ring
	slowest slowest
	clock   wall
	_       [128]byte // the next one is another core's
}

// New makes a recorder that is off.
func New(shards int) *Recorder { return &Recorder{shards: max(shards, 1)} }

// Configure makes the limits those that count from now on. What is kept already stays, as
// far as it fits.
func (c *Recorder) Configure(l Limits) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Names.isCrowded() {
		c.Names.sweep(c.namesUsedLocked)
	}
	if l.Records <= 0 {
		l = Limits{}
	}
	if l == c.mu.limits {
		return
	}
	c.mu.limits = l
	if l.Records == 0 {
		c.rings.Store(nil) // whoever puts a record just now has the last word on them
		return
	}
	c.rings.Store(c.renewed(l))
}

// renewed are rings for these limits, with what those before have.
func (c *Recorder) renewed(l Limits) *rings {
	before, next := c.rings.Load(), &rings{since: time.Now(), shards: make([]shardRings, c.shards)}
	for i := range next.shards {
		s := &next.shards[i]
		s.all, s.slow = newRing(l.Records), newRing(l.Slow)
		s.faults, s.refused = newRing(l.Errors-l.Errors/4), newRing(l.Errors/4)
		if before != nil {
			was := &before.shards[i]
			s.all.carry(&was.all)
			s.slow.carry(&was.slow)
			s.faults.carry(&was.faults)
			s.refused.carry(&was.refused)
		}
	}
	if before != nil {
		next.since = before.since
	}
	return next
}

// On reports whether anything is recorded.
func (c *Recorder) On() bool { return c.rings.Load() != nil }

// Wanted reports whether somebody wants records: rings or a tap.
func (c *Recorder) Wanted() bool { return c.On() || c.taps.Load() != nil }

// Put keeps a record of the shard whose exchange has ended at nowNanos, shows it to the
// taps, and makes its Started the time of the wall clock. r is the caller's again then.
func (c *Recorder) Put(shard int, nowNanos int64, r *Record) {
	kept, read := c.rings.Load(), c.taps.Load()
	switch {
	case kept != nil:
		kept.shards[shard].put(nowNanos, r)
	case read != nil:
		r.Started = read.clocks[shard].at(r.Started, nowNanos)
	}
	if read != nil {
		read.offer(&c.Names, shard, r)
	}
}

// put is Put for what is kept.
func (s *shardRings) put(nowNanos int64, r *Record) {
	r.Started = s.clock.at(r.Started, nowNanos)
	number := s.all.put(r, 0)
	switch {
	case number == 0: // all the slots were somebody's: it is lost
	case !r.isError():
		if r.Flags&Tunnel == 0 && s.slow.slots > 0 { // tunnels are as long as people talk
			s.slowest.offer(r, number, nowNanos, &s.slow)
		}
	case r.isRefusal():
		s.refused.put(r, number)
	default:
		s.faults.put(r, number)
	}
}

// namesUsedLocked are the numbers of names that records have.
func (c *Recorder) namesUsedLocked() map[uint32]bool {
	used := map[uint32]bool{}
	note := func(_ place, r *Record) {
		used[r.Listener], used[r.Route], used[r.Pool] = true, true, true
		for i := range r.Tries {
			used[r.Tries[i].Backend] = true
		}
	}
	c.eachLocked(note)
	if kept := c.rings.Load(); kept != nil {
		for i := range kept.shards {
			kept.shards[i].slowest.see(func(r *Record) { note(place{}, r) })
		}
	}
	return used
}

// place is where a record is kept, and under which number, which stays the same.
type place struct {
	shard  int
	kind   kind
	number uint64
}

// kind is one of the rings of a shard.
type kind uint8

const (
	kindAll kind = iota
	kindFaults
	kindRefused
	kindSlow
	kinds
)

// ring is the one of a kind.
func (s *shardRings) ring(k kind) *ring {
	return [kinds]*ring{&s.all, &s.faults, &s.refused, &s.slow}[k]
}

// eachLocked calls see for every record, which is copied. One may come several times, from
// several rings.
func (c *Recorder) eachLocked(see func(at place, r *Record)) {
	kept := c.rings.Load()
	if kept == nil {
		return
	}
	for shard := range kept.shards {
		for k := range kinds {
			kept.shards[shard].ring(k).each(func(r *Record, number uint64) { see(place{shard, k, number}, r) })
		}
	}
}

// wall is how far the wall clock is ahead of that of the process. Asking for the time
// costs twice as much as Nanos, so it is asked once a second.
type wall struct {
	askedNanos atomic.Int64 // 0: never
	ahead      atomic.Int64
}

// at is the time of the wall clock at a moment.
func (w *wall) at(nanos, nowNanos int64) int64 {
	if asked := w.askedNanos.Load(); asked == 0 || nowNanos-asked > int64(time.Second) {
		w.ahead.Store(time.Now().UnixNano() - nowNanos)
		w.askedNanos.Store(nowNanos)
	}
	return nanos + w.ahead.Load()
}
