package config

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// documentCheck finds in a tree what no document may hold, so that nothing of what somebody
// sends is dropped unsaid.
type documentCheck struct {
	*outline
	problems *problemList
	decoder  *decoder // knows what to say of unknown keys
	isYAML   bool
}

func newDocumentCheck(o *outline) *documentCheck {
	problems := &problemList{}
	return &documentCheck{outline: o, problems: problems, decoder: newDecoder(o.schema, problems, nil)}
}

// parse reads the text of a part, or returns nil after noting why not.
func (c *documentCheck) parse(s *source, place []string) *node {
	inner := &problemList{}
	s.problems, s.nodesMax = inner, nodesMax
	c.isYAML = s.format == formatYAML
	root := s.value()
	if root != nil && root.kind != kindMap {
		s.failf(root.from, "must be a section of keys, not %s", root.kind)
		root = nil
	}
	for _, p := range inner.list {
		path := pathOf(place)
		if p.Path != "" {
			path = joinedPath(path, p.Path)
		}
		c.problems.addf(p.Origin, path, "%s", p.Message)
	}
	c.problems.beyond += inner.beyond
	return root
}

// joinedPath is a path behind that of what is around it.
func joinedPath(around, path string) string {
	if around == "" || path[0] == '[' {
		return around + path
	}
	return around + "." + path
}

// node checks a value and what is below it.
func (c *documentCheck) node(n *node, sp spot, path string) {
	switch n.kind {
	case kindMap:
		c.section(n, sp, path)
	case kindList:
		for i, item := range n.items {
			c.node(item, sp.item(), indexPath(path, i))
		}
	case kindNull:
		// Nothing behind a key of YAML is a section without keys, as in a file.
		if sp.typ != nil && (!c.isYAML || n.text != "" || !mayBeEmpty(sp.typ)) {
			c.problems.addf(n.at(), path, "is null: leave the key out, so that its default holds, or say what it is")
		}
	case kindInt, kindFloat:
		if _, ok := plainNumber(n.text, sp); !ok {
			c.problems.addf(n.at(), path, "must be a number, not %q", n.text)
		}
	case kindOther:
		c.problems.addf(n.at(), path, "must be text, a number, true or false, a list or a section, not %s", n.kind)
	default:
	}
}

// mayBeEmpty reports whether Load takes nothing for a section of a type.
func mayBeEmpty(t reflect.Type) bool { return shapeOf(t) == shapeNames || t.Kind() == reflect.Struct }

func (c *documentCheck) section(n *node, sp spot, path string) {
	in := c.inside(n, sp)
	switch {
	case in.keys == nil || in.keys.open:
	case in.typ == reflect.TypeFor[Middleware]():
		c.decoder.unknownStageKeys(n, path, textOf(n.child("type")), in.keys.fields)
	default:
		c.decoder.unknownKeys(n, path, in.keys.fields)
	}
	for _, e := range n.entries {
		if path == "" && e.name == keyInclude {
			c.problems.addf(e.value.at(), keyInclude, "can stand in a file only, not in a configuration that is sent")
		} else if path != "" || !holdsAnchors(e.name) {
			c.node(e.value, in.at(e.name), joinPath(path, e.name))
		}
	}
}

// arrange brings a tree into the form of documents, in which no text or order of it counts
// but what somebody means: keys in the order of the schema, names sorted, numbers as JSON has
// them, null as what it stands for. Of the top keys that hold anchors nothing is left, and
// include is done.
func (o *outline) arrange(n *node, sp spot) *node {
	switch n.kind {
	case kindMap:
		return o.arrangeMap(n, sp)
	case kindList:
		return rebuiltList(n, func(_ int, item *node) *node { return o.arrange(notNull(item, sp.item()), sp.item()) })
	case kindInt, kindFloat:
		return arrangeNumber(n, sp)
	case kindNull:
		return &node{kind: kindNull, text: "null", from: n.from, key: n.key}
	default:
		return n
	}
}

func (o *outline) arrangeMap(n *node, sp spot) *node {
	in := o.inside(n, sp)
	top := in.typ == topSpot().typ
	n = rebuilt(n, func(e entry) *node {
		below := in.at(e.name)
		if top && (e.name == keyInclude || holdsAnchors(e.name)) {
			return nil
		}
		value := e.value
		if in.shape() == shapeNames {
			value = notNull(value, below)
		}
		if value.kind == kindNull && below.typ != nil {
			return nil
		}
		return o.arrange(value, below)
	})
	if slices.IsSortedFunc(n.entries, in.compare) {
		return n
	}
	c := *n
	c.entries = slices.Clone(n.entries)
	slices.SortStableFunc(c.entries, in.compare)
	return &c
}

// notNull is what an element without keys stands for: a section of defaults.
func notNull(n *node, sp spot) *node {
	if sp.typ == nil {
		return n
	}
	return presence(n, sp.typ)
}

// arrangeNumber writes a number as JSON does, and one that stands for a text as that.
func arrangeNumber(n *node, sp spot) *node {
	text, ok := plainNumber(n.text, sp)
	if !ok || text == n.text {
		return n
	}
	c := *n
	c.text = text
	if sp.typ != nil && sp.typ.Kind() == reflect.String && sp.field.numbers {
		c.kind, c.text = kindString, n.text
	}
	return &c
}

// plainNumber is a number as JSON has it; ok is false for what is none, or infinite. What
// YAML and TOML write otherwise, such as 0x1f, is one where anything may stand, as in tree.
func plainNumber(text string, sp spot) (plain string, ok bool) {
	if json.Valid([]byte(text)) {
		_, err := strconv.ParseFloat(text, 64)
		return text, err == nil
	}
	whole, err := strconv.ParseInt(text, 10, 64)
	if err != nil && sp.shape() == shapeTree {
		whole, err = strconv.ParseInt(text, 0, 64)
	}
	if err == nil {
		return strconv.FormatInt(whole, 10), true
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		return "", false
	}
	return floatText(number), true
}
