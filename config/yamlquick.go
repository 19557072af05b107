package config

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Most of a large configuration is a small part of YAML: keys and values a line each,
// lists, and collections in brackets, in ASCII. quickYAML reads that part, and gives up
// whatever it is not sure of to the library, be it right or wrong: anchors, tags, block
// scalars, values of several lines, rare escapes. What it
// reads is node for node, and place for place, what the library makes of it; a fuzz test
// holds one against the other. It takes a fraction of the time, of which the library
// needs more than all other steps of a load together.

// quick is the state of one reading.
type quick struct {
	*source

	pos    int // offset of the next byte
	line   int // its line, from 1
	begin  int // offset of that line's first byte
	indent int // of the line, at its first byte that counts; -1 at the end
	count  int // nodes so far

	room  []node            // for further nodes
	known map[string]string // keys, so that each is kept once
}

// quickDepthMax bounds the nesting that is read here, and quickKeyMax the length of keys.
const (
	quickDepthMax = 16
	quickKeyMax   = 512
)

// quickYAML returns the tree of a text, nil where it leaves that to the library.
func quickYAML(s *source) *node {
	for _, c := range s.data {
		if (c < ' ' || c > '~') && c != '\n' {
			return nil
		}
	}
	q := &quick{source: s, line: 1, known: map[string]string{}}
	if !q.next() || q.indent < 0 {
		return nil
	}
	var n *node
	if c := q.data[q.pos]; c == '{' || c == '[' {
		if n = q.flow(0); n != nil && !q.endLine() {
			return nil
		}
	} else {
		n = q.block(0)
	}
	if n == nil || q.indent >= 0 || s.nodes+q.count > s.nodesMax {
		return nil
	}
	s.nodes += q.count
	return n
}

// node is another one, which begins at the next byte.
func (q *quick) node(k kind) *node {
	if len(q.room) == 0 {
		q.room = make([]node, 64)
	}
	n := &q.room[0]
	q.room = q.room[1:]
	q.count++
	n.kind, n.from = k, q.here()
	return n
}

func (q *quick) here() Origin { return q.at(q.line, q.pos-q.begin+1) }

// is reports that the next byte is c; at the end there is none.
func (q *quick) is(c byte) bool { return q.pos < len(q.data) && q.data[q.pos] == c }

// isBlankAt reports a space, the end of a line, or that of the text.
func (q *quick) isBlankAt(at int) bool {
	return at >= len(q.data) || q.data[at] == ' ' || q.data[at] == '\n'
}

func (q *quick) skipSpaces() {
	for q.is(' ') {
		q.pos++
	}
}

// skipComment skips the rest of the line, if that is a comment: '#' has a space in front,
// or begins the line.
func (q *quick) skipComment() {
	if !q.is('#') || q.pos > q.begin && q.data[q.pos-1] != ' ' {
		return
	}
	if end := bytes.IndexByte(q.data[q.pos:], '\n'); end >= 0 {
		q.pos += end
	} else {
		q.pos = len(q.data)
	}
}

// newLine goes on to the next line, if this one is at its end; false for what begins a
// document, or a directive.
func (q *quick) newLine() bool {
	q.pos++
	q.line, q.begin = q.line+1, q.pos
	return q.isPlainLine()
}

func (q *quick) isPlainLine() bool {
	rest := q.data[q.pos:]
	return !q.is('%') && !bytes.HasPrefix(rest, []byte("---")) && !bytes.HasPrefix(rest, []byte("..."))
}

// next goes to the first byte that counts from the beginning of a line on.
func (q *quick) next() bool {
	if q.pos == 0 && !q.isPlainLine() {
		return false
	}
	for {
		q.skipSpaces()
		q.indent = q.pos - q.begin
		q.skipComment()
		switch {
		case q.pos == len(q.data):
			q.indent = -1
			return true
		case !q.is('\n'):
			return true
		case !q.newLine():
			return false
		}
	}
}

// endLine ends a value: nothing but a comment may stand behind it. It goes to the next
// byte that counts.
func (q *quick) endLine() bool {
	q.skipSpaces()
	q.skipComment()
	if q.pos == len(q.data) {
		q.indent = -1
		return true
	}
	return q.is('\n') && q.newLine() && q.next()
}

// isItem reports the beginning of an item of a list.
func (q *quick) isItem() bool { return q.is('-') && q.isBlankAt(q.pos+1) }

// block reads a section or a list whose parts have a line each.
func (q *quick) block(depth int) *node {
	switch {
	case depth > quickDepthMax:
		return nil
	case q.isItem():
		return q.list(q.indent, depth)
	}
	return q.section(q.indent, depth)
}

// section reads keys, each indented so far; the first one is the next.
func (q *quick) section(indent, depth int) *node {
	n := q.node(kindMap)
	names := placesOf(n, 0)
	for {
		at := q.here()
		name, ok := q.key()
		if !ok || names.of(name) != nil {
			return nil
		}
		value := q.value(indent, depth+1)
		if value == nil || q.indent > indent {
			return nil
		}
		value.key = at
		names.add(entry{name, value})
		if q.indent < indent {
			return n
		}
		if q.isItem() {
			return nil
		}
	}
}

// value reads what stands behind the colon of a key that is indented so far.
func (q *quick) value(indent, depth int) *node {
	behind := q.here()
	q.skipSpaces()
	if q.pos < len(q.data) && !q.is('\n') && !q.is('#') {
		return q.inLine(depth)
	}
	switch {
	case !q.endLine():
		return nil
	case q.indent > indent:
		return q.block(depth)
	case q.indent == indent && q.isItem():
		return q.list(indent, depth)
	}
	n := q.node(kindNull)
	n.from = behind
	return n
}

