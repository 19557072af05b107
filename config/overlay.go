package config

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// envPrefix begins every variable that sets a key.
const envPrefix = "ISAME_"

// listItemsMax bounds the lists that are built by index.
const listItemsMax = 100_000

// assignment is one value given outside of the file.
type assignment struct {
	keys  []string
	value string
	from  Origin
	// fold matches keys and names as the environment spells them: in any case, and _ for a dash or dot.
	fold bool
}

// ownVariables are read by the programs themselves and set no key.
func ownVariables() []string {
	return []string{"ISAME_CONFIG", "ISAME_ADMIN", "ISAME_TOKEN", "ISAME_CA_FILE", "ISAME_CERT_FILE", "ISAME_KEY_FILE"}
}

// fromEnviron collects the assignments of the environment, sections before
// their keys and list items in the order of their index.
func fromEnviron(environ map[string]string) []assignment {
	var as []assignment
	for name, value := range environ {
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(ownVariables(), name) {
			continue
		}
		keys := strings.Split(name[len(envPrefix):], "__")
		as = append(as, assignment{keys: keys, value: value, from: Origin{Env: name}, fold: true})
	}
	slices.SortFunc(as, func(a, b assignment) int { return slices.CompareFunc(a.keys, b.keys, compareKeys) })
	return as
}

// compareKeys orders numbers by value and everything else as text.
func compareKeys(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// fromFlags collects the assignments of --set, in their order.
func fromFlags(set []string, problems *problemList) []assignment {
	var as []assignment
	for _, text := range set {
		key, value, ok := cutAssignment(text)
		from := Origin{Flag: cmp.Or(key, "=")}
		if !ok {
			problems.addf(from, "", "must be key=value")
			continue
		}
		keys, ok := splitPath(key)
		if !ok {
			problems.addf(from, "", "is not a key such as pools.api.algorithm or pools.api.backends[0].weight")
			continue
		}
		as = append(as, assignment{keys: keys, value: value, from: from})
	}
	return as
}

// cutAssignment splits key=value at the first = outside of quotes.
func cutAssignment(text string) (key, value string, ok bool) {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '=' && !quoted:
			return strings.TrimSpace(text[:i]), text[i+1:], i > 0
		}
	}
	return text, "", false
}

// splitPath splits pools."a.b".backends[0].weight into its keys; the index of a
// list may also be written as a key: backends.0.weight.
func splitPath(path string) ([]string, bool) {
	var keys []string
	for rest := path; ; {
		var key string
		if strings.HasPrefix(rest, `"`) {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, false
			}
			rest = rest[len(quoted):]
			if key, err = strconv.Unquote(quoted); err != nil {
				return nil, false
			}
		} else {
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			key, rest = rest[:end], rest[end:]
		}
		if key == "" {
			return nil, false
		}
		keys = append(keys, key)
		for strings.HasPrefix(rest, "[") {
			index, after, ok := strings.Cut(rest[1:], "]")
			if !ok || index == "" {
				return nil, false
			}
			keys, rest = append(keys, index), after
		}
		if rest == "" {
			return keys, true
		}
		if !strings.HasPrefix(rest, ".") {
			return nil, false
		}
		rest = rest[1:]
	}
}

// overlay builds the tree of one layer of assignments over the tree below it.
type overlay struct {
	schema   *schema
	problems *problemList
	as       []assignment // all of this layer
	base     *node
	root     *node
}

// overlayTree returns the layer; keys that match nothing become problems.
func overlayTree(s *schema, base *node, as []assignment, problems *problemList) *node {
	o := &overlay{schema: s, problems: problems, as: as, base: base, root: &node{kind: kindMap}}
	for i := range as {
		if len(as[i].keys) > depthMax {
			problems.addf(as[i].from, "", "names more than %d levels", depthMax)
			continue
		}
		o.assign(&as[i])
	}
	return o.root
}

