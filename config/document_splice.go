package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// block is a section of a file that has each of its keys on a line of its own.
type block struct {
	yaml    *yaml.Node
	was, is *node
	spot    spot
	limit   int // the first line behind it
}

// span is the lines of an entry, from its key to the last line of its value; to is the first
// one behind.
type span struct{ from, to int }

// isSpliceable reports whether a node is such a section, without keys that stand for others.
func (r *rewriter) isSpliceable(y *yaml.Node) bool {
	if y.Style&yaml.FlowStyle != 0 || len(y.Content) == 0 || !isPlainMap(y) {
		return false
	}
	last := 0
	for i := 0; i < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Line <= last || key.Line > len(r.lines) || key.Column != y.Content[0].Column {
			return false
		}
		if indentOf(r.lines[key.Line-1]) != key.Column-1 {
			return false
		}
		last = key.Line
	}
	return true
}

// indentOf counts the spaces that a line begins with.
func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// section notes what has to be done with the entries of a block.
func (r *rewriter) section(b block) {
	in := r.inside(b.is, b.spot)
	spans := r.spans(b)
	was, is := valuesOf(b.was), valuesOf(b.is)
	for i, s := range spans {
		name := b.yaml.Content[2*i].Value
		r.entry(place{b, i, s, in.at(name)}, was[name], is[name])
		delete(is, name)
	}
	behind := spans[len(spans)-1].to
	for _, e := range b.is.entries {
		if is[e.name] == nil {
			continue
		}
		r.write(span{behind, behind}, b.indent(), keyNode(e.name), asOthers(yamlNode(e.value), b.yaml))
	}
}

// indent is how many spaces stand before each key.
func (b *block) indent() int { return b.yaml.Content[0].Column - 1 }

// spans are the lines of each entry. Comments and empty lines between two entries are of none.
func (r *rewriter) spans(b block) []span {
	spans := make([]span, len(b.yaml.Content)/2)
	limit := b.limit
	for i := len(spans) - 1; i >= 0; i-- {
		from, to := b.yaml.Content[2*i].Line-1, limit
		for to > from+1 && isBetween(r.lines[to-1], b.indent()) {
			to--
		}
		spans[i], limit = span{from, to}, from
	}
	return spans
}

// isBetween reports whether a line behind an entry is not its own.
func isBetween(line string, indent int) bool {
	text := strings.TrimSpace(line)
	return text == "" || text == "..." || text[0] == '#' && indentOf(line) <= indent
}

// valuesOf are the values of a section, by key.
func valuesOf(n *node) map[string]*node {
	m := make(map[string]*node, len(n.entries))
	for _, e := range n.entries {
		m[e.name] = e.value
	}
	return m
}

// place is one entry of a block.
type place struct {
	block
	i    int
	span span
	spot spot
}

// entry notes what has to be done with an entry; was and is are nil where it is not there.
func (r *rewriter) entry(at place, was, is *node) {
	key, value, s, sp := at.yaml.Content[2*at.i], at.yaml.Content[2*at.i+1], at.span, at.spot
	if at.block.spot.typ == topSpot().typ && holdsAnchors(key.Value) {
		return
	}
	switch {
	case is == nil && was == nil: // null, which says nothing
	case is == nil:
		r.remove(s)
	case r.isUnchanged(value, was, is, sp):
	case was != nil && was.kind == kindMap && is.kind == kindMap && len(is.entries) > 0 && r.isSpliceable(value):
		r.section(block{value, was, is, sp, s.to})
	default:
		key, next := withComment(key, value, r.edited(value, was, is, sp))
		key.HeadComment, key.FootComment = "", "" // stand outside of the lines
		region := strings.Join(r.lines[s.from:s.to], "")
		prune(key, region)
		prune(next, region)
		r.write(s, at.indent(), key, next)
	}
}

// isUnchanged reports whether a value may stay as it stands in the file.
func (r *rewriter) isUnchanged(y *yaml.Node, was, is *node, sp spot) bool {
	return was != nil && (!r.unfold || !holdsAlias(y)) && same(r.canon(was, sp), r.canon(is, sp))
}

// remove takes an entry out, and the comment that stands right above it unless it begins the
// file.
func (r *rewriter) remove(s span) {
	from := s.from
	for from > 0 && indentOf(r.lines[from-1]) == indentOf(r.lines[s.from]) && strings.HasPrefix(strings.TrimSpace(r.lines[from-1]), "#") {
		from--
	}
	if from == 0 {
		from = s.from
	}
	r.edits = append(r.edits, edit{from: from, to: s.to})
}

// write puts an entry in place of some lines.
func (r *rewriter) write(s span, indent int, key, value *yaml.Node) {
	text, err := encodeNode(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{key, value}}, r.step)
	if err != nil {
		r.failed = err
		return
	}
	pad := strings.Repeat(" ", indent)
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if line != "\n" {
			b.WriteString(pad)
		}
		b.WriteString(line)
	}
	r.edits = append(r.edits, edit{s.from, s.to, b.String()})
}

// prune takes away the comments that do not stand in the lines of an entry, which keep them
// where they are.
func prune(y *yaml.Node, region string) {
	for _, comment := range []*string{&y.HeadComment, &y.LineComment, &y.FootComment} {
		first, _, _ := strings.Cut(*comment, "\n")
		if !strings.Contains(region, first) {
			*comment = ""
		}
	}
	for _, below := range y.Content {
		prune(below, region)
	}
}
