package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Document is a configuration as somebody wrote it: without defaults, environment and
// flags, references unresolved, aliases and included files in their place. It may be a part
// of one, such as a route, which knows its place. A Document is never changed, and may be
// used by any goroutine; documents share what they have in common.
type Document struct {
	root  *node
	place []string // the keys that lead to root; none for a whole configuration
	spot  spot
}

// ParseDocument reads a whole configuration that somebody has sent. The error is of type
// Problems: syntax, keys that are unknown or stand twice, and values that are null, which
// would be read as absent. Whether values are right is what Load says. Name stands for a
// file in problems; empty means "input".
func ParseDocument(data []byte, format, name string) (*Document, error) {
	s := &source{name: cmp.Or(name, "input"), data: data}
	var err error
	if s.format, err = checkFormat(format, name); err != nil {
		return nil, Problems{{Origin: Origin{File: s.name}, Message: err.Error()}}
	}
	return parseAt(s, nil)
}

// ErrIncludes says that a file is not the whole of a configuration, because it includes others.
var ErrIncludes = errors.New("the file includes others")

// ParseFile reads the text of a configuration file as Load does: null is what it stands for.
// The error is ErrIncludes, or Problems of the syntax.
func ParseFile(data []byte, format, name string) (*Document, error) {
	s := &source{name: cmp.Or(name, "input"), data: data, problems: &problemList{}, nodesMax: nodesMax}
	var err error
	if s.format, err = checkFormat(format, name); err != nil {
		return nil, Problems{{Origin: Origin{File: s.name}, Message: err.Error()}}
	}
	root := s.parse()
	if err := s.problems.err(); err != nil {
		return nil, err
	}
	if n := root.child(keyInclude); n != nil && n.kind != kindNull {
		return nil, ErrIncludes
	}
	return newDocument(theOutline(), root, nil, topSpot()), nil
}

// ParsePart reads a part of a configuration: a section ("routes"), or an object of one
// ("routes", "api"). Problems are those of ParseDocument, with their path in the whole
// configuration and the place in data.
func ParsePart(data []byte, format string, path ...string) (*Document, error) {
	s := &source{name: "input", data: data}
	var err error
	if s.format, err = checkFormat(format, ""); err != nil {
		return nil, Problems{{Path: pathOf(path), Message: err.Error()}}
	}
	return parseAt(s, path)
}

func parseAt(s *source, place []string) (*Document, error) {
	o := theOutline()
	sp, err := o.spotOf(place)
	if err != nil {
		return nil, err
	}
	c := newDocumentCheck(o)
	root := c.parse(s, place)
	if root != nil {
		c.node(root, sp, pathOf(place))
	}
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	return newDocument(o, root, slices.Clone(place), sp), nil
}

// newDocument makes a document of a tree in which nothing is unknown.
func newDocument(o *outline, root *node, place []string, sp spot) *Document {
	root = o.arrange(root, sp)
	o.schema.settle(root, sp.typ)
	return &Document{root, place, sp}
}

// documentOf is the document of a configuration that was loaded from a tree, or nil.
func documentOf(opts *Options, root *node) *Document {
	if opts.Document != nil || root == nil {
		return opts.Document
	}
	return newDocument(theOutline(), root, nil, topSpot())
}

// tree is what Load begins with.
func (d *Document) tree(problems *problemList) *node {
	if len(d.place) > 0 {
		problems.addf(d.root.from, pathOf(d.place), "is only a part of a configuration")
		return nil
	}
	return d.root
}

// Document returns what the configuration was loaded from, with included files in it but
// without environment and flags; nil where there was neither file nor text.
func (l *Loaded) Document() *Document { return l.document }

// spotOf is the place of a section, or of an object of one.
func (o *outline) spotOf(place []string) (spot, error) {
	sp := topSpot()
	for i, name := range place {
		in := o.inside(nil, sp)
		below := in.at(name)
		if below.typ == nil || i > 1 {
			message := "there is no such section" + DidYouMean(name, keyNames(o.schema.fields(topSpot().typ)))
			return spot{}, Problems{{Path: pathOf(place), Message: message}}
		}
		sp = below
	}
	if sp.shape() != shapeSection && sp.shape() != shapeNames {
		return spot{}, Problems{{Path: pathOf(place), Message: "is one value, not a section"}}
	}
	return sp, nil
}

// pathOf is a place as paths are written.
func pathOf(place []string) string {
	path := ""
	for _, name := range place {
		path = joinPath(path, name)
	}
	return path
}

// Encode writes the document as yaml or json, with its keys in the order of the schema and
// names sorted. What comes out is what ParseDocument takes. Masked, literal secrets are
// written as *** (users as NAME:***), which Unmask turns back.
func (d *Document) Encode(format string, masked bool) ([]byte, error) {
	root := d.root
	if masked {
		root = theOutline().masked(root, d.spot)
	}
	var text []byte
	var err error
	switch format {
	case formatYAML:
		text, err = encodeYAML(root)
	case formatJSON:
		text, err = encodeJSON(root)
	default:
		return nil, fmt.Errorf("cannot write format %q: it is none of yaml and json", format)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write the configuration as %q: %w", format, err)
	}
	return text, nil
}