// assign walks the keys of one assignment through the schema and puts its value.
func (o *overlay) assign(a *assignment) {
	w := walk{overlay: o, a: a, typ: reflect.TypeFor[Config](), base: o.base, over: o.root}
	for i, key := range a.keys {
		last := i == len(a.keys)-1
		ok := false
		switch shapeOf(w.typ) {
		case shapeSection:
			ok = w.intoSection(key, last)
		case shapeNames:
			ok = w.intoNames(key, last)
		case shapeList:
			ok = w.intoList(key, last)
		case shapeTree:
			ok = w.intoTree(key, last)
		default: // step does not go below a scalar
		}
		if !ok {
			return
		}
	}
}

// walk is the state of one assignment on its way down.
type walk struct {
	*overlay
	a     *assignment
	path  string
	typ   reflect.Type
	field *field // of the key it is at
	base  *node  // what the layers below hold here; nil for nothing
	over  *node  // what this layer holds here; made on the way
}

// intoSection steps to a key of a section.
func (w *walk) intoSection(key string, last bool) bool {
	fields := w.schema.keysOf(section(w.typ), w.stageType())
	for i := range fields {
		if fields[i].key == key || w.a.fold && strings.EqualFold(fields[i].key, key) {
			w.path = joinPath(w.path, fields[i].key)
			w.typ, w.field = fields[i].typ, &fields[i]
			return w.step(fields[i].key, last)
		}
	}
	if w.a.fold {
		key = strings.ToLower(key)
	}
	if name := w.meantVariable(); name != "" {
		w.problems.addf(w.a.from, joinPath(w.path, key), "unknown key%s: levels are separated by two underscores", didYouMean(quoted(name)))
		return false
	}
	if stage := w.stageType(); stage != "" {
		w.problems.addf(w.a.from, joinPath(w.path, key), "%s", w.schema.unknownStageKey(key, stage, fields))
		return false
	}
	here, elsewhere := w.schema.meantKey(key, fields)
	w.problems.addf(w.a.from, joinPath(w.path, key), "unknown key%s", didYouMean(cmp.Or(quoted(here), elsewhere)))
	return false
}

// intoNames steps to a name of a map, new or present.
func (w *walk) intoNames(key string, last bool) bool { return w.intoName(key, w.typ.Elem(), last) }

// intoName steps to a name, new or present, below which there is a typ.
func (w *walk) intoName(key string, typ reflect.Type, last bool) bool {
	if !keyIsPlain(key) || key == "" {
		w.problems.addf(w.a.from, w.path, "a name must be plain text")
		return false
	}
	if w.a.fold {
		name, ok := w.resolveName(key)
		if !ok {
			return false
		}
		key = name
	}
	w.path, w.typ = joinPath(w.path, key), typ
	return w.step(key, last)
}

// resolveName finds the name a variable means: as spelled, in another case,
// with dashes or dots for underscores; else it is new, in lower case.
func (w *walk) resolveName(key string) (string, bool) {
	var names []string
	if w.base != nil {
		for _, e := range w.base.entries {
			names = append(names, e.name)
		}
	}
	for _, e := range w.over.entries {
		if w.base.child(e.name) == nil {
			names = append(names, e.name)
		}
	}
	underscored := strings.NewReplacer("-", "_", ".", "_")
	for _, same := range []func(name string) bool{
		func(name string) bool { return name == key },
		func(name string) bool { return strings.EqualFold(name, key) },
		func(name string) bool { return strings.EqualFold(underscored.Replace(name), underscored.Replace(key)) },
	} {
		matches := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !same(name) })
		if len(matches) == 1 {
			return matches[0], true
		}
		if len(matches) > 1 {
			w.problems.addf(w.a.from, w.path, "%q matches several names: %s", key, strings.Join(matches, ", "))
			return "", false
		}
	}
	return strings.ToLower(key), true
}

