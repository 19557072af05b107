package hpack

import "strconv"

// Encoder writes the header blocks of one direction of a connection. It is not
// safe for concurrent use. A zero Encoder must be [Encoder.Reset] before use;
// what it remembers is allocated with the first field it puts into the table.
type Encoder struct {
	table table
	index *index
	// pending is set while the next block has to begin with the size of the
	// table, emptied when it was lowered and raised again meanwhile.
	pending, emptied bool
}

// Reset prepares e for a new connection. Memory is kept; a new Encoder has none.
func (e *Encoder) Reset() {
	e.table.reset(tableBytesDefault)
	e.pending, e.emptied = false, false
	if e.index != nil {
		*e.index = index{}
	}
}

// SetTableMax takes the SETTINGS_HEADER_TABLE_SIZE of the peer. Up to the initial
// 4096 bytes are used, however much is allowed. The next block says so.
func (e *Encoder) SetTableMax(bytes uint32) {
	size := int(min(bytes, tableBytesDefault))
	if size == e.table.max {
		return
	}
	if e.pending && size > e.table.max {
		// Section 4.2 wants to hear of the lowest size as well. Zero is lower,
		// and decoders of x/net (v0.62.0) take a second update only while their
		// table is empty.
		e.table.resize(0)
		e.emptied = true
	}
	e.table.resize(size)
	e.pending = true
}

// outgoing is a field on its way.
type outgoing struct {
	name, value         []byte
	nameHash, valueHash uint64
	id                  ID
}

// know enters the identity of the name, which is hash enough: a chain of its own
// in the index.
func (f *outgoing) know(id ID) {
	if f.id = id; id != IDOther {
		f.nameHash = uint64(id) << (64 - indexSlotBits)
	}
}

// tag is a byte of the value's hash, compared before the value.
func (f *outgoing) tag() uint8 { return uint8(f.valueHash >> 56) }

// AppendField appends a field to a header block and returns the extended block.
// The name may be in any case; it is sent in lower case. e keeps nothing of name
// and value. A block must be sent, in the order the blocks were made.
func (e *Encoder) AppendField(dst, name, value []byte, how Indexing) []byte {
	if len(name) > lowerRoom {
		return e.appendLongName(dst, name, value, how)
	}
	var room [lowerRoom]byte
	var f outgoing
	f.name, f.value = lowerName(&room, name), value
	f.nameHash = hash(f.name)
	f.know(idOf(f.name, f.nameHash))
	return e.append(dst, &f, how)
}

// AppendNamed appends a field with a name of the static table, which is not
// IDOther: the lookup of [Encoder.AppendField] is saved.
func (e *Encoder) AppendNamed(dst []byte, id ID, value []byte, how Indexing) []byte {
	f := outgoing{name: staticTable[id].name, value: value}
	f.know(id)
	return e.append(dst, &f, how)
}

// AppendEntry appends a whole field of the static table, which is not EntryNone:
// one byte.
func (e *Encoder) AppendEntry(dst []byte, entry Entry) []byte {
	return append(e.begin(dst), 0x80|byte(entry))
}

// AppendStatus appends the :status field of a response, which comes first in its
// block (RFC 9113 section 8.3.2).
func (e *Encoder) AppendStatus(dst []byte, code int) []byte {
	var digits [20]byte
	return e.AppendNamed(dst, IDStatus, strconv.AppendInt(digits[:0], int64(code), 10), Auto)
}

// begin appends what has to stand before the first field of a block. It is
// called for every field: what it looks for only changes between blocks.
func (e *Encoder) begin(dst []byte) []byte {
	if !e.pending {
		return dst
	}
	if e.emptied {
		dst = appendInteger(dst, 0x20, 5, 0)
	}
	e.pending, e.emptied = false, false
	return appendInteger(dst, 0x20, 5, uint32(e.table.max))
}

// append chooses the shortest representation (section 6) that how allows.
func (e *Encoder) append(dst []byte, f *outgoing, how Indexing) []byte {
	dst = e.begin(dst)
	if how == Auto {
		how = IndexingOf(f.id, f.name)
	}
	if how == NeverIndex {
		return appendLiteral(dst, 0x10, 4, uint32(f.id), f)
	}
	if entry := entryOf(f.id, f.value); entry != EntryNone {
		return append(dst, 0x80|byte(entry))
	}
	if how == NoIndex {
		return appendLiteral(dst, 0, 4, uint32(f.id), f)
	}
	if e.index == nil {
		e.index = new(index)
	}
	f.valueHash = hash(f.value)
	whole, named := e.index.find(&e.table, f)
	if whole >= 0 {
		return appendInteger(dst, 0x80, 7, staticEntries+1+uint32(whole))
	}
	name := uint32(f.id)
	if f.id == IDOther && named >= 0 {
		name = staticEntries + 1 + uint32(named)
	}
	// A field that fills most of the table would push out all others.
	if fieldBytes(len(f.name), len(f.value)) > e.table.max-e.table.max/4 || how == IndexRepeated && !e.index.repeated(f) {
		return appendLiteral(dst, 0, 4, name, f)
	}
	e.table.add(-1, f.name, f.value, f.id)
	e.index.note(&e.table, f)
	return appendLiteral(dst, 0x40, 6, name, f)
}

// appendLiteral appends a literal field behind pattern. index is that of the
// name, 0 where it has none.
func appendLiteral(dst []byte, pattern byte, prefixBits uint, index uint32, f *outgoing) []byte {
	dst = appendInteger(dst, pattern, prefixBits, index)
	if index == 0 {
		dst = appendString(dst, f.name)
	}
	return appendString(dst, f.value)
}

// appendLongName appends a field whose name is longer than lowerRoom. It is in
// no table.
func (e *Encoder) appendLongName(dst, name, value []byte, how Indexing) []byte {
	pattern := byte(0)
	if how == NeverIndex {
		pattern = 0x10
	}
	dst = appendInteger(append(e.begin(dst), pattern), 0, 7, uint32(len(name)))
	for _, c := range name {
		dst = append(dst, lowerByte(c))
	}
	return appendString(dst, value)
}
