package stage

import (
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Name is the name of a field, compiled once. It may end in a star where fields are
// removed: then it stands for all that begin so.
type Name struct { //nolint:recvcheck // Spelled makes another one
	text  string // as it is written
	lower string // without the star
	id    wire.FieldID
	alone bool   // id is of this name alone
	many  bool   // it ended in a star
	loose bool   // a hyphen may be an underscore
	mark  uint64 // see Fields.marks
}

// NewName compiles the name of a field.
func NewName(text string) Name {
	n := Name{text: text}
	n.lower, n.many = strings.CutSuffix(strings.ToLower(text), "*")
	if n.mark = markOf(n.lower); n.many {
		n.mark = everyMark
		return n
	}
	n.id = wire.IDOf(n.lower)
	switch n.id {
	case wire.FieldOther, wire.FieldUnderscoreTwin, wire.FieldXForwardedOther, wire.FieldClientCert, wire.FieldConditional:
	default:
		n.alone = true
	}
	return n
}

// everyMark are the marks of all names.
const everyMark = ^uint64(0)

// markOf is one bit, the same for each spelling of a name and another one for most others.
func markOf(lower string) uint64 {
	if lower == "" {
		return everyMark
	}
	return 1 << ((len(lower) + 5*int(lower[0]) + 11*int(lower[len(lower)-1])) & 63)
}

// Spelled is the name with underscores for any of its hyphens, too: programs that see fields
// as variables, as those of CGI and WSGI do, take all of them for the same field.
func (n Name) Spelled() Name {
	n.loose = strings.Contains(n.lower, "-")
	if strings.Trim(n.lower, "-") != n.lower { // the mark is made of both ends
		n.mark = everyMark
	}
	return n
}

// String is the name as it was given.
func (n *Name) String() string { return n.text }

// ID is its identity, wire.FieldOther for what has none.
func (n *Name) ID() wire.FieldID { return n.id }

// Matches reports that a field of this name is meant.
func (n *Name) Matches(name []byte) bool { return n.isText(name) }

// mayBeIn is false where a head has no field of the name.
func (n *Name) mayBeIn(h *wire.Head) bool {
	return n.id == wire.FieldOther || h.Has(n.id) || n.loose && h.Has(wire.FieldUnderscoreTwin)
}

// framing are the fields without which a message ends elsewhere, or is nobody's: what
// stands for many names does not stand for them.
const framing wire.FieldSet = 1<<wire.FieldContentLength | 1<<wire.FieldTransferEncoding | 1<<wire.FieldHost

// is reports that a field of a head has the name.
func (n *Name) is(h *wire.Head, f *wire.Field) bool {
	if n.alone && (!n.loose || f.ID != wire.FieldUnderscoreTwin) {
		return f.ID == n.id
	}
	return n.isText(h.Name(f)) && (!n.many || !framing.Has(f.ID))
}

// isText is the same for a name alone.
func (n *Name) isText(name []byte) bool {
	if n.many && len(name) > len(n.lower) {
		name = name[:len(n.lower)]
	}
	if n.loose {
		return len(name) == len(n.lower) && isSpelling(name, n.lower)
	}
	return len(name) == len(n.lower) && wire.EqualFold(name, n.lower)
}

// isSpelling compares a name with one of the same length in lower case, whose hyphens may be
// underscores in it.
func isSpelling(name []byte, of string) bool {
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != of[i] && (c != '_' || of[i] != '-') {
			return false
		}
	}
	return true
}

// In is the value of the first field of that name in a head as it came, nil when there is
// none.
func (n *Name) In(h *wire.Head) []byte {
	if !n.mayBeIn(h) {
		return nil
	}
	for i := range h.Fields {
		if f := &h.Fields[i]; n.is(h, f) {
			return h.FieldValue(f)
		}
	}
	return nil
}

// Names are some of them, compiled, to be looked for together.
type Names struct {
	all     []Name
	lengths uint64 // a bit for each length that one has, modulo 64
	known   bool   // one has an identity
}

// NewNames compiles names, none of which ends in a star.
func NewNames(texts ...string) (s Names) {
	for _, text := range texts {
		s.all = append(s.all, NewName(text))
		s.lengths |= 1 << (len(text) & 63)
		s.known = s.known || s.all[len(s.all)-1].id != wire.FieldOther
	}
	return s
}

// are reports that a field of a head has one of them.
func (s *Names) are(h *wire.Head, f *wire.Field) bool {
	return (s.known || f.ID == wire.FieldOther) && s.has(h.Name(f))
}

// has reports that one of them is meant.
func (s *Names) has(name []byte) bool {
	if s.lengths>>(len(name)&63)&1 == 0 {
		return false
	}
	for i := range s.all {
		if s.all[i].isText(name) {
			return true
		}
	}
	return false
}
