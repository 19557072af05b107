package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// keyInclude is read before everything else: the files it names are one with its own.
const keyInclude = "include"

// includedMax bounds the files of one configuration.
const includedMax = 10_000

// includer reads the files that the key include of the main file names, and makes one tree
// of all of them, in which each value stands once. Values keep the places they have in
// their files.
type includer struct {
	schema     *schema
	problems   *problemList
	references *references

	main   string   // as it was named
	folder string   // of main, absolute and without links: everything stands below it
	files  []string // that were read, absolute
	// seen are the files that were read, without links, and the pattern that named each.
	seen map[string]string
	// empty are patterns that nothing matches, by the path of the item.
	empty map[string]string
	nodes int // of all files

	// owned are sections that join has made; what parsers return is shared.
	owned map[*node]map[string]*node
}

// include reads and joins what root includes; root itself where that is nothing.
func (in *includer) include(root *node) *node {
	list := root.child(keyInclude)
	if list == nil || list.kind == kindNull {
		return root
	}
	var err error
	if in.folder, err = realPath(filepath.Dir(in.main)); err != nil {
		in.problems.addf(list.at(), keyInclude, "cannot find the folder of the file: %s", reason(err))
		return root
	}
	in.seen, in.empty, in.owned = map[string]string{}, map[string]string{}, map[*node]map[string]*node{}
	if name, err := realPath(in.main); err == nil {
		in.seen[name] = ""
	}
	for i, item := range itemsOf(list) {
		if item.kind == kindString { // others are refused by the decoder
			root = in.item(root, item, indexPath(keyInclude, i))
		}
	}
	return root
}

// itemsOf are the items of a list, for which one may stand.
func itemsOf(list *node) []*node {
	if list.kind == kindList {
		return list.items
	}
	return []*node{list}
}

// realPath is a path from the root, without links.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err //nolint:wrapcheck // fails only without a working directory
	}
	return filepath.EvalSymlinks(path) //nolint:wrapcheck // the caller names the file once, in its problem
}

// item reads what one item of the list names.
func (in *includer) item(root, item *node, path string) *node {
	text, _, err := in.references.expand(item.text)
	if err != nil {
		return root // refused by the decoder
	}
	g, err := globOf(filepath.Dir(in.main), text)
	if err != nil {
		in.problems.addf(item.from, path, "%s", err)
		return root
	}
	found, err := g.find(nil)
	switch {
	case err != nil:
		in.problems.addf(item.from, path, "%s", err)
	case len(found) == 0 && g.isPattern():
		in.empty[path] = text
	case len(found) == 0:
		in.problems.addf(item.from, path, "there is no file %q", g.name())
	}
	for _, name := range found {
		if more := in.read(name, item, path, text); more != nil {
			root = in.join(root, more, reflect.TypeFor[Config](), "")
		}
	}
	return root
}

// read parses one file that an item has named; nil where it cannot.
func (in *includer) read(name string, item *node, path, pattern string) *node {
	target, err := realPath(name)
	if err != nil {
		in.problems.addf(Origin{File: name}, "", "cannot be read: %s", reason(err))
		return nil
	}
	if !isBelow(in.folder, target) {
		in.problems.addf(item.from, path, "%q is a link that leads out of the folder of the main file, to %q", name, target)
		return nil
	}
	if was, twice := in.seen[target]; twice {
		what := "is included by " + quoted(was) + " already"
		if was == "" {
			what = "is the main file itself"
		}
		in.problems.addf(item.from, path, "%q %s", name, what)
		return nil
	}
	in.seen[target] = pattern
	if len(in.files) == includedMax {
		in.problems.addf(item.from, path, "includes more than %d files", includedMax)
		return nil
	}
	root := in.parse(name)
	if root == nil {
		return nil
	}
	if inner := root.child(keyInclude); inner != nil {
		in.problems.addf(inner.at(), keyInclude, "cannot stand in a file that is included itself: name all files in the main one")
	}
	return root
}

// parse reads the text of an included file. All files together have no more values than
// one may have.
func (in *includer) parse(name string) *node {
	s := &source{name: name, problems: in.problems, nodesMax: nodesMax - in.nodes}
	at := Origin{File: name}
	var err error
	if s.format, err = formatOf(name); err != nil {
		s.failf(at, "%s", err)
		return nil
	}
	file, err := filepath.Abs(name)
	if err == nil {
		in.files = append(in.files, file)
		s.data, err = readSource(name)
	}
	if err != nil {
		s.failf(at, "cannot be read: %s", reason(err))
		return nil
	}
	root := s.parse()
	in.nodes += s.nodes
	return root
}

// join is a section that holds what two files say of it. Sections are joined key by key,
// and sections of names name by name; everything else is said once.
func (in *includer) join(a, b *node, t reflect.Type, path string) *node {
	joined := in.own(a)
	index := in.owned[joined]
	for _, e := range b.entries {
		if path == "" && (holdsAnchors(e.name) || e.name == keyInclude) {
			continue
		}
		at := joinPath(path, e.name)
		was := index[e.name]
		switch below := in.typeOf(t, e.name); {
		case was == nil:
			index[e.name] = e.value
			joined.entries = append(joined.entries, e)
		case e.value.kind == kindNull:
		case was.kind == kindNull:
			in.replace(joined, e.name, e.value)
		case below != nil && was.kind == kindMap && e.value.kind == kindMap:
			in.replace(joined, e.name, in.join(was, e.value, below, at))
		default:
			in.problems.addf(e.value.at(), at, "is given twice, first in %s", was.at().line())
		}
	}
	return joined
}

// own is a section that may be changed.
func (in *includer) own(n *node) *node {
	if _, ours := in.owned[n]; ours {
		return n
	}
	c := *n
	c.entries = slices.Clone(n.entries)
	index := make(map[string]*node, len(c.entries))
	for _, e := range c.entries {
		index[e.name] = e.value
	}
	in.owned[&c] = index
	return &c
}

// replace sets a key of a section that is ours.
func (in *includer) replace(n *node, name string, value *node) {
	if in.owned[n][name] == value {
		return
	}
	in.owned[n][name] = value
	n.put(name, value)
}

// typeOf is the type of a key whose value may stand in parts in several files: a section,
// and one of names, but not one of these names. nil is any other.
func (in *includer) typeOf(t reflect.Type, key string) reflect.Type {
	if shapeOf(t) != shapeSection {
		return nil
	}
	for _, f := range in.schema.fields(section(t)) {
		if shape := shapeOf(f.typ); f.key == key && (shape == shapeSection || shape == shapeNames) {
			return f.typ
		}
	}
	return nil
}

// warn says which patterns match nothing.
func (in *includer) warn(l *Loaded) {
	for _, path := range sortedNames(in.empty) {
		l.Warnf(path, "no file matches %q", in.empty[path])
	}
}

// line is where a value stands in a file, without its column.
func (o Origin) line() string {
	text := o.String()
	if o.Col > 0 {
		text = text[:strings.LastIndexByte(text, ':')]
	}
	return text
}

// isBelow reports whether a path is in a folder, both absolute and clean.
func isBelow(folder, path string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rest)
}

// isAbsent reports an error of a file that is not there.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