// step enters a key of a section or map, or puts the value there.
func (w *walk) step(key string, last bool) bool {
	below := w.base.child(key)
	if last {
		if n := w.value(); n != nil {
			w.over.put(key, n)
		}
		return true
	}
	if shapeOf(w.typ) == shapeScalar {
		w.problems.addf(w.a.from, w.path, "has no keys below it")
		return false
	}
	next := w.over.child(key)
	switch {
	case next != nil:
	case shapeOf(w.typ) == shapeList:
		next = w.cloneList(below)
		w.over.put(key, next)
	default:
		next = &node{kind: kindMap}
		if below == nil || below.kind != kindMap {
			next.from = w.a.from
		}
		w.over.put(key, next)
	}
	w.base, w.over = below, next
	return true
}

// cloneList copies a list of the layer below, because nodes are shared.
func (w *walk) cloneList(below *node) *node {
	if below != nil && below.kind == kindMap { // one item stands for a list of one
		return &node{kind: kindList, items: []*node{below.clone()}, from: below.from, key: below.key}
	}
	if below == nil || below.kind != kindList {
		return &node{kind: kindList, from: w.a.from}
	}
	return below.clone()
}

// clone copies a node and all that is below it; depthMax bounds the recursion.
func (n *node) clone() *node {
	c := *n
	c.items = slices.Clone(n.items)
	for i := range c.items {
		c.items[i] = c.items[i].clone()
	}
	c.entries = slices.Clone(n.entries)
	for i := range c.entries {
		c.entries[i].value = c.entries[i].value.clone()
	}
	return &c
}

// intoList steps to an item of a list; the index behind the last one appends.
func (w *walk) intoList(key string, last bool) bool {
	if w.over.kind != kindList {
		return false // refused by the decoder: the list has a value of another shape
	}
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i > len(w.over.items) || i >= listItemsMax {
		w.problems.addf(w.a.from, w.path, "%q is not the index of an item: 0 to %d", key, len(w.over.items))
		return false
	}
	w.path = indexPath(w.path, i)
	w.typ = w.typ.Elem()
	if i == len(w.over.items) {
		w.over.items = append(w.over.items, &node{kind: kindMap, from: w.a.from})
	}
	if last {
		if n := w.value(); n != nil {
			w.over.items[i] = n
		}
		return true
	}
	if shapeOf(w.typ) == shapeScalar {
		w.problems.addf(w.a.from, w.path, "has no keys below it")
		return false
	}
	w.base, w.over = nil, w.over.items[i]
	return true
}

// put sets a key of a section.
func (n *node) put(name string, value *node) {
	for i := range n.entries {
		if n.entries[i].name == name {
			n.entries[i].value = value
			return
		}
	}
	n.entries = append(n.entries, entry{name, value})
}

// value turns the text of an assignment into a node of the shape of its key:
// sections and lists are written as YAML or JSON, lists of text also by commas.
func (w *walk) value() *node {
	text := strings.TrimSpace(w.a.value)
	switch shapeOf(w.typ) {
	case shapeTree:
		return w.treeValue(text)
	case shapeSection, shapeNames:
		if shapeOf(w.typ) == shapeSection && !strings.HasPrefix(text, "{") && w.schema.short(w.typ) != "" {
			return &node{kind: kindText, text: w.a.value, from: w.a.from}
		}
		if !strings.HasPrefix(text, "{") {
			w.problems.addf(w.a.from, w.path, "must be a section of keys, written as {key: value}")
			return nil
		}
		return flowYAML(text, w.a.from, w.problems, w.path)
	case shapeList:
		if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") && shapeOf(w.typ.Elem()) == shapeSection && w.field.single {
			return flowYAML(text, w.a.from, w.problems, w.path)
		}
		if w.typ.Elem().Kind() != reflect.String {
			w.problems.addf(w.a.from, w.path, "must be a list, written as [{key: value}]")
			return nil
		}
		return w.commas(text)
	default:
		return &node{kind: kindText, text: w.a.value, from: w.a.from}
	}
}

// commas splits a list of text.
func (w *walk) commas(text string) *node {
	n := &node{kind: kindList, from: w.a.from}
	if text == "" {
		return n
	}
	for item := range strings.SplitSeq(text, ",") {
		n.items = append(n.items, &node{kind: kindText, text: strings.TrimSpace(item), from: w.a.from})
	}
	return n
}
