package config

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// outline says of each node of a tree what the schema has at its place, whether or not
// the value is right. There is one, which is only read once it was made.
type outline struct {
	schema *schema
	known  map[sectionKind]*sectionKeys
}

// theOutline is the outline of the built-in schema. The options of stages that a program
// has registered are places of which it says nothing.
var theOutline = sync.OnceValue(func() *outline {
	o := &outline{schema: newSchema(Extensions{}), known: map[sectionKind]*sectionKeys{}}
	o.enter(reflect.TypeFor[Config]())
	o.enter(reflect.TypeFor[StageHandler]())
	middleware := reflect.TypeFor[Middleware]()
	for name, own := range stageTypes() {
		o.enter(own)
		o.known[sectionKind{middleware, name}] = keysOfFields(slices.Concat(o.schema.fields(middleware), o.schema.fields(own)))
	}
	unknown := keysOfFields(slices.Concat(o.schema.fields(middleware), o.schema.fields(reflect.TypeFor[StageHandler]())))
	unknown.open = true
	o.known[sectionKind{middleware, ""}] = unknown
	return o
})

// enter takes up a type and all that are below it.
func (o *outline) enter(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || o.known[sectionKind{typ: t}] != nil {
		return
	}
	k := keysOfFields(o.schema.fields(t))
	o.known[sectionKind{typ: t}] = k
	for i := range k.fields {
		o.enter(k.fields[i].typ)
	}
}

// sectionKind tells sections with different keys apart.
type sectionKind struct {
	typ   reflect.Type
	stage string // the type of a middleware, empty for one that is not known
}

// sectionKeys are the keys of a kind of section, in the order of the schema.
type sectionKeys struct {
	fields []field
	index  map[string]int
	short  string // the key that text stands for, or ""
	// open says that there may be others: the type of the middleware is not known here.
	open bool
}

func keysOfFields(fields []field) *sectionKeys {
	k := &sectionKeys{fields: fields, index: make(map[string]int, len(fields))}
	for i := range fields {
		k.index[fields[i].key] = i
		if fields[i].short {
			k.short = fields[i].key
		}
	}
	return k
}

// rank is where a key stands among the others; those that are not known come last.
func (k *sectionKeys) rank(name string) int {
	if i, ok := k.index[name]; ok {
		return i
	}
	return len(k.fields)
}

// keys returns the keys of a section of a type; those of middleware depend on what n says.
func (o *outline) keys(t reflect.Type, n *node) *sectionKeys {
	kind := sectionKind{typ: t}
	if t == reflect.TypeFor[Middleware]() {
		kind.stage = textOf(n.child("type"))
		if k := o.known[kind]; k != nil {
			return k
		}
		kind.stage = ""
	}
	return o.known[kind]
}

// spot is what the schema says of the place of one node. The zero value is a place of
// which it says nothing, as below the options of a registered stage.
type spot struct {
	typ   reflect.Type
	field *field // of the key, also for elements of lists and names
	// secret says that the texts here and below are nobody's to read.
	secret bool
}

// topSpot is the place of a whole configuration.
func topSpot() spot { return spot{typ: reflect.TypeFor[Config]()} }

func (sp spot) shape() shape {
	if sp.typ == nil {
		return shapeTree
	}
	return shapeOf(sp.typ)
}

// standsAlone reports whether a node stands for a list of which it is the only item.
func (sp spot) standsAlone(n *node) bool {
	if n == nil || n.kind == kindList || n.kind == kindNull || sp.shape() != shapeList || !sp.field.single {
		return false
	}
	return n.kind != kindString || sp.typ.Elem().Kind() != reflect.String || !holdsDefault(n.text)
}

// item is the place of the items of a list.
func (sp spot) item() spot {
	if sp.shape() != shapeList {
		return spot{secret: sp.secret}
	}
	t := sp.typ.Elem()
	return spot{typ: t, field: sp.field, secret: sp.secret || isSecret(t)}
}

