package hpack

// Field is one decoded field line. Name and Value are parts of the static table,
// the dynamic table, the block or the decoder's scratch: they are valid until the
// next call of a method of the [Decoder], and must not be changed.
type Field struct {
	Name, Value []byte
	// ID tells which name of the static table Name is, IDOther for none, and
	// Entry which entry of it the whole field is, EntryNone for none. Both depend
	// on the bytes alone, never on how the peer encoded them, so they replace a
	// comparison.
	ID    ID
	Entry Entry
	// Sensitive marks a field that must never be put into a table by anybody on
	// the way (RFC 7541 section 6.2.3): encode it with [NeverIndex].
	Sensitive bool
}

// Limits bounds what one header block may mean. Zero values are the defaults.
type Limits struct {
	// ListBytes bounds the sum of names, values and 32 for each field, as
	// SETTINGS_MAX_HEADER_LIST_SIZE counts it (RFC 9113 section 6.5.2). 0: 16 KiB.
	ListBytes int
	// StringBytes bounds one name or value. 0: ListBytes. It is never below the
	// size of the table, so that a longer string is known to be in no table.
	StringBytes int
}

const (
	listBytesDefault = 16 << 10
	limitBytesMax    = 1 << 27 // keeps sums and products inside an int of 32 bits
	// floodFactor times ListBytes, or its default when that is more, bounds what
	// one block may copy into the table: an entry can be copied by three bytes.
	floodFactor = 8
)

// Decoder reads the header blocks of one direction of a connection. It is not
// safe for concurrent use. A zero Decoder must be [Decoder.Reset] before use.
// Idle, it holds the dynamic table as far as the peer filled it, nothing else.
type Decoder struct {
	block []byte
	at    int
	// list is the size of the list so far, copied what went into the table.
	list, copied int
	// fault is what ended the block: ErrTooLarge until the next one, others forever.
	fault *Fault
	// fields is set once a field was seen: no size update may follow.
	fields bool
	// owed is set while the peer has to lower the size of the table.
	owed bool
	// sizeMax bounds the size updates.
	sizeMax int
	limits  Limits
	scratch *scratch
	table   table
}

// Reset prepares d for a new connection, whose table is of the initial 4096
// bytes. Memory of the table is kept; a new Decoder has none.
func (d *Decoder) Reset(l Limits) {
	d.releaseScratch()
	if l.ListBytes <= 0 {
		l.ListBytes = listBytesDefault
	}
	if l.StringBytes <= 0 {
		l.StringBytes = l.ListBytes
	}
	l.ListBytes = min(l.ListBytes, limitBytesMax)
	l.StringBytes = min(max(l.StringBytes, tableBytesDefault), limitBytesMax)
	t := d.table
	t.reset(tableBytesDefault)
	*d = Decoder{sizeMax: tableBytesDefault, limits: l, table: t}
}

// SetTableMax is called when the peer has acknowledged a
// SETTINGS_HEADER_TABLE_SIZE of ours. A peer that used more must say in its next
// block that it does not any longer (RFC 7541 section 4.2). More than 64 KiB is
// not to be announced.
func (d *Decoder) SetTableMax(bytes int) {
	d.sizeMax = min(max(bytes, 0), tableBytesMax)
	d.owed = d.sizeMax < d.table.max
	d.limits.StringBytes = max(d.limits.StringBytes, d.sizeMax)
}

// Begin starts a complete header block: HEADERS and its CONTINUATION frames,
// joined. The one before must have been read to its end, by Next or by Skip: the
// table would be out of step. d keeps block no longer than that.
func (d *Decoder) Begin(block []byte) {
	if d.at < len(d.block) && d.inStep() {
		d.fault = ErrUnread
	}
	d.block, d.at = block, 0
	d.list, d.copied = 0, 0
	d.fields = false
	if d.inStep() {
		d.fault = nil
	}
}

// inStep reports whether the table is what the peer takes it for, whatever became
// of the block.
func (d *Decoder) inStep() bool { return d.fault == nil || d.fault == ErrTooLarge }

// Next reads the next field into f. more is false at the end of the block and
// with an error, which every further call returns as well.
func (d *Decoder) Next(f *Field) (more bool, err error) {
	if d.fault == nil {
		more, fault := d.step(f)
		if more && fault == nil {
			return true, nil
		}
		d.fault = fault
		d.end()
	}
	return false, d.failure()
}

// Skip decodes what is left of the block for the sake of the table alone: after
// [ErrTooLarge], or when the rest does not matter. A field that is too large is
// no error here, and costs no more than others: nothing is copied but what goes
// into the table, of which there is a bound as well.
func (d *Decoder) Skip() error {
	if d.fault == ErrTooLarge {
		d.fault = nil
	}
	var f Field
	for more := true; more && d.fault == nil; {
		if more, d.fault = d.step(&f); d.fault == ErrTooLarge {
			more, d.fault = true, nil
		}
	}
	d.end()
	return d.failure()
}

// end lets go of what belongs to others, unless the block can still be skipped.
func (d *Decoder) end() {
	d.releaseScratch()
	if d.fault != ErrTooLarge {
		d.block, d.at = nil, 0
	}
}

// failure is the fault as an error, nil for none.
func (d *Decoder) failure() error {
	if d.fault == nil {
		return nil
	}
	return d.fault
}

// step reads one field, and the size updates before it.
func (d *Decoder) step(f *Field) (more bool, fault *Fault) {
	for d.at < len(d.block) {
		c := d.block[d.at]
		if c&0xe0 == 0x20 {
			if fault := d.sizeUpdate(); fault != nil {
				return false, fault
			}
			continue
		}
		if d.owed {
			return false, ErrTableSize
		}
		d.fields = true
		if c < 0x80 {
			return true, d.literal(f, c)
		}
		index := int(c & 0x7f)
		d.at++
		if index == 0x7f {
			if index, d.at, fault = readLongInteger(d.block, d.at-1, index); fault != nil {
				return false, fault
			}
		}
		return true, d.indexed(f, index)
	}
	return false, nil
}

// sizeUpdate reads a dynamic table size update (section 6.3).
func (d *Decoder) sizeUpdate() *Fault {
	if d.fields {
		return ErrLateSize
	}
	size, next, fault := readInteger(d.block, d.at, 5)
	if fault != nil {
		return fault
	}
	if size > d.sizeMax {
		return ErrTableSize
	}
	d.at = next
	d.owed = false
	d.table.resize(size)
	return nil
}

// indexed delivers the entry at index (section 6.1).
func (d *Decoder) indexed(f *Field, index int) *Fault {
	f.Sensitive = false
	if index > staticEntries {
		index -= staticEntries + 1
		if index >= d.table.live {
			return ErrIndex
		}
		e := d.table.get(index)
		f.Name, f.Value = d.table.strings(e)
		f.ID, f.Entry = e.id, entryOf(e.id, f.Value)
		return d.count(fieldBytes(len(f.Name), len(f.Value)))
	}
	if index == 0 {
		return ErrIndex
	}
	s := &staticTable[index]
	f.Name, f.Value, f.ID, f.Entry = s.name, s.value, s.id, Entry(index)
	return d.count(s.bytes)
}

// count adds a field to the list.
func (d *Decoder) count(bytes int) *Fault {
	d.list += bytes
	if d.list > d.limits.ListBytes {
		d.list = d.limits.ListBytes + 1 // however long the block, no overflow
		return ErrTooLarge
	}
	return nil
}
