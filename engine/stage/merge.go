package stage

import "github.com/isame-lb/isame-lb/pool/wire"

var anyElement = []byte("*")

// Merge makes a field that holds a list, such as Vary, name an element, in one line of all
// there are. One that has it, or an asterisk, stays as it is. The element must be fit for
// a field.
func (f *Fields) Merge(n *Name, element []byte) {
	var only *wire.Field
	lines := 0
	if f.head != nil && n.mayBeIn(f.head) {
		for i := range f.head.Fields {
			line := &f.head.Fields[i]
			if line.Drop || !n.is(f.head, line) {
				continue
			}
			if only = line; names(f.head.FieldValue(line), element) {
				return
			}
			lines++
		}
	}
	for rest := f.added; len(rest) > 0; {
		var name, value []byte
		if name, value, rest = cutLine(rest); !n.isText(name) {
			continue
		}
		if only = nil; names(value, element) {
			return
		}
		lines++
	}
	switch {
	case lines == 0:
		f.Add(n, element)
	case lines == 1 && only != nil: // as a rule
		only.Drop = true
		b := appendElement(f.begin(n), f.head.FieldValue(only))
		f.added = append(append(b, element...), '\r', '\n')
	default:
		f.mergeAll(n, element)
	}
}

// mergeAll is Merge for several lines, none of which has the element.
func (f *Fields) mergeAll(n *Name, element []byte) {
	start := len(f.added)
	b := f.begin(n) // f.added stays as it is until the line is whole
	f.Each(n, func(value []byte) bool {
		b = appendElement(b, value)
		return true
	})
	f.added = append(append(b, element...), '\r', '\n')
	f.settle(n, start, true)
}

// appendElement appends a part of a list that goes on.
func appendElement(dst, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	return append(append(dst, value...), ", "...)
}

// names reports that a list has an element, or means everything.
func names(list, element []byte) bool {
	return wire.HasElement(list, element) || wire.HasElement(list, anyElement)
}