// isUser reports whether a text here is NAME:HASH, of which the name is no secret.
func (sp spot) isUser() bool {
	return sp.typ != nil && isSecret(sp.typ) && sp.field != nil && sp.field.typ.Kind() == reflect.Slice
}

// holdsSecrets reports whether values of a type, or the items of a list of it, are secrets.
func holdsSecrets(t reflect.Type) bool {
	return isSecret(t) || t.Kind() == reflect.Slice && isSecret(t.Elem())
}

// inside is the place of a section or map, and the keys it has there.
type inside struct {
	spot
	keys *sectionKeys // of a section with a struct; nil where every name may stand
}

// inside enters a section or map.
func (o *outline) inside(n *node, sp spot) inside {
	if sp.standsAlone(n) {
		sp = sp.item()
	}
	in := inside{spot: sp}
	if sp.shape() == shapeSection {
		in.keys = o.keys(section(sp.typ), n)
	}
	return in
}

// at is the place of a key or name.
func (in inside) at(name string) spot {
	if in.keys != nil {
		if i, ok := in.keys.index[name]; ok {
			f := &in.keys.fields[i]
			return spot{typ: f.typ, field: f, secret: in.secret || holdsSecrets(f.typ)}
		}
	} else if in.shape() == shapeNames {
		t := in.typ.Elem()
		return spot{typ: t, field: in.field, secret: in.secret || holdsSecrets(t) || in.field.secrets && isSecretName(name)}
	}
	return spot{secret: in.secret || isSecretName(name)}
}

// compare orders the entries of a section as the schema does, and names by name.
func (in inside) compare(a, b entry) int {
	if in.keys == nil {
		return strings.Compare(a.name, b.name)
	}
	return cmp.Or(cmp.Compare(in.keys.rank(a.name), in.keys.rank(b.name)), strings.Compare(a.name, b.name))
}

// isNamed reports whether the sections of names here are objects of their own, such as routes.
func (o *outline) isNamed(sp spot) bool {
	if sp.shape() != shapeNames || shapeOf(sp.typ.Elem()) != shapeSection {
		return false
	}
	return o.keys(section(sp.typ.Elem()), nil).short == ""
}

// rebuilt is a section with what change makes of each value, nil for one that is left out;
// n itself where that is what there is.
func rebuilt(n *node, change func(e entry) *node) *node {
	var own []entry
	for i, e := range n.entries {
		value := change(e)
		if own == nil && value != e.value {
			own = append(make([]entry, 0, len(n.entries)), n.entries[:i]...)
		}
		if own != nil && value != nil {
			own = append(own, entry{e.name, value})
		}
	}
	if own == nil {
		return n
	}
	c := *n
	c.entries = own
	return &c
}

// rebuiltList is the same for the items of a list, none of which is left out.
func rebuiltList(n *node, change func(i int, item *node) *node) *node {
	var own []*node
	for i, item := range n.items {
		value := change(i, item)
		if own == nil && value != item {
			own = slices.Clone(n.items)
		}
		if own != nil {
			own[i] = value
		}
	}
	if own == nil {
		return n
	}
	c := *n
	c.items = own
	return &c
}

// word is one text, number, true or false of a tree, or a name of a section of names.
type word struct {
	spot
	path   string
	text   string
	isName bool
}

// words calls visit for each word of a tree.
func (o *outline) words(n *node, sp spot, path string, visit func(w word)) {
	switch n.kind {
	case kindMap:
		in := o.inside(n, sp)
		for _, e := range n.entries {
			below, at := in.at(e.name), joinPath(path, e.name)
			if in.keys == nil {
				visit(word{in.spot, at, e.name, true})
			}
			o.words(e.value, below, at, visit)
		}
	case kindList:
		for i, item := range n.items {
			o.words(item, sp.item(), indexPath(path, i), visit)
		}
	case kindNull:
	default:
		if sp.standsAlone(n) {
			sp = sp.item()
		}
		visit(word{sp, path, n.text, false})
	}
}
