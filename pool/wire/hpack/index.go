package hpack

import "bytes"

const (
	indexSlotBits = 6
	indexSlots    = 1 << indexSlotBits
	// walkMax bounds the entries looked at for one field; what is further back
	// is not found, and sent again.
	walkMax   = 16
	seenSlots = 32
)

// index finds entries of the encoder's table. Entries whose names have the same
// hash form a chain, newest first; numbers count insertions, as table.made does,
// and tell entries that are gone by their age. Nothing is ever removed: a chain
// ends where ages end to be those of live, older entries.
type index struct {
	// newest is the number of the newest entry of each chain.
	newest [indexSlots]uint16
	// seen are hashes of fields that were sent and not inserted (IndexRepeated).
	seen [seenSlots]uint32
}

// find looks for a field by the hashes of name and value. whole is the age of
// the entry that equals it, named of the newest that has its name; -1 for none.
func (x *index) find(t *table, f *outgoing) (whole, named int) {
	named = -1
	number := x.newest[f.nameHash>>(64-indexSlotBits)]
	last := -1
	for range walkMax {
		age := int(uint16(t.made-1) - number)
		if age <= last || age >= t.live {
			break
		}
		e := t.get(age)
		if e.id == f.id && (e.tag == f.tag() || named < 0) {
			name, value := t.strings(e)
			if f.id != IDOther || bytes.Equal(name, f.name) {
				if e.tag == f.tag() && bytes.Equal(value, f.value) {
					return age, age
				}
				if named < 0 {
					named = age
				}
			}
		}
		number, last = e.previous, age
	}
	return -1, named
}

// note enters the newest entry of the table, which is f.
func (x *index) note(t *table, f *outgoing) {
	slot := &x.newest[f.nameHash>>(64-indexSlotBits)]
	e := t.get(0)
	e.previous, e.tag = *slot, f.tag()
	*slot = uint16(t.made - 1)
}

// repeated reports whether f was sent not long ago, and remembers it.
func (x *index) repeated(f *outgoing) bool {
	h := uint32((f.nameHash ^ f.valueHash) >> 32)
	slot := &x.seen[h%seenSlots]
	if *slot == h {
		return true
	}
	*slot = h
	return false
}
