package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Limits bounds a message head. The zero value and nil mean the defaults.
type Limits struct {
	// HeadBytes bounds the whole head: first line, fields, line ends. 0: 16 KiB.
	HeadBytes int
	// Fields bounds the number of field lines. 0: 128.
	Fields int
}

const (
	headBytesDefault = 16 << 10
	headBytesMax     = 1 << 30 // keeps every offset inside a uint32
	fieldsDefault    = 128
)

// bounds returns the limits with defaults filled in.
func (l *Limits) bounds() (headBytes, fields int) {
	if l == nil {
		return headBytesDefault, fieldsDefault
	}
	headBytes, fields = l.HeadBytes, l.Fields
	if headBytes <= 0 {
		headBytes = headBytesDefault
	}
	if fields <= 0 {
		fields = fieldsDefault
	}
	return min(headBytes, headBytesMax), fields
}

// Classes of bytes. A token byte has classToken; the underscore has classTwin
// as well.
const (
	classToken = 1 << iota
	classTwin
	classHost
	classHex
	classPath // needs a closer look in a path, see NormalizePath
)

// byteClass is read only after it was built.
var byteClass = buildClasses()

func buildClasses() (table [256]uint8) {
	mark := func(set string, class uint8) {
		for i := range len(set) {
			table[set[i]] |= class
		}
	}
	const alpha = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const digits = "0123456789"
	mark(alpha+digits+"!#$%&'*+-.^_`|~", classToken)
	mark("_", classTwin)
	mark(alpha+digits+"-_~", classHost)
	mark(digits+"abcdefABCDEF", classHex)
	mark(`%\`, classPath)
	for c := range 256 {
		if c < ' ' || c >= 0x7f {
			table[c] |= classPath
		}
	}
	return table
}

// One byte in each lane of a word.
const (
	lanes     = 0x0101010101010101
	laneHighs = 0x8080808080808080
	laneLows  = 0x7f7f7f7f7f7f7f7f
)

// controls marks, by the high bit of its lane, the lowest byte of w that is a
// control byte (below 0x20, or 0x7f); lanes above it may be marked wrongly.
// High bytes are not controls.
func controls(w uint64) uint64 {
	return ((w - ' '*lanes) | ((w & laneLows) + lanes)) &^ w & laneHighs
}

// zeroes marks the lowest zero byte of w as controls does.
func zeroes(w uint64) uint64 { return (w - lanes) &^ w & laneHighs }

// span makes an offset of an index; heads are bounded by headBytesMax.
func span(i int) uint32 { return uint32(i) }

// scanField reads the field line at buf[at:] into f and returns the index after
// its line end. It returns 0 when the line is not complete, not valid, or too
// near to the end of buf for word loads: scanFieldSlow then decides.
//
// Bounds are written as i <= len(buf)-8 with i >= 0 beside it: in this form the
// compiler proves the loads and makes one instruction of each (go1.26: a head of
// ten fields 405 ns before, 363 ns after).
func scanField(buf []byte, at int, f *Field) int {
	colon, e := scanName(buf, at)
	if colon <= at {
		return 0
	}
	if e != nil {
		f.ID, f.Drop = e.id, e.drop
	} else if !nameUnlisted(buf[at:colon], f) {
		return 0
	}
	start := colon + 1
	for start < len(buf) && (buf[start] == ' ' || buf[start] == '\t') {
		start++
	}
	stop := start
	for stop >= 0 && stop <= len(buf)-16 {
		m := controls(binary.LittleEndian.Uint64(buf[stop:]))
		if m == 0 {
			stop += 8
			if m = controls(binary.LittleEndian.Uint64(buf[stop:])); m == 0 {
				stop += 8
				continue
			}
		}
		stop += bits.TrailingZeros64(m) >> 3
		if stop >= len(buf) || buf[stop] != '\t' {
			break
		}
		stop++
	}
	for stop < len(buf) && (buf[stop] >= ' ' && buf[stop] != 0x7f || buf[stop] == '\t') {
		stop++
	}
	if stop+1 >= len(buf) || buf[stop] != '\r' || buf[stop+1] != '\n' {
		return 0
	}
	f.setSpans(at, colon, start, trimEnd(buf, start, stop))
	return stop + len(crlf)
}

// scanName finds the colon after the name at buf[at:] and the table's entry for
// the name. The colon is -1 when there is none or too few bytes follow; a nil
// entry is a name yet to be checked.
func scanName(buf []byte, at int) (colon int, e *fieldName) {
	if at < 0 || at > len(buf)-8 {
		return -1, nil
	}
	word := binary.LittleEndian.Uint64(buf[at:])
	first, mid, last := foldCase(word), uint64(0), uint64(0)
	m := zeroes(word ^ ':'*lanes)
	if m != 0 {
		// Below the lowest mark stand the bytes of the name, and seven bits.
		colon = at + bits.TrailingZeros64(m)>>3
		first &= (m - 1) &^ m >> 7
		last = first
	} else {
		colon = at + 8
		for colon >= 0 && colon <= len(buf)-8 {
			word = binary.LittleEndian.Uint64(buf[colon:])
			if m = zeroes(word ^ ':'*lanes); m != 0 {
				break
			}
			colon += 8
		}
		if m == 0 {
			return -1, nil
		}
		colon += bits.TrailingZeros64(m) >> 3
		if back := colon - 8; back >= 0 && back <= len(buf)-8 {
			last = foldCase(binary.LittleEndian.Uint64(buf[back:]))
		}
		if colon-at > 16 {
			mid = foldCase(binary.LittleEndian.Uint64(buf[at+8:]))
		}
	}
	e = &knownNames[nameSlot(first, last)]
	if (e.first^first)|(e.last^last)|(e.mid^mid)|(uint64(e.bytes)^uint64(colon-at)) != 0 {
		return colon, nil
	}
	return colon, e
}

func (f *Field) setSpans(nameOff, nameEnd, valueOff, valueEnd int) {
	f.NameOff, f.NameEnd = span(nameOff), span(nameEnd)
	f.ValueOff, f.ValueEnd = span(valueOff), span(valueEnd)
}

// trimEnd moves stop back over the white space that ends buf[start:stop].
func trimEnd(buf []byte, start, stop int) int {
	for stop > start && (buf[stop-1] == ' ' || buf[stop-1] == '\t') {
		stop--
	}
	return stop
}

// nameUnlisted checks a name that is not in the table and finds out whether it
// is the twin of one that is, or of the X-Forwarded family.
func nameUnlisted(name []byte, f *Field) bool {
	if len(name) == 0 {
		return false
	}
	all, some := uint8(classToken), uint8(0)
	for _, c := range name {
		all &= byteClass[c]
		some |= byteClass[c]
	}
	if all&classToken == 0 {
		return false
	}
	f.ID, f.Drop = FieldOther, false
	if some&classTwin != 0 {
		f.ID, f.Drop = nameTwin(name)
	} else if hasForwardedPrefix(name) {
		f.ID = FieldXForwardedOther
	}
	return true
}

const forwardedPrefix = "x-forwarded-"

func hasForwardedPrefix(name []byte) bool {
	return len(name) > len(forwardedPrefix) && EqualFold(name[:len(forwardedPrefix)], forwardedPrefix)
}

// nameTwin identifies a name with underscores by reading them as hyphens.
func nameTwin(name []byte) (id FieldID, drop bool) {
	var room [nameBytesMax + 8]byte
	n := copy(room[:nameBytesMax], name)
	for i, c := range room[:n] {
		if c == '_' {
			room[i] = '-'
		}
	}
	if hasForwardedPrefix(room[:n]) {
		return FieldUnderscoreTwin, false
	}
	e := lookup(room[:], 0, len(name))
	if e == nil || e.id == FieldOther {
		return FieldOther, false
	}
	return FieldUnderscoreTwin, twinDropSet.Has(e.id)
}

// scanFieldSlow is the same as scanField by the plain rules of RFC 9112 section
// 5, one byte at a time, and says what is wrong with the line. It returns 0 and
// nil when the line has no end yet.
func scanFieldSlow(buf []byte, at int, f *Field) (int, *Refusal) {
	size := bytes.IndexByte(buf[at:], '\n') + 1
	if size == 0 {
		return 0, nil
	}
	line, r := cutLine(buf[at : at+size])
	if r != nil {
		return 0, r
	}
	if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		return 0, ErrFoldedField
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return 0, ErrBadFieldName
	}
	// The room after the name lets lookup load whole words.
	var room [nameBytesMax + 8]byte
	copy(room[:], line[:colon])
	if e := lookup(room[:], 0, colon); e != nil {
		f.ID, f.Drop = e.id, e.drop
	} else if !nameUnlisted(line[:colon], f) {
		return 0, ErrBadFieldName
	}
	start := colon + 1
	for start < len(line) && (line[start] == ' ' || line[start] == '\t') {
		start++
	}
	for _, c := range line[start:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return 0, ErrBadFieldValue
		}
	}
	f.setSpans(at, at+colon, at+start, at+trimEnd(line, start, len(line)))
	return at + size, nil
}

// cutLine removes CRLF from a line that ends with LF. A bare LF and a CR
// anywhere else are refused (RFC 9112 section 2.2 lets a recipient choose).
func cutLine(line []byte) ([]byte, *Refusal) {
	n := len(line) - 2
	if n < 0 || line[n] != '\r' || bytes.IndexByte(line[:n], '\r') >= 0 {
		return nil, ErrBadLineEnd
	}
	return line[:n], nil
}
