package rate

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// ways is how many places a bucket has: as many words as a cache line holds.
	ways = 8
	// spareNum/spareDen is how many places there are for each key of max_keys, so that
	// a table of random keys is full long after it holds them (TestTableHoldsItsKeys).
	spareNum, spareDen = 3, 2
	// LimitsMax is how many limits a table has at most: the lowest bits of a key say
	// which one it belongs to, and whether it is that limit's block.
	LimitsMax = 16
	keyLimit  = LimitsMax - 1
	keyBlock  = LimitsMax
	keyUsed   = LimitsMax << 1 // set in the word of a key, so that none is 0
	keyLow    = keyUsed<<1 - 1
	// inUse is how long a key counts as in use after somebody has asked for it.
	inUse = int64(time.Minute)
	// touchNanos is how exact the time of the last use is: a key that is asked for
	// more often does not write it each time.
	touchNanos = 1 << 20
	// stripesMax bounds how many insertions may happen side by side.
	stripesMax = 1024
)

// Definition is all that a table is made for. Tables of equal definitions may stand
// for each other.
type Definition struct {
	// MaxKeys is how many keys are held, of all limits together.
	MaxKeys int
	// Limits are 1 to LimitsMax; asks call them by their index.
	Limits []Limit
}

// Check says what is wrong with a definition.
func (d *Definition) Check() error {
	if d.MaxKeys < 1 || d.MaxKeys > 1<<28 {
		return fmt.Errorf("max_keys %d: want 1 to %d", d.MaxKeys, 1<<28)
	}
	if n := len(d.Limits); n < 1 || n > LimitsMax {
		return fmt.Errorf("%d limits: want 1 to %d", n, LimitsMax)
	}
	for i := range d.Limits {
		if err := d.Limits[i].Check(); err != nil {
			return fmt.Errorf("limits[%d]: %w", i, err)
		}
	}
	return nil
}

// Table has where each key of some limits stands. It is made once at its full size of
// 36 bytes for each key of MaxKeys, and allocates nothing afterwards. Any goroutine
// may use it.
//
// A key has eight places in each of two buckets, by its hash. Finding it reads two or
// three cache lines and takes no lock; only a key that is not there yet takes the lock
// of its buckets. When all its places are taken, one that stands there goes:
//
//   - one that is back at rest, since it stands as if it had never been there, else
//   - one that was asked for once only, or not for a minute: the least recently used,
//   - one that was asked for again within a minute: the least recently used,
//   - and only then one that was refused within a minute.
//
// So whoever comes from ten million addresses once each displaces those newcomers, and
// never a key in use: for that, all sixteen places of its two buckets have to be held
// by keys that are in use as well, and which these buckets are, nobody outside knows.
// What an eviction costs: a key that was ahead of the clock begins anew when it comes
// back, with its whole burst. Under a flood that is what happens to newcomers that do
// not come again before as many others have come as the table has places; Counts tells
// how many.
//
// The words of a place, and who writes them:
//
//	key    hash, limit and kind. Written under the bucket's lock only, 0 while the place
//	       changes hands.
//	value  the theoretical arrival time, modulo 2^58 units of its limit; below it, in
//	       six bits, a stamp that changes when the place changes hands and when a
//	       request gives back what it took. Requests that pass move it by compare and
//	       swap, so that no two of them pass on one reading of it.
//	use    when the key was last asked for, in nanoseconds, in steps of touchNanos, and
//	       in the two lowest bits its class. Written before value.
//
// A reader takes value for its key's only if key was the same before and after; a swap
// by somebody who read it before the place changed hands fails by the stamp. What is
// charged to a key in the moment it is evicted is lost with it.
type Table struct {
	limits  []Limit
	laws    []law
	policy  []byte
	buckets []bucket
	stripes []stripe
	noted   noted
}

type bucket struct {
	key   [ways]atomic.Uint64
	value [ways]atomic.Uint64
	use   [ways]atomic.Uint64
}

// stripe is the lock of all buckets whose number ends alike, and what was done under
// it. It has a cache line for itself.
type stripe struct {
	sync.Mutex
	inserted, evicted uint64
	_                 [40]byte
}