// inLine reads a value that begins in this line, and goes to the next line that counts.
func (q *quick) inLine(depth int) *node {
	var n *node
	switch c := q.data[q.pos]; c {
	case '{', '[':
		n = q.flow(depth)
	case '"', '\'':
		n = q.quotedNode()
	default:
		return q.plainLine()
	}
	if n == nil || !q.endLine() {
		return nil
	}
	return n
}

// list reads items, each indented so far; the first one is the next.
func (q *quick) list(indent, depth int) *node {
	n := q.node(kindList)
	for depth <= quickDepthMax {
		q.pos++ // the dash
		q.skipSpaces()
		if q.pos == len(q.data) || q.is('\n') || q.is('#') || q.isItem() {
			return nil
		}
		var item *node
		if q.isKey() {
			q.indent = q.pos - q.begin
			item = q.section(q.indent, depth+1)
		} else {
			item = q.inLine(depth + 1)
		}
		if item == nil || q.indent > indent {
			return nil
		}
		n.items = append(n.items, item)
		if q.indent < indent || !q.isItem() {
			return n
		}
	}
	return nil
}

// isKey reports that a key comes next; it reads nothing.
func (q *quick) isKey() bool {
	was := *q
	_, ok := q.key()
	*q = was
	return ok
}

// key reads a key and the colon behind it.
func (q *quick) key() (name string, ok bool) {
	from := q.pos
	if q.is('"') || q.is('\'') {
		if name, ok = q.quoted(); !ok {
			return "", false
		}
	} else {
		for q.pos < len(q.data) && isKeyByte(q.data[q.pos]) {
			q.pos++
		}
		text := q.data[from:q.pos]
		if len(text) == 0 || text[0] == '-' {
			return "", false
		}
		if name, ok = q.known[string(text)]; !ok {
			name = string(text)
			q.known[name] = name
		}
	}
	if q.pos-from > quickKeyMax || !q.is(':') || !q.isBlankAt(q.pos+1) || !keyIsPlain(name) {
		return "", false
	}
	q.pos++
	return name, true
}

func isKeyByte(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' || c == '.' || c == '/' }

// plainLine reads a text without quotes to the end of its line.
func (q *quick) plainLine() *node {
	n := q.node(kindString)
	end := bytes.IndexByte(q.data[q.pos:], '\n')
	if end < 0 {
		end = len(q.data) - q.pos
	}
	text := q.data[q.pos : q.pos+end]
	if comment := bytes.Index(text, []byte(" #")); comment >= 0 {
		text = text[:comment]
	}
	text = bytes.TrimRight(text, " ")
	if !q.beginsPlain() || text[len(text)-1] == ':' || bytes.Contains(text, []byte(": ")) {
		return nil
	}
	q.pos += len(text)
	q.plain(n, string(text))
	if !q.endLine() {
		return nil
	}
	return n
}

// beginsPlain reports that a text without quotes is next, and nothing else.
func (q *quick) beginsPlain() bool {
	c := q.data[q.pos]
	return isAlphanumeric(c) || strings.IndexByte("/^_($.+=~", c) >= 0 ||
		c == '-' && q.pos+1 < len(q.data) && isAlphanumeric(q.data[q.pos+1])
}

// plain says what a text without quotes is.
func (*quick) plain(n *node, text string) {
	n.text = text
	if c := text[0]; isSurelyText(text) || c > '9' && isAlphanumeric(c) && strings.IndexByte("yYnNtTfFoO", c) < 0 {
		return // no word that stands for anything else begins so
	}
	n.kind = scalarKind(&yaml.Node{Kind: yaml.ScalarNode, Value: text})
	if n.kind == kindBool {
		n.text = strings.ToLower(text)
	}
}

// isSurelyText reports a text that is no number and no time, as durations and addresses are.
// It may say so of no other text.
func isSurelyText(text string) bool {
	if text[0] < '0' || text[0] > '9' {
		return false
	}
	return strings.ContainsAny(text, "smhki/") || strings.Contains(text, ":") && (len(text) < 5 || text[4] != '-')
}

func (q *quick) quotedNode() *node {
	n := q.node(kindString)
	text, ok := q.quoted()
	if !ok {
		return nil
	}
	n.text = text
	return n
}

// The escapes that are read, without their backslash, and what each stands for.
const (
	escapes   = `"\nrt`
	unescaped = "\"\\\n\r\t"
)

// quoted reads a text in quotes, of one line.
func (q *quick) quoted() (string, bool) {
	quote := q.data[q.pos]
	q.pos++
	from := q.pos
	var text []byte // what was read before from, where there are escapes
	for ; q.pos < len(q.data); q.pos++ {
		c, more := q.data[q.pos], byte(0)
		if q.pos+1 < len(q.data) {
			more = q.data[q.pos+1]
		}
		switch {
		case c == '\n':
			return "", false
		case c == quote && quote == '\'' && more == '\'':
			text = append(text, q.data[from:q.pos+1]...)
			q.pos++
			from = q.pos + 1
		case c == quote:
			text = append(text, q.data[from:q.pos]...)
			q.pos++
			return string(text), true
		case c == '\\' && quote == '"':
			at := strings.IndexByte(escapes, more)
			if at < 0 {
				return "", false
			}
			text = append(append(text, q.data[from:q.pos]...), unescaped[at])
			q.pos++
			from = q.pos + 1
		}
	}
	return "", false
}
