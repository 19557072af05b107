package hpack

// literal reads a literal field (section 6.2), of which c is the first byte.
func (d *Decoder) literal(f *Field, c byte) *Fault {
	prefixBits, indexing := uint(4), false
	if c >= 0x40 {
		prefixBits, indexing = 6, true
	}
	f.Sensitive = c&0xf0 == 0x10
	d.scratch.empty()
	from, long, fault := d.name(f, prefixBits)
	if fault != nil {
		return fault
	}
	value, longValue, fault := d.text()
	if fault != nil {
		return fault
	}
	if long || longValue {
		if indexing {
			d.table.evict(0) // it is larger than the table, see Limits.StringBytes
		}
		return ErrTooLarge
	}
	f.Value, f.Entry = value, entryOf(f.ID, value)
	size := fieldBytes(len(f.Name), len(value))
	if indexing {
		if d.copied += size; d.copied > floodFactor*max(d.limits.ListBytes, listBytesDefault) {
			return ErrFlood
		}
		if d.table.add(from, f.Name, value, f.ID) {
			f.Name, f.Value = d.table.strings(d.table.get(0))
		}
	}
	return d.count(size)
}

// name reads the name of a literal field. from is the age of the entry of the
// dynamic table it is taken from, -1 for none.
func (d *Decoder) name(f *Field, prefixBits uint) (from int, long bool, fault *Fault) {
	index, next, fault := readInteger(d.block, d.at, prefixBits)
	if fault != nil {
		return -1, false, fault
	}
	d.at = next
	switch {
	case index == 0:
		f.Name, long, fault = d.text()
		f.ID = idOf(f.Name, hash(f.Name))
		return -1, long, fault
	case index <= staticEntries:
		f.Name, f.ID = staticTable[index].name, staticTable[index].id
		return -1, false, nil
	}
	from = index - staticEntries - 1
	if from >= d.table.live {
		return -1, false, ErrIndex
	}
	e := d.table.get(from)
	f.Name, _ = d.table.strings(e)
	f.ID = e.id
	return from, false, nil
}

// text reads a string (section 5.2). One above the limit is passed over: long,
// and nil.
func (d *Decoder) text() (s []byte, long bool, fault *Fault) {
	n, next, fault := readInteger(d.block, d.at, 7)
	if fault != nil {
		return nil, false, fault
	}
	if n > len(d.block)-next {
		return nil, false, ErrTruncated
	}
	coded := d.block[d.at]&0x80 != 0
	d.at = next + n
	s = d.block[next:d.at:d.at]
	if !coded {
		if n > d.limits.StringBytes {
			return nil, true, nil
		}
		return s, false, nil
	}
	if d.scratch == nil {
		d.scratch = takeScratch()
	}
	return d.scratch.decode(s, d.limits.StringBytes)
}
