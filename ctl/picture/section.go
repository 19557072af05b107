package picture

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// numbersMax is how many counters a cell may have.
const numbersMax = 5

type numbers [numbersMax]int64

// cell is one object of a section: what seldom changes of it, as an object, and what is counted.
type cell struct {
	// group is the pool of a backend; empty in sections of one level.
	group, name string
	seldom      json.RawMessage // nil is an empty object
	numbers     numbers
}

// section is one member of the picture with objects by name, or by group and name. Cells of a
// group are beside each other.
type section struct {
	key    string
	names  []string // of the numbers
	nested bool
	cells  []cell
}

// appendAll appends the section as a member; nothing where it has no cell.
func (s *section) appendAll(out []byte) []byte {
	p := s.patch(out)
	for i := range s.cells {
		p.whole(&s.cells[i])
	}
	return p.end()
}

// place names a cell.
type place struct{ group, name string }

// replace takes new cells, and appends the difference as a member, where there is one.
func (s *section) replace(out []byte, next []cell) []byte {
	p := s.patch(out)
	before := s.cells
	s.cells = next
	if !samePlaces(before, next) {
		return s.replaceOthers(&p, before)
	}
	for i := range next {
		p.change(&before[i], &next[i])
	}
	return p.end()
}

func samePlaces(a, b []cell) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].name != b[i].name || a[i].group != b[i].group {
			return false
		}
	}
	return true
}

// replaceOthers is replace where cells have come, gone or moved.
func (s *section) replaceOthers(p *patch, before []cell) []byte {
	old := make(map[place]*cell, len(before))
	for i := range before {
		old[place{before[i].group, before[i].name}] = &before[i]
	}
	gone := map[string][]string{} // by group
	for i := range s.cells {
		delete(old, place{s.cells[i].group, s.cells[i].name})
	}
	for i := range before {
		if at := (place{before[i].group, before[i].name}); old[at] != nil {
			gone[at.group] = append(gone[at.group], at.name)
		}
	}
	for i := range before { // again those that stay
		old[place{before[i].group, before[i].name}] = &before[i]
	}
	for i := range s.cells {
		c := &s.cells[i]
		if was := old[place{c.group, c.name}]; was != nil {
			p.change(was, c)
		} else {
			p.whole(c)
		}
		if i+1 == len(s.cells) || s.cells[i+1].group != c.group {
			p.gone(c.group, gone[c.group])
			delete(gone, c.group)
		}
	}
	for i := range before { // groups of which nothing is left, in their order
		p.gone(before[i].group, gone[before[i].group])
		delete(gone, before[i].group)
	}
	return p.end()
}

// patch writes a section as a merge patch, or whole. Its cells come in the order of their groups.
type patch struct {
	section *section
	out     []byte
	any     bool // the section was begun
	inGroup bool
	group   string
	first   bool // nothing stands before in the object that is open
}

func (s *section) patch(out []byte) patch { return patch{section: s, out: out} }

// begin opens what is needed for a member of a name.
func (p *patch) begin(group, name string) {
	if !p.any {
		p.out = append(append(append(p.out, `,"`...), p.section.key...), `":{`...)
		p.any, p.first = true, true
	}
	if p.section.nested && (!p.inGroup || p.group != group) {
		if p.inGroup {
			p.out = append(p.out, '}', ',')
		}
		p.out = append(appendText(p.out, group), ':', '{')
		p.inGroup, p.group, p.first = true, group, true
	}
	if !p.first {
		p.out = append(p.out, ',')
	}
	p.first = false
	p.out = append(appendText(p.out, name), ':')
}

// end closes what is open, and returns all.
func (p *patch) end() []byte {
	if p.inGroup {
		p.out = append(p.out, '}')
	}
	if p.any {
		p.out = append(p.out, '}')
	}
	return p.out
}

// whole writes all of a cell.
func (p *patch) whole(c *cell) {
	p.begin(c.group, c.name)
	p.out = append(p.out, '{')
	if len(c.seldom) > 2 {
		p.out = append(append(p.out, c.seldom[1:len(c.seldom)-1]...), ',')
	}
	for i := range p.section.names {
		p.number(i, c.numbers[i])
	}
	p.out[len(p.out)-1] = '}' // in place of the comma
}

// number writes a counter with a comma behind it.
func (p *patch) number(i int, n int64) {
	p.out = append(append(append(p.out, '"'), p.section.names[i]...), '"', ':')
	p.out = append(strconv.AppendInt(p.out, n, 10), ',')
}

// change writes what is different of a cell, if anything is.
func (p *patch) change(was, is *cell) {
	isSame := bytes.Equal(was.seldom, is.seldom)
	if isSame && was.numbers == is.numbers {
		return
	}
	p.begin(is.group, is.name)
	p.out = append(p.out, '{')
	if !isSame {
		if d := difference(orEmpty(was.seldom), orEmpty(is.seldom)); len(d) > 2 {
			p.out = append(append(p.out, d[1:len(d)-1]...), ',')
		}
	}
	p.numbers(&was.numbers, &is.numbers)
}

// orEmpty is an object without members where there is none.
func orEmpty(text json.RawMessage) json.RawMessage {
	if text == nil {
		return json.RawMessage("{}")
	}
	return text
}

// numbers writes those that are different, and ends the object.
func (p *patch) numbers(was, is *numbers) {
	for i := range p.section.names {
		if was[i] != is[i] {
			p.number(i, is[i])
		}
	}
	if last := len(p.out) - 1; p.out[last] == ',' {
		p.out[last] = '}'
	} else {
		p.out = append(p.out, '}')
	}
}

// count notes numbers of a cell, and writes the different ones.
func (p *patch) count(c *cell, n *numbers) {
	if c.numbers == *n {
		return
	}
	p.begin(c.group, c.name)
	p.out = append(p.out, '{')
	p.numbers(&c.numbers, n)
	c.numbers = *n
}

// gone writes that cells of a group are not there any more.
func (p *patch) gone(group string, names []string) {
	for _, name := range names {
		p.begin(group, name)
		p.out = append(p.out, "null"...)
	}
}

// appendText appends a JSON string. Names are plain, as a rule.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return append(out, encode(text)...)
		}
	}
	return append(append(append(out, '"'), text...), '"')
}
