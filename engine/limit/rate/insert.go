package rate

import "math"

// insert puts a key in that the table does not have, with a value of so many units
// ahead of now. It does nothing where somebody else was faster: inserted is false, and
// the key is there now.
func (t *Table) insert(key uint64, ahead, nowNanos int64) (p place, value uint64, inserted bool) {
	first, second := t.numbers(key)
	a, b := t.stripe(first), t.stripe(second)
	if a > b {
		a, b = b, a // whoever locks two takes the lower one first
	}
	lock := &t.stripes[a]
	lock.Lock()
	defer lock.Unlock()
	if a != b {
		t.stripes[b].Lock()
		defer t.stripes[b].Unlock()
	}
	if p, ok := t.find(key); ok {
		return p, 0, false
	}
	p, lost := t.victim([2]*bucket{&t.buckets[first], &t.buckets[second]}, nowNanos)
	lock.inserted++
	if lost {
		lock.evicted++
	}
	w := &t.laws[key&keyLimit]
	return p, p.take(key, uint64(w.units(nowNanos)+ahead)<<stampBits, nowNanos), true
}

func (t *Table) stripe(bucket uint64) uint64 { return bucket % uint64(len(t.stripes)) }

// take makes a place a key's. The caller holds the lock of its bucket.
func (p place) take(key, value uint64, nowNanos int64) uint64 {
	p.b.key[p.i].Store(0)
	p.b.use[p.i].Store(uint64(max(nowNanos, 0)) &^ classBits)
	word := &p.b.value[p.i]
	for {
		old := word.Load()
		stamped := value | (old+1)&stampMask
		if word.CompareAndSwap(old, stamped) {
			p.b.key[p.i].Store(key)
			return stamped
		}
	}
}

// victim is the place of two buckets that a new key takes; lost is true where somebody
// stands there whom it costs something. The caller holds both locks. A place that is
// free or at rest is taken in the bucket that has more of them, so that buckets fill
// evenly.
func (t *Table) victim(of [2]*bucket, nowNanos int64) (p place, lost bool) {
	var free [2]place
	var frees [2]int
	least := uint64(math.MaxUint64)
	for n, b := range of {
		for i := range b.key {
			key := b.key[i].Load()
			if key == 0 || t.ahead(key, b.value[i].Load(), nowNanos) == 0 {
				free[n] = place{b, i}
				frees[n]++
				continue
			}
			if r := rank(b.use[i].Load(), nowNanos); r < least {
				p, least = place{b, i}, r
			}
		}
	}
	switch {
	case frees[0] == 0 && frees[1] == 0:
		return p, true
	case frees[0] >= frees[1]:
		return free[0], false
	}
	return free[1], false
}

// rank orders keys by who goes first: by class while they are in use, then by how long
// nobody has asked for them.
func rank(use uint64, nowNanos int64) uint64 {
	at := use &^ classBits
	if nowNanos-int64(at) >= inUse {
		return at >> 2
	}
	return use&classBits<<62 | at>>2
}
