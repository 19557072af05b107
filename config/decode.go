package config

import (
	"cmp"
	"reflect"
	"strings"
)

// nameBytesMax bounds the names of listeners, routes, pools and middleware:
// they appear in metrics, logs and addresses of the admin API.
const nameBytesMax = 128

// decoder gives the merged tree its types. Whatever does not fit is a problem
// and leaves the default, so that one pass finds all of them.
type decoder struct {
	schema     *schema
	problems   *problemList
	references *references
	// where holds the position of everything that is present, by path.
	where map[string]Origin
	// raw holds values with references as they are written, by path.
	raw map[string]string
	// broken holds the paths that have a problem: nothing further is said of them.
	broken map[string]bool
}

func newDecoder(s *schema, problems *problemList, refs *references) *decoder {
	return &decoder{
		schema:     s,
		problems:   problems,
		references: refs,
		where:      map[string]Origin{},
		raw:        map[string]string{},
		broken:     map[string]bool{},
	}
}

// decode fills cfg from the tree.
func (d *decoder) decode(root *node, cfg *Config) {
	d.section(root, "", reflect.ValueOf(cfg).Elem())
	d.where[""] = root.at()
}

// badf notes a problem of the node at path.
func (d *decoder) badf(n *node, path, format string, args ...any) {
	d.broken[path] = true
	d.problems.addf(n.at(), path, format, args...)
}

// section fills a struct. A nil node is an absent section: all defaults.
func (d *decoder) section(n *node, path string, v reflect.Value) {
	n = d.sectionNode(n, path, v.Type())
	if m, ok := reflect.TypeAssert[*Middleware](v.Addr()); ok {
		d.stage(n, path, m)
		return
	}
	fields := d.schema.fields(v.Type())
	if n != nil {
		d.unknownKeys(n, path, fields)
	}
	d.keys(n, path, v, fields)
}

// sectionNode is the node of a section, or nil where it is absent or of another kind.
func (d *decoder) sectionNode(n *node, path string, t reflect.Type) *node {
	if n == nil || n.kind == kindMap || n.kind == kindNull {
		if n != nil && n.kind == kindNull {
			return nil
		}
		return n
	}
	if short := d.schema.short(t); short != "" && n.kind != kindList {
		return &node{kind: kindMap, entries: []entry{{short, n}}, from: n.from, key: n.key}
	}
	d.badf(n, path, "must be a section of keys, not %s", n.kind)
	return nil
}

// keys fills the fields of a struct.
func (d *decoder) keys(n *node, path string, v reflect.Value, fields []field) {
	for i := range fields {
		f := &fields[i]
		child := n.child(f.key)
		if at := joinPath(path, f.key); child == nil && f.required && n != nil && !d.broken[at] {
			d.badf(n, at, "is required")
		}
		d.value(f, child, slot{path: joinPath(path, f.key), v: v.FieldByIndex(f.index), absent: n == nil})
	}
}

// unknownKeys notes every key the section does not have.
func (d *decoder) unknownKeys(n *node, path string, fields []field) {
	for _, e := range n.entries {
		known := false
		for i := range fields {
			known = known || fields[i].key == e.name
		}
		if known || path == "" && holdsAnchors(e.name) {
			continue
		}
		at := e.value.key
		if at.IsDefault() {
			at = e.value.from
		}
		var here, elsewhere string
		if !d.problems.full() {
			here, elsewhere = d.schema.meantKey(e.name, fields)
		}
		if here != "" && n.child(here) == nil {
			d.broken[joinPath(path, here)] = true // said already: not also reported as missing
		}
		why := "unknown key" + didYouMean(cmp.Or(quoted(here), elsewhere))
		if e.name == "not" && strings.Contains(path, ".not[") {
			why = "cannot stand inside another not: list what it excludes there"
		}
		d.problems.addf(at, joinPath(path, e.name), "%s", why)
	}
}

// holdsAnchors reports whether a key at the top only holds what YAML anchors name,
// for use elsewhere in the file; nothing in it is looked at.
func holdsAnchors(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "x-")
}

// slot is where a value goes.
type slot struct {
	path string
	v    reflect.Value
	// absent says that the section around it is absent.
	absent bool
}

// value fills one key of any shape. A nil node is an absent key.
func (d *decoder) value(f *field, n *node, s slot) {
	if n != nil {
		d.where[s.path] = n.at()
	}
	switch shapeOf(f.typ) {
	case shapeSection:
		d.anySection(f, n, s)
	case shapeNames:
		d.names(f, n, s)
	case shapeList:
		d.list(f, n, s)
	case shapeTree:
		d.tree(n, s)
	default:
		if n == nil {
			d.preset(f, s)
			return
		}
		d.scalar(f, n, s)
	}
}

