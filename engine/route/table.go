package route

import (
	"bytes"
	"hash/maphash"
)

// table is a hash table that never changes: names of hosts and the children of
// wide tree nodes. Keys are bytes within a space, so that one table serves all.
// A look-up touches one run of slots and the key's bytes. Go's map touches four
// or five places that far apart; with 100,000 random keys, none of them in the
// processor's caches, a lookup of a route takes half the time with this table.
type table struct {
	seed  maphash.Seed
	slots []slot // a power of two of them, at most half of them in use
	keys  []byte // the bytes of all keys, one after another
}

// slot is 20 bytes: three of them share a cache line.
type slot struct {
	tag   uint32 // low half of the hash, made odd; 0 is a free slot
	space int32
	key   uint32 // position in keys
	size  uint32 // length of the key in bytes
	value int32
}

// The spaces of host names; the others are the numbers of tree nodes.
const (
	spaceHost   int32 = -1 - iota // whole names
	spaceBelow                    // what follows "*."
	spaceBegins                   // what stands before ".*"
)

// newTable makes a table with room for count keys.
func newTable(count int) table {
	size := 1
	for size < 2*count {
		size *= 2
	}

	return table{seed: maphash.MakeSeed(), slots: make([]slot, size), keys: nil}
}

// put adds a key that is not in the table yet.
func (t *table) put(space int32, key string, value int32) {
	at, tag := t.place(space, []byte(key))
	for t.slots[at].tag != 0 {
		at = (at + 1) & (uint64(len(t.slots)) - 1)
	}

	t.slots[at] = slot{tag: tag, space: space, key: uint32(len(t.keys)), size: uint32(len(key)), value: value}
	t.keys = append(t.keys, key...)
}

// find returns the value of a key, or none. Half of the slots are free, so the
// loop ends; on average after one and a half slots.
func (t *table) find(space int32, key []byte) int32 {
	at, tag := t.place(space, key)

	for {
		s := &t.slots[at]
		if s.tag == 0 {
			return none
		}

		if s.tag == tag && s.space == space && bytes.Equal(t.keys[s.key:s.key+s.size], key) {
			return s.value
		}

		at = (at + 1) & (uint64(len(t.slots)) - 1)
	}
}

// place returns the first slot to look at and the tag to look for.
func (t *table) place(space int32, key []byte) (at uint64, tag uint32) {
	const golden = 0x9E3779B97F4A7C15 // 2^64 / phi spreads small numbers over all bits.

	hash := maphash.Bytes(t.seed, key) ^ uint64(space)*golden

	return (hash >> 32) & (uint64(len(t.slots)) - 1), uint32(hash) | 1
}
