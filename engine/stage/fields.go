package stage

import (
	"bytes"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Fields are the field lines of a message as stages change them: lines of its head, some
// of which are taken out, and lines of our own behind them. The zero value has none.
type Fields struct {
	head  *wire.Head // nil until there is one
	added []byte     // whole lines
	early int        // so many bytes of them were there before there was a head
	owned wire.FieldSet
	marks uint64 // of the names that added has or had: one without its mark here is not looked for
}

// Begin forgets what was changed, and begins with the lines of h; nil is none.
func (f *Fields) Begin(h *wire.Head) {
	f.head, f.added, f.early, f.owned, f.marks = h, f.added[:0], 0, 0, 0
}

// Meet says which head the lines belong to that were added before there was one: they
// stand in place of lines of it that have the same name. Set-Cookie alone stands beside
// them: each of its lines is of its own.
func (f *Fields) Meet(h *wire.Head) {
	f.head, f.early = h, len(f.added)
	for rest := f.added; len(rest) > 0; {
		var name []byte
		name, _, rest = cutLine(rest)
		if bytes.EqualFold(name, setCookie) {
			continue
		}
		for i := range h.Fields {
			if line := &h.Fields[i]; sameName(h.Name(line), name) {
				line.Drop = true
			}
		}
	}
}

// Forget takes back what was added since there was a head: another one comes in its place.
// What was taken out meanwhile stays out; who did it does it again.
func (f *Fields) Forget() { f.added = f.added[:f.early] }

var setCookie = []byte("set-cookie")

// Added are the lines to be written behind those of the head that are left.
func (f *Fields) Added() []byte { return f.added }

// Head is the head that the lines belong to, nil before there is one.
func (f *Fields) Head() *wire.Head { return f.head }

// Join puts lines, which are whole and fit to be sent, beside the fields.
func (f *Fields) Join(lines []byte) { f.added, f.marks = append(f.added, lines...), everyMark }

// Replace puts lines, which are whole and fit to be sent, in place of all fields but
// those of the proxy: length, Date, and what is hop by hop.
func (f *Fields) Replace(lines []byte) {
	if f.head != nil {
		for i := range f.head.Fields {
			line := &f.head.Fields[i]
			line.Drop = line.Drop || line.ID != wire.FieldContentLength && line.ID != wire.FieldDate
		}
	}
	f.added, f.marks = append(f.added[:0], lines...), everyMark
	for rest := lines; len(rest) > 0; {
		var name []byte
		name, _, rest = cutLine(rest)
		switch id := wire.IDOfBytes(name); id { //nolint:exhaustive // those that the proxy would add
		case wire.FieldXRequestID, wire.FieldXForwardedProto, wire.FieldXForwardedHost, wire.FieldXForwardedFor:
			f.owned |= 1 << (id & 63)
		}
	}
}

// Owns reports that a stage has set or removed fields of this identity: nobody else adds
// one.
func (f *Fields) Owns(id wire.FieldID) bool { return f.owned.Has(id) }

// Get is the value of the first field of that name, nil when there is none.
func (f *Fields) Get(n *Name) []byte {
	if f.head != nil && n.mayBeIn(f.head) {
		for i := range f.head.Fields {
			if line := &f.head.Fields[i]; !line.Drop && n.is(f.head, line) {
				return f.head.FieldValue(line)
			}
		}
	}
	if !f.mayHave(n) {
		return nil
	}
	for rest := f.added; len(rest) > 0; {
		var name, value []byte
		if name, value, rest = cutLine(rest); n.isText(name) {
			return value
		}
	}
	return nil
}

// mayHave is false where no line of that name was added.
func (f *Fields) mayHave(n *Name) bool { return f.marks&n.mark != 0 }

// Carry makes lines of the head lines of our own, but for those that leave names: they
// stand in whatever head comes next.
func (f *Fields) Carry(leave func(name []byte) bool) {
	if f.head == nil {
		return
	}
	f.marks = everyMark
	for i := range f.head.Fields {
		line := &f.head.Fields[i]
		if name := f.head.Name(line); !line.Drop && !leave(name) {
			f.added = append(append(append(f.added, name...), ": "...), f.head.FieldValue(line)...)
			f.added = append(f.added, '\r', '\n')
		}
		line.Drop = true
	}
}

// Each calls see with each value of that name, in order, until it returns false.
func (f *Fields) Each(n *Name, see func(value []byte) bool) {
	if f.head != nil {
		for i := range f.head.Fields {
			if line := &f.head.Fields[i]; !line.Drop && n.is(f.head, line) && !see(f.head.FieldValue(line)) {
				return
			}
		}
	}
	for rest := f.added; len(rest) > 0; {
		var name, value []byte
		if name, value, rest = cutLine(rest); n.isText(name) && !see(value) {
			return
		}
	}
}

// next is the name and the value of the line at, which is 0 or the next of an earlier call;
// next is below 0 where there is none.
func (f *Fields) next(at int) (name, value []byte, next int) {
	lines := 0
	if f.head != nil {
		lines = len(f.head.Fields)
	}
	for ; at < lines; at++ {
		if line := &f.head.Fields[at]; !line.Drop {
			return f.head.Name(line), f.head.FieldValue(line), at + 1
		}
	}
	rest := f.added[at-lines:]
	if len(rest) == 0 {
		return nil, nil, -1
	}
	name, value, behind := cutLine(rest)
	return name, value, at + len(rest) - len(behind)
}

// Lines calls see with the name and the value of each field, in order, until it returns
// false.
func (f *Fields) Lines(see func(name, value []byte) bool) {
	if f.head != nil {
		for i := range f.head.Fields {
			if line := &f.head.Fields[i]; !line.Drop && !see(f.head.Name(line), f.head.FieldValue(line)) {
				return
			}
		}
	}
	for rest := f.added; len(rest) > 0; {
		var name, value []byte
		if name, value, rest = cutLine(rest); !see(name, value) {
			return
		}
	}
}

// Remove takes out all fields of that name.
func (f *Fields) Remove(n *Name) {
	f.owned |= 1 << (n.id & 63)
	f.dropHead(n)
	if f.mayHave(n) {
		f.cut(n, len(f.added))
	}
}

// RemoveAll takes out all fields of these names, none of which has an identity that the
// proxy writes itself.
func (f *Fields) RemoveAll(names *Names) {
	if f.head != nil {
		for i := range f.head.Fields {
			if line := &f.head.Fields[i]; !line.Drop && names.are(f.head, line) {
				line.Drop = true
			}
		}
	}
	for at := 0; at < len(f.added); {
		name, _, rest := cutLine(f.added[at:])
		size := len(f.added) - at - len(rest)
		if names.has(name) {
			f.cutAt(at, size)
		} else {
			at += size
		}
	}
}

// cutAt takes a line out of what was added.
func (f *Fields) cutAt(at, size int) {
	f.added = append(f.added[:at], f.added[at+size:]...)
	if at < f.early {
		f.early -= size
	}
}

func (f *Fields) dropHead(n *Name) {
	if f.head == nil || !n.mayBeIn(f.head) {
		return
	}
	for i := range f.head.Fields {
		if line := &f.head.Fields[i]; n.is(f.head, line) {
			line.Drop = true
		}
	}
}

// cut takes out the lines of that name among the first stop bytes of what was added.
func (f *Fields) cut(n *Name, stop int) {
	for at := 0; at < stop; {
		name, _, rest := cutLine(f.added[at:])
		size := len(f.added) - at - len(rest)
		if !n.isText(name) {
			at += size
			continue
		}
		f.cutAt(at, size)
		stop -= size
	}
}

// Add appends a field. Bytes of the value that no field may have become spaces.
func (f *Fields) Add(n *Name, value []byte) {
	f.added = append(append(f.begin(n), value...), '\r', '\n')
	f.close(len(f.added) - len(value) - len("\r\n"))
}

// Set is Add in place of all fields of that name.
func (f *Fields) Set(n *Name, value []byte) {
	start, again := len(f.added), f.mayHave(n)
	f.Add(n, value)
	f.settle(n, start, again)
}

// AddText appends a field whose value is made of what c knows; one that is empty is none.
func (f *Fields) AddText(n *Name, value *Text, c *Call) { f.addText(n, value, c) }

// SetText is AddText in place of all fields of that name. The value may be made of them.
func (f *Fields) SetText(n *Name, value *Text, c *Call) {
	start, again := len(f.added), f.mayHave(n)
	f.addText(n, value, c)
	f.settle(n, start, again)
}

// settle makes the line that begins at start the only one of its name; again: another one
// may have been added before.
func (f *Fields) settle(n *Name, start int, again bool) {
	f.owned |= 1 << (n.id & 63)
	f.dropHead(n)
	if again {
		f.cut(n, start)
	}
}

func (f *Fields) addText(n *Name, value *Text, c *Call) {
	b := f.begin(n) // f.added stays as it is until the line is whole: value may look there
	at := len(b)
	if b = value.Append(b, c); len(b) > at {
		b = append(b, '\r', '\n')
		f.added = b
		f.close(at)
	}
}

func (f *Fields) begin(n *Name) []byte {
	f.marks |= n.mark
	return append(append(f.added, n.text...), ": "...)
}

// close makes a value that begins at at, with the end of its line behind it, one that
// stands in a line: whatever a variable brings, no field begins or ends by it (RFC 9110
// section 5.5).
func (f *Fields) close(at int) {
	value := f.added[at : len(f.added)-len("\r\n")]
	for i, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			value[i] = ' '
		}
	}
}

// cutLine cuts the first line off lines of our own.
func cutLine(lines []byte) (name, value, rest []byte) {
	colon := bytes.IndexByte(lines, ':')
	stop := colon + bytes.IndexByte(lines[colon:], '\n')
	return lines[:colon], lines[colon+len(": ") : stop-1], lines[stop+1:]
}

// sameName compares two names without regard to case.
func sameName(a, b []byte) bool { return len(a) == len(b) && bytes.EqualFold(a, b) }