// anySection fills a struct, or a pointer that is nil when the key is absent.
func (d *decoder) anySection(f *field, n *node, s slot) {
	if f.typ.Kind() != reflect.Pointer {
		d.section(n, s.path, s.v)
		return
	}
	if n == nil {
		return
	}
	if n.kind == kindNull {
		d.badf(n, s.path, "is empty: write {} for its defaults, or remove the key")
		return
	}
	s.v.Set(reflect.New(f.typ.Elem()))
	d.section(n, s.path, s.v.Elem())
}

// names fills a map; an absent or empty one is nil.
func (d *decoder) names(f *field, n *node, s slot) {
	if n == nil || n.kind == kindNull {
		return
	}
	if n.kind != kindMap {
		d.badf(n, s.path, "must be a section of names, not %s", n.kind)
		return
	}
	if len(n.entries) == 0 {
		return
	}
	element := *f
	element.typ, element.def = f.typ.Elem(), ""
	named := shapeOf(element.typ) == shapeSection && d.schema.short(element.typ) == "" && !f.hosts // not fields and parameters
	m := reflect.MakeMapWithSize(f.typ, len(n.entries))
	for _, e := range n.entries {
		path := joinPath(s.path, e.name)
		if named && !isName(e.name) {
			d.problems.addf(e.value.at(), path, "a name must be of letters, digits, dots, dashes and underscores, "+
				"begin with a letter or digit, and have at most %d characters", nameBytesMax)
		}
		if f.secrets && isSecretName(e.name) {
			d.refuseMask(e.value, path)
		}
		v := reflect.New(element.typ).Elem()
		d.value(&element, presence(e.value, element.typ), slot{path: path, v: v})
		m.SetMapIndex(reflect.ValueOf(e.name), v)
	}
	s.v.Set(m)
}

// refuseMask reports a mask in place of a secret.
func (d *decoder) refuseMask(n *node, path string) {
	if n.text == mask {
		d.badf(n, path, maskRefused)
	}
	for _, e := range n.entries {
		d.refuseMask(e.value, joinPath(path, e.name))
	}
}

// presence makes an element without keys ("api:" and nothing below it) an
// empty section, so that what it must have is missed by name.
func presence(n *node, t reflect.Type) *node {
	if n.kind == kindNull && shapeOf(t) == shapeSection {
		return &node{kind: kindMap, from: n.from, key: n.key}
	}
	return n
}

// list fills a slice; an absent or empty one is nil, or the default.
func (d *decoder) list(f *field, n *node, s slot) {
	if n == nil {
		d.presetList(f, s)
		return
	}
	if n.kind == kindString && f.typ.Elem().Kind() == reflect.String && holdsDefault(n.text) {
		n = d.listOf(n, s.path)
	}
	if f.single && n.kind != kindList && n.kind != kindNull { // one item for a list of one
		n = &node{kind: kindList, items: []*node{n}, from: n.from, key: n.key}
	}
	if f.single && n.kind == kindNull {
		d.badf(n, s.path, "is empty: remove the key, or say what it is")
		return
	}
	if n.kind != kindList {
		d.badf(n, s.path, "must be a list, not %s", n.kind)
		return
	}
	if len(n.items) == 0 {
		return
	}
	element := *f
	element.typ, element.def, element.required = f.typ.Elem(), "", false
	items := reflect.MakeSlice(f.typ, len(n.items), len(n.items))
	for i, item := range n.items {
		d.value(&element, presence(item, element.typ), slot{path: indexPath(s.path, i), v: items.Index(i)})
	}
	s.v.Set(items)
}

// presetList sets the default of a list.
func (d *decoder) presetList(f *field, s slot) {
	text := f.preset(s.absent)
	if text == "" {
		return
	}
	s.v.Set(reflect.ValueOf(strings.Split(text, ",")))
}

// preset is the default of a key as it is written in a file.
func (f *field) preset(sectionAbsent bool) string {
	if sectionAbsent && f.hasAbsent {
		return f.absent
	}
	return f.def
}

// isName reports whether a name can stand in paths, metrics and addresses.
func isName(name string) bool {
	if name == "" || len(name) > nameBytesMax || strings.ContainsAny(name[:1], "_.-") {
		return false
	}
	for i := range len(name) {
		if !isAlphanumeric(name[i]) && strings.IndexByte("_.-", name[i]) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
