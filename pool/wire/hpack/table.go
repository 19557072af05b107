package hpack

const (
	// fieldOverhead is what an entry counts beside its strings (RFC 7541 section
	// 4.1, RFC 9113 section 6.5.2).
	fieldOverhead = 32
	// tableBytesDefault is the size both sides begin with (RFC 9113 section
	// 6.5.2).
	tableBytesDefault = 4096
	// tableBytesMax keeps the lengths of an entry inside a uint16.
	tableBytesMax = 64 << 10
	// textBytesMin and ringMin are what the first insertion allocates.
	textBytesMin = 256
	ringMin      = 8
)

// fieldBytes is the size of a field as the table and the lists count it.
func fieldBytes(name, value int) int { return fieldOverhead + name + value }

// table is the dynamic table of one direction (RFC 7541 section 2.3.2): a queue
// of entries, newest first by index. The strings stand one behind the other in
// text, so an entry is contiguous and can be handed out as it is; when the end is
// reached they slide to the front. Both parts are allocated with the first
// insertion and grow with what the peer really inserts.
type table struct {
	text []byte // of which text[low:high] are the strings of live entries
	low  int
	high int
	// base is the position of text[0]; it moves when the strings slide, so that
	// no entry need be touched. Positions wrap, their differences hold.
	base uint32
	// made counts insertions; the newest entry is ring[(made-1)&(len(ring)-1)].
	made uint32
	live int
	ring []entry // length is a power of two
	// bytes and max are the size and its bound, as the RFC counts.
	bytes, max int
}

// entry is one field in the table. It is written once, when it is made.
type entry struct {
	at          uint32 // position of name; value follows
	name, value uint16 // lengths
	// previous and tag belong to the encoder's index (see index.go).
	previous uint16
	tag      uint8
	id       ID
}

// get returns the entry with the i-th newest age. i < live.
func (t *table) get(i int) *entry {
	return &t.ring[(t.made-1-uint32(i))&uint32(len(t.ring)-1)]
}

// strings of an entry that is live. They stay where they are until the next add.
func (t *table) strings(e *entry) (name, value []byte) {
	at := int(e.at - t.base)
	mid := at + int(e.name)
	end := mid + int(e.value)
	return t.text[at:mid:mid], t.text[mid:end:end]
}

// resize sets the bound and evicts what is above it (section 4.3). A table of no
// size gives its memory back.
func (t *table) resize(bytes int) {
	t.max = bytes
	t.evict(bytes)
	if bytes == 0 {
		*t = table{made: t.made}
	}
}

// reset empties the table and keeps its memory.
func (t *table) reset(bytes int) {
	*t = table{text: t.text, ring: t.ring, max: bytes}
}

// evict drops the oldest entries until the size is at most bytes (section 4.4).
func (t *table) evict(bytes int) {
	for t.bytes > bytes {
		e := t.get(t.live - 1)
		t.low += int(e.name) + int(e.value)
		t.bytes -= fieldBytes(int(e.name), int(e.value))
		t.live--
	}
}

// add inserts a field (section 4.4) and reports whether it is in the table now;
// one larger than the table empties it instead. The name is that of the entry of
// age from, or name where from is negative; value is never a part of the table.
func (t *table) add(from int, name, value []byte, id ID) bool {
	if from >= 0 {
		name, _ = t.strings(t.get(from))
	}
	size := fieldBytes(len(name), len(value))
	if size > t.max {
		t.evict(0)
		return false
	}
	// Nothing is evicted before the strings are copied: name may belong to an
	// entry that has to go.
	if n := len(name) + len(value); n > len(t.text)-t.high {
		t.makeRoom(n)
		if from >= 0 {
			name, _ = t.strings(t.get(from))
		}
	}
	at := t.high
	t.high += copy(t.text[t.high:], name)
	t.high += copy(t.text[t.high:], value)
	t.evict(t.max - size)
	if t.live == len(t.ring) {
		t.growRing()
	}
	t.made++
	t.live++
	t.bytes += size
	*t.get(0) = entry{at: t.base + uint32(at), name: uint16(len(name)), value: uint16(len(value)), id: id}
	return true
}

// makeRoom slides the strings to the front, into more memory when that would
// free less than a quarter of what there is: so each byte inserted costs a few
// bytes copied. Twice the bound always suffices.
func (t *table) makeRoom(n int) {
	used := t.high - t.low
	size := max(len(t.text), textBytesMin)
	for used+n > size-size/4 && size < 2*t.max {
		size *= 2
	}
	text := t.text
	if size = min(size, 2*t.max); size > len(text) {
		text = make([]byte, size)
	}
	copy(text, t.text[t.low:t.high])
	t.text = text
	t.base += uint32(t.low)
	t.low, t.high = 0, used
}

// growRing doubles the room for entries, which is at most the bound divided by
// fieldOverhead, rounded up.
func (t *table) growRing() {
	ring := make([]entry, max(2*len(t.ring), ringMin))
	for i := range t.live {
		ring[(t.made-1-uint32(i))&uint32(len(ring)-1)] = *t.get(i)
	}
	t.ring = ring
}
