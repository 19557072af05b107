package config

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Override is a key whose value comes from the environment or from a flag.
type Override struct {
	Path   string
	Origin Origin
}

// Overrides are the keys that the environment and flags decide, whatever the document
// says, in the order of their paths.
func (l *Loaded) Overrides() []Override {
	around := map[string]bool{} // sections and lists, which are told by what is in them
	for path := range l.where {
		around[parentPath(path)] = true
	}
	var list []Override
	for _, path := range slices.Sorted(maps.Keys(l.where)) {
		if at := l.where[path]; (at.Env != "" || at.Flag != "") && !around[path] {
			list = append(list, Override{Path: path, Origin: at})
		}
	}
	return list
}

// Value is the effective value at a path such as pools.api.backends[0].weight as JSON
// text, secrets masked; false where there is none.
func (l *Loaded) Value(path string) (value string, ok bool) {
	p := &printer{schema: newSchema(Extensions{}), raw: l.raw}
	root := p.section(reflect.ValueOf(l.Config).Elem(), "")
	n := find(root, "", path)
	if n == nil {
		return "", false
	}
	var b bytes.Buffer
	if err := jsonNode(&b, n); err != nil {
		return "", false
	}
	return b.String(), true
}

// Shown is what may be read of the text at a path: the reference where it came from one without
// a default, and no secret of a URL.
func (l *Loaded) Shown(path, text string) string {
	if raw, ok := l.raw[path]; ok {
		text = raw
	}
	return ShownURL(text)
}

// find is the node at a path; nil where there is none.
func find(n *node, at, path string) *node {
	if at == path {
		return n
	}
	for i := range n.entries {
		if next := joinPath(at, n.entries[i].name); leads(next, path) {
			if found := find(n.entries[i].value, next, path); found != nil {
				return found
			}
		}
	}
	for i, item := range n.items {
		if next := indexPath(at, i); leads(next, path) {
			if found := find(item, next, path); found != nil {
				return found
			}
		}
	}
	return nil
}

// leads reports whether a path goes through, or ends, at another one.
func leads(at, path string) bool {
	rest, ok := strings.CutPrefix(path, at)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
