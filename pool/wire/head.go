package wire

import (
	"bytes"
	"math/bits"
)

// Head is what a request head, a response head and a trailer section have in
// common: bytes and the field lines in them. It is not safe for concurrent use.
type Head struct {
	// Raw is the head from its first line to the CRLF of the empty line. It is
	// the caller's memory: valid as long as the buffer given to Parse is.
	Raw []byte
	// Fields are the field lines in the order they came. The slice is reused by
	// the next Parse; its capacity grows to the largest head seen.
	Fields []Field

	present FieldSet
	notable uint64 // bit i: Fields[i], i < 64, is in factSet or rareSet
	lead    int    // bytes of an empty line before the head
	line    int    // where the first line that is not yet read begins; 0: none is
	scanned int    // no LF stands in [line:scanned]
}

// Has reports whether a field with this identity is present.
func (h *Head) Has(id FieldID) bool { return h.present.Has(id) }

// Name is the name of f as it was sent.
func (h *Head) Name(f *Field) []byte { return h.Raw[f.NameOff:f.NameEnd] }

// FieldValue is the value of f without white space around it.
func (h *Head) FieldValue(f *Field) []byte { return h.Raw[f.ValueOff:f.ValueEnd] }

// Value is the value of the first field line with this identity, nil when there
// is none.
func (h *Head) Value(id FieldID) []byte {
	if !h.present.Has(id) {
		return nil
	}
	for i := range h.Fields {
		if h.Fields[i].ID == id {
			return h.FieldValue(&h.Fields[i])
		}
	}
	return nil
}

// Lookup is the value of the first field line whose name equals name, which is lower
// case, without regard to the case of the line; nil when there is none. It costs a comparison a line: use
// [Head.Value] for the names that have an identity.
func (h *Head) Lookup(name string) []byte {
	for i := range h.Fields {
		f := &h.Fields[i]
		if int(f.NameEnd-f.NameOff) == len(name) && EqualFold(h.Name(f), name) {
			return h.FieldValue(f)
		}
	}
	return nil
}

// AppendFields appends every field line that is not marked Drop, as it was
// sent, and no empty line. Neighbouring lines are copied in one piece.
func (h *Head) AppendFields(dst []byte) []byte {
	for i := 0; i < len(h.Fields); i++ {
		if h.Fields[i].Drop {
			continue
		}
		start := h.Fields[i].NameOff
		for i+1 < len(h.Fields) && !h.Fields[i+1].Drop {
			i++
		}
		stop := len(h.Raw) - len(crlf)
		if i+1 < len(h.Fields) {
			stop = int(h.Fields[i+1].NameOff)
		}
		dst = append(dst, h.Raw[start:stop]...)
	}
	return dst
}

// nextNotable is the index of the first field from i on that the rules about
// framing and connection look at, len(Fields) when none is left. A head of up to
// 64 fields, the usual one, is not walked through for it.
func (h *Head) nextNotable(i int) int {
	if len(h.Fields) <= 64 {
		m := h.notable >> (uint(i) & 63)
		if m == 0 || i >= 64 {
			return len(h.Fields)
		}
		return i + bits.TrailingZeros64(m)
	}
	for i < len(h.Fields) && !(factSet | rareSet).Has(h.Fields[i].ID) {
		i++
	}
	return i
}

// begin forgets the message before, but not the capacity of Fields.
func (h *Head) begin() { *h = Head{Fields: h.Fields[:0]} }

// lineEnd is the index after the LF of the line at h.line, 0 when buf does not
// hold it yet. Bytes are looked at once, however often this is called.
func (h *Head) lineEnd(buf []byte) int {
	from := max(h.line, h.scanned)
	i := bytes.IndexByte(buf[from:], '\n')
	if i < 0 {
		h.scanned = len(buf)
		return 0
	}
	return from + i + 1
}

// parseFields reads field lines from h.line to the empty line and returns the
// index after it; 0 and nil when more bytes are needed.
func (h *Head) parseFields(buf []byte, fieldsMax int) (int, *Refusal) {
	if h.scanned > h.line && h.lineEnd(buf) == 0 {
		return 0, nil
	}
	at, fields, present, notable := h.line, h.Fields, h.present, h.notable
	end, r := 0, (*Refusal)(nil)
	for at < len(buf) {
		if buf[at] == '\r' && at+1 < len(buf) && buf[at+1] == '\n' {
			end = at + len(crlf)
			break
		}
		n := len(fields)
		if n == cap(fields) {
			fields = append(fields, Field{})
		} else {
			fields = fields[:n+1]
		}
		next := scanField(buf, at, &fields[n])
		if next == 0 {
			next, r = scanFieldSlow(buf, at, &fields[n])
		}
		if next != 0 && n >= fieldsMax {
			next, r = 0, ErrTooManyFields
		}
		if next == 0 {
			fields = fields[:n]
			break
		}
		bit := FieldSet(1) << (fields[n].ID & 63)
		if present |= bit; bit&(factSet|rareSet) != 0 {
			notable |= 1 << (uint(n) & 63)
		}
		at = next
	}
	h.line, h.Fields, h.present, h.notable = at, fields, present, notable
	if end == 0 {
		h.scanned = len(buf)
	}
	return end, r
}
