package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Errors of Rewrite, beside ErrIncludes.
var (
	errPart    = errors.New("cannot write a part of a configuration into a file")
	errRewrite = errors.New("cannot write the configuration into the text of its file")
)

// Rewrite returns the YAML text of a file, which is original now, changed so that it says
// what the document says. Only what differs is written anew, so that everything else keeps its
// order, its comments and its form, to the byte; keys at the top that hold anchors stay as they
// are. Where a change meets an anchor that other places use, these are written out. The text
// that is returned has been read again and found to be the document.
func (d *Document) Rewrite(original []byte) ([]byte, error) {
	if len(d.place) > 0 {
		return nil, errPart
	}
	was, err := ParseFile(original, formatYAML, "file")
	if err != nil {
		return nil, err
	}
	r := &rewriter{outline: theOutline(), was: was.root, is: d.root}
	goal := r.canon(d.root, d.spot)
	if same(r.canon(r.was, d.spot), goal) {
		return bytes.Clone(original), nil
	}
	for _, attempt := range []func(original []byte) ([]byte, error){r.splice, r.unfolded, r.whole} {
		text, err := attempt(original)
		if err != nil {
			continue // the next one writes more anew
		}
		if got, err := ParseFile(text, formatYAML, "file"); err == nil && same(r.canon(got.root, d.spot), goal) {
			return text, nil
		}
	}
	return nil, errRewrite
}

// rewriter is one call of Rewrite.
type rewriter struct {
	*outline
	was, is *node // what the file says, and what it is to say

	lines  []string // of the file, with their ends
	step   int      // spaces that it indents by
	unfold bool     // write out what aliases stand for
	edits  []edit
	failed error // of an entry that cannot be written
}

// edit puts text in place of some lines.
type edit struct {
	from, to int // lines from 0, to is the first one that stays
	text     string
}

// otherBreaks end a line in YAML, and not for us.
const otherBreaks = "\r\u0085\u2028\u2029"

// byteOrderMark may begin a file.
const byteOrderMark = "\xef\xbb\xbf"

// splice writes anew only the entries that differ.
func (r *rewriter) splice(original []byte) ([]byte, error) {
	text := strings.TrimPrefix(string(original), byteOrderMark)
	top, err := yamlRoot(text)
	if err != nil {
		return nil, err
	}
	r.lines, r.edits, r.failed = slices.Collect(strings.Lines(text)), nil, nil
	if strings.ContainsAny(strings.ReplaceAll(text, "\r\n", "\n"), otherBreaks) || len(r.is.entries) == 0 || !r.isSpliceable(top.Content[0]) {
		return nil, errRewrite
	}
	r.step = stepOf(top.Content[0])
	r.section(block{top.Content[0], r.was, r.is, topSpot(), len(r.lines)})
	if r.failed != nil {
		return nil, r.failed
	}
	return []byte(string(original[:len(original)-len(text)]) + r.apply()), nil
}

// unfolded is splice for texts in which a change meets an anchor.
func (r *rewriter) unfolded(original []byte) ([]byte, error) {
	r.unfold = true
	return r.splice(original)
}

// whole writes all entries anew, with the comments that the YAML library has found.
func (r *rewriter) whole(original []byte) ([]byte, error) {
	top, err := yamlRoot(strings.TrimPrefix(string(original), byteOrderMark))
	if err != nil {
		return nil, err
	}
	if top.Content[0].Kind != yaml.MappingNode {
		return nil, errRewrite
	}
	r.unfold = true
	top.Content[0] = r.edited(top.Content[0], r.was, r.is, topSpot())
	return encodeNode(top, stepOf(top.Content[0]))
}

// yamlRoot is the node of the first document of a text.
func yamlRoot(text string) (*yaml.Node, error) {
	top := &yaml.Node{}
	if err := yaml.Unmarshal([]byte(text), top); err != nil {
		return nil, err //nolint:wrapcheck // it has been read before
	}
	if len(top.Content) == 0 {
		return nil, errRewrite
	}
	return top, nil
}

// stepOf is by how many spaces the first section below the top is indented.
func stepOf(top *yaml.Node) int {
	const usual = 2
	for i := 1; i < len(top.Content); i += 2 {
		value := top.Content[i]
		if value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 && len(value.Content) > 0 && value.Content[0].Column > usual {
			return value.Content[0].Column - top.Content[i-1].Column
		}
	}
	return usual
}

func encodeNode(y *yaml.Node, step int) ([]byte, error) {
	restyle(y)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(step)
	if err := errors.Join(e.Encode(y), e.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// restyle gives texts of several lines a style in which the library writes them as they are.
func restyle(y *yaml.Node) {
	const blocks = yaml.LiteralStyle | yaml.FoldedStyle
	if y.Kind == yaml.ScalarNode && y.Style&blocks != 0 {
		y.Style = yaml.LiteralStyle
		if !strings.Contains(y.Value, "\n") || isNoBlock(y.Value) {
			y.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, below := range y.Content {
		restyle(below)
	}
}

// apply makes the edits. Text that replaces lines ends them as the file does.
func (r *rewriter) apply() string {
	slices.SortStableFunc(r.edits, func(a, b edit) int { return a.from - b.from })
	end := "\n"
	if len(r.lines) > 0 && strings.HasSuffix(r.lines[0], "\r\n") {
		end = "\r\n"
	}
	var b strings.Builder
	at := 0
	copyLines := func(to int) {
		for ; at < to; at++ {
			b.WriteString(r.lines[at])
		}
	}
	for _, e := range r.edits {
		copyLines(e.from)
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") { // the last line of the file
			b.WriteString(end)
		}
		b.WriteString(strings.ReplaceAll(e.text, "\n", end))
		at = max(at, e.to)
	}
	copyLines(len(r.lines))
	return b.String()
}