// Classes of a key in use; each one stays longer than the one before.
const (
	classOnce    = iota // asked for once
	classAgain          // asked for again
	classRefused        // refused
)

const classBits = 3

// stampBits are those of a value that are no time.
const (
	stampBits = 6
	stampMask = 1<<stampBits - 1
)

// NewTable makes an empty table. The definition has passed Check.
func NewTable(d Definition) *Table {
	t := &Table{
		limits:  append([]Limit(nil), d.Limits...),
		buckets: make([]bucket, max(2, (d.MaxKeys*spareNum/spareDen+ways-1)/ways)),
	}
	t.stripes = make([]stripe, min(len(t.buckets), stripesMax))
	for i := range t.limits {
		t.laws = append(t.laws, compile(&t.limits[i]))
	}
	t.policy = policy(t.limits, t.laws)
	return t
}

// Limits are the limits of the table. The caller does not change them.
func (t *Table) Limits() []Limit { return t.limits }

// Counts are how many keys came anew, and how many of those that went were ahead of the
// clock. Both only grow.
func (t *Table) Counts() (inserted, evicted uint64) {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.Lock()
		inserted, evicted = inserted+s.inserted, evicted+s.evicted
		s.Unlock()
	}
	return inserted, evicted
}

// Keys counts the keys that are ahead of the clock. It reads the whole table, about ten
// milliseconds for a million keys: for those who show it, not for requests.
func (t *Table) Keys(nowNanos int64) int {
	n := 0
	for i := range t.buckets {
		b := &t.buckets[i]
		for j := range b.key {
			if k := b.key[j].Load(); k != 0 && t.ahead(k, b.value[j].Load(), nowNanos) > 0 {
				n++
			}
		}
	}
	return n
}

// ahead is how many units the word of a key is ahead of the clock.
func (t *Table) ahead(key, value uint64, nowNanos int64) int64 {
	w := &t.laws[key&keyLimit]
	return w.ahead(value, w.units(nowNanos))
}

// ahead is how many units value is ahead of now, 0 where it is not.
func (w *law) ahead(value uint64, now int64) int64 {
	d := int64(value&^stampMask-uint64(now)<<stampBits) >> stampBits
	if d < 0 || d > w.most {
		return 0
	}
	return d
}

// word is the word of a key.
func word(k Key, limit int) uint64 {
	return (uint64(k)+uint64(limit)*0x9e3779b97f4a7c15)&^keyLow | keyUsed | uint64(limit)
}

// places are the two buckets of a word. Multiplying spreads the low bits, too.
func (t *Table) places(key uint64) (first, second *bucket) {
	i, j := t.numbers(key)
	return &t.buckets[i], &t.buckets[j]
}

func (t *Table) numbers(key uint64) (first, second uint64) {
	n := uint64(len(t.buckets))
	first, _ = bits.Mul64(key, n)
	second, _ = bits.Mul64(key*0xd6e8feb86659fd93, n)
	if first == second {
		second++
		if second == n {
			second = 0
		}
	}
	return first, second
}

// place is where a key stands.
type place struct {
	b *bucket
	i int
}

// find finds the word of a key; ok is false where the table has none.
func (t *Table) find(key uint64) (p place, ok bool) {
	first, second := t.places(key)
	for i := range first.key {
		if first.key[i].Load() == key {
			return place{first, i}, true
		}
	}
	for i := range second.key {
		if second.key[i].Load() == key {
			return place{second, i}, true
		}
	}
	return place{}, false
}

// read is the value of a key at a place; ok is false where the place is another key's.
func (p place) read(key uint64) (value uint64, ok bool) {
	value = p.b.value[p.i].Load()
	return value, p.b.key[p.i].Load() == key
}

// touch notes that the key of a place was asked for.
func (p place) touch(class uint64, nowNanos int64) {
	use := &p.b.use[p.i]
	for {
		old := use.Load()
		at, was := int64(old&^classBits), old&classBits
		if nowNanos-at < touchNanos && was >= class {
			return
		}
		if use.CompareAndSwap(old, uint64(max(at, nowNanos))&^classBits|max(was, class)) {
			return
		}
	}
}