// At returns a part of the document by its keys: a section ("routes"), an object of one
// ("routes", "api"), or what is below.
func (d *Document) At(path ...string) (*Document, bool) {
	o, n, sp := theOutline(), d.root, d.spot
	for _, name := range path {
		below := n.child(name)
		if below == nil {
			return nil, false
		}
		n, sp = below, o.inside(n, sp).at(name)
	}
	return &Document{n, slices.Concat(d.place, path), sp}, true
}

// Names are those of the objects of a section, sorted; none where it has no names.
func (d *Document) Names(section string) []string {
	in := theOutline().inside(d.root, d.spot)
	n := d.root.child(section)
	if n == nil || n.kind != kindMap || in.at(section).shape() != shapeNames {
		return nil
	}
	names := make([]string, len(n.entries))
	for i, e := range n.entries {
		names[i] = e.name
	}
	return names
}

// With returns a copy of the document in which part stands at path, in place of what is
// there or anew.
func (d *Document) With(part *Document, path ...string) (*Document, error) {
	if len(path) == 0 || part == nil {
		return nil, fmt.Errorf("cannot put a part at %q: it needs a part and a place", pathOf(path))
	}
	o := theOutline()
	root, sp := o.put(d.root, d.spot, part.root, path)
	if sp.typ != part.spot.typ {
		return nil, fmt.Errorf("cannot put %q at %q: it is a part of another kind", pathOf(part.place), pathOf(path))
	}
	o.schema.settle(root, d.spot.typ)
	return &Document{root, d.place, d.spot}, nil
}

// put is a copy of a section with value at path, and the place that this is.
func (o *outline) put(n *node, sp spot, value *node, path []string) (*node, spot) {
	if len(path) == 0 {
		return value, sp
	}
	if n == nil || n.kind != kindMap {
		n = &node{kind: kindMap, from: value.from, key: value.key}
	}
	c := *n
	c.entries = slices.Clone(n.entries)
	below, at := o.put(c.child(path[0]), o.inside(n, sp).at(path[0]), value, path[1:])
	c.put(path[0], below)
	in := o.inside(&c, sp)
	if !slices.IsSortedFunc(c.entries, in.compare) {
		slices.SortStableFunc(c.entries, in.compare)
	}
	return &c, at
}

// Without returns a copy of the document without what stands at path, and whether there was
// anything. A section of names that is empty then goes with it.
func (d *Document) Without(path ...string) (*Document, bool) {
	if _, found := d.At(path...); !found || len(path) == 0 {
		return d, false
	}
	return &Document{theOutline().without(d.root, d.spot, path), d.place, d.spot}, true
}

func (o *outline) without(n *node, sp spot, path []string) *node {
	in := o.inside(n, sp)
	return rebuilt(n, func(e entry) *node {
		if e.name != path[0] {
			return e.value
		}
		if len(path) == 1 {
			return nil
		}
		below := o.without(e.value, in.at(e.name), path[1:])
		if len(below.entries) == 0 && in.at(e.name).shape() == shapeNames {
			return nil
		}
		return below
	})
}

// Referrers are the paths of the document that name an object: those of routes for pools,
// middleware and listeners, and those of stages and defaults for middleware and pools.
func (d *Document) Referrers(section, name string) []string {
	var paths []string
	theOutline().words(d.root, d.spot, pathOf(d.place), func(w word) {
		// Of split, which gives pools their weights, the names count.
		if w.field != nil && w.field.refers == section && w.text == name && w.isName == (w.field.typ.Kind() == reflect.Map) {
			paths = append(paths, w.path)
		}
	})
	slices.Sort(paths)
	return paths
}

// References are the names of the environment variables and the files that the document
// takes its values from, as they are written: ${ENV:NAME}, ${FILE:/path}, the keys that hold
// paths, and the words of a program that is run. Each stands there once, sorted. Where a path
// with a reference in it leads is not known: it stands behind /${}/, which is no folder.
func (d *Document) References() (env, files []string) {
	variables, paths := map[string]bool{}, map[string]bool{}
	theOutline().words(d.root, d.spot, "", func(w word) {
		if w.isName {
			return
		}
		for _, m := range reference.FindAllStringSubmatch(w.text, -1) {
			switch {
			case len(m[1]) > 1: // text
			case m[2] == sourceEnv:
				name, _, _ := strings.Cut(m[3], otherwise)
				variables[name] = true
			default:
				paths[m[3]] = true
			}
		}
		if w.field == nil || !w.field.file && !w.field.runs || w.text == "" {
			return
		}
		if strings.Contains(w.text, "${") {
			w.text = "/${}/" + w.text
		}
		paths[w.text] = true
	})
	return slices.Sorted(maps.Keys(variables)), slices.Sorted(maps.Keys(paths))
}
