package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// aliasNodesMax bounds the values that aliases (*name) add to a file, so that
// a few lines cannot unfold to gigabytes.
const aliasNodesMax = 10_000

// yamlTree turns the nodes of the YAML library into ours.
type yamlTree struct {
	*source
	open       map[*yaml.Node]bool // anchors being unfolded: an alias to one is a cycle
	aliasNodes int
	inAlias    int
}

// parseYAML reads one YAML document.
func parseYAML(s *source) (*node, error) {
	if err := countYAML(s); err != nil {
		return nil, err
	}
	if n := quickYAML(s); n != nil {
		return n, nil
	}
	return libraryYAML(s)
}

// libraryYAML reads one document of any kind.
func libraryYAML(s *source) (*node, error) {
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(s.data))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return &node{kind: kindNull, from: s.at(1, 1)}, nil
	case err != nil:
		return nil, s.refuseYAML(err)
	}
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, s.refuseYAML(err)
	default:
		return nil, s.refusef(s.at(second.Line, second.Column), "holds a second document: one file is one configuration")
	}
	t := yamlTree{source: s, open: map[*yaml.Node]bool{}}
	return t.convert(doc.Content[0], "", 0)
}

// countYAML refuses a text that would become too many nodes before they take
// memory. Each node but the first has one of these bytes around it.
func countYAML(s *source) error {
	n := 0
	for _, c := range s.data {
		switch c {
		case ',', '\n', '\r', '[', '{', '-', '?', ':':
			n++
		}
	}
	if n <= 3*s.nodesMax {
		return nil
	}
	return s.refusef(s.at(1, 1), "holds more than %d values", s.nodesMax)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// refuseYAML notes an error of the YAML library, which knows lines only.
func (s *source) refuseYAML(err error) error {
	message := err.Error()
	line := 0
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line = n
		}
	}
	return s.refusef(s.at(line, 1), "cannot be read as YAML: %s", message)
}

// convert turns a node and what is below it.
func (t *yamlTree) convert(y *yaml.Node, path string, depth int) (*node, error) {
	n := &node{from: t.at(y.Line, y.Column)}
	if err := errors.Join(t.count(n.from), t.deep(n.from, depth)); err != nil {
		return nil, errRefused
	}
	if t.inAlias > 0 {
		t.aliasNodes++
		if t.aliasNodes > aliasNodesMax {
			return nil, t.refusef(n.from, "aliases unfold to more than %d values", aliasNodesMax)
		}
	}
	switch y.Kind {
	case yaml.AliasNode:
		return t.alias(y, path, depth)
	case yaml.SequenceNode:
		n.kind = kindList
		for i, item := range y.Content {
			child, err := t.convert(item, indexPath(path, i), depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, child)
		}
		return n, nil
	case yaml.MappingNode:
		n.kind = kindMap
		return n, t.mapping(n, y, path, depth)
	default:
		n.kind, n.text = scalarKind(y), y.Value
		if n.kind == kindBool {
			n.text = strings.ToLower(n.text) // YAML also writes True and TRUE
		}
		return n, nil
	}
}

// alias unfolds *name at its place; positions stay those of the anchor.
func (t *yamlTree) alias(y *yaml.Node, path string, depth int) (*node, error) {
	if t.open[y.Alias] {
		return nil, t.refusef(t.at(y.Line, y.Column), "alias *%s contains itself", y.Value)
	}
	t.open[y.Alias] = true
	t.inAlias++
	n, err := t.convert(y.Alias, path, depth+1)
	t.inAlias--
	delete(t.open, y.Alias)
	return n, err
}

// mapping converts the keys of a section; those of "<<" stand behind its own.
func (t *yamlTree) mapping(n *node, y *yaml.Node, path string, depth int) error {
	first := placesOf(n, len(y.Content)/2)
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		at := t.at(key.Line, key.Column)
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode || !keyIsPlain(key.Value) {
			t.problems.addf(at, path, "a key must be plain text")
			continue
		}
		child, err := t.convert(value, joinPath(path, key.Value), depth+1)
		if err != nil {
			return err
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, child)
			continue
		}
		if was := first.of(key.Value); was != nil {
			t.problems.addf(at, joinPath(path, key.Value), "%s", duplicate(key.Value, was.key))
			continue
		}
		child.key = at
		first.add(entry{key.Value, child})
	}
	for _, m := range merged {
		t.merge(m, path, first)
	}
	return nil
}

// places finds the keys of a section while it grows: in a map, where there are many.
type places struct {
	n    *node
	many map[string]*node // nil where there are few
}

// keysFew is up to where keys are looked for one by one.
const keysFew = 16

func placesOf(n *node, size int) *places {
	p := &places{n: n}
	if size > keysFew {
		p.many = make(map[string]*node, size)
	}
	if size > 0 {
		n.entries = make([]entry, 0, size)
	}
	return p
}

func (p *places) of(name string) *node {
	if p.many != nil {
		return p.many[name]
	}
	return p.n.child(name)
}

func (p *places) add(e entry) {
	p.n.entries = append(p.n.entries, e)
	switch {
	case p.many != nil:
		p.many[e.name] = e.value
	case len(p.n.entries) > keysFew:
		p.many = make(map[string]*node, 2*keysFew)
		for _, e := range p.n.entries {
			p.many[e.name] = e.value
		}
	}
}

// merge adds the keys of a "<<" value that the section does not have.
func (t *yamlTree) merge(from *node, path string, have *places) {
	switch from.kind {
	case kindMap:
		for _, e := range from.entries {
			if have.of(e.name) == nil {
				have.add(e)
			}
		}
	case kindList:
		for _, item := range from.items {
			t.merge(item, path, have)
		}
	default:
		t.problems.addf(from.from, path, "<< takes a section of keys or a list of them, not %s", from.kind)
	}
}

// scalarKind is the kind of a scalar as the core schema of YAML 1.2 reads it:
// yes, no, on and off are text.
func scalarKind(y *yaml.Node) kind {
	switch tag := y.ShortTag(); tag {
	case "!!null":
		return kindNull
	case "!!str", "!!timestamp", "!!merge":
		return kindString
	case "!!int":
		return kindInt
	case "!!float":
		return kindFloat
	case "!!bool":
		return kindBool
	default:
		return kindOther
	}
}

// flowYAML parses the value of a variable or flag that begins with [ or {.
func flowYAML(text string, at Origin, problems *problemList, path string) *node {
	inner := &problemList{}
	s := &source{data: []byte(text), origin: at, problems: inner, nodesMax: nodesMax}
	var n *node
	if s.isText() {
		n, _ = parseYAML(s) // an error is in inner as a problem
	}
	for _, p := range inner.list {
		where := path
		if p.Path != "" {
			where = strings.TrimSuffix(path+"."+p.Path, ".")
		}
		problems.addf(at, where, "%s", p.Message)
	}
	if !inner.empty() {
		return nil
	}
	return n
}
