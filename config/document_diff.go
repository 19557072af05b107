package config

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Change is one thing in which two documents differ.
type Change struct {
	// Path is the key, with the name of an item where a list has such: pools.api.backends["10.0.0.1:80"].weight.
	Path string `json:"path"`
	// Action is added, changed or removed.
	Action string `json:"action"`
	// Old and New are the values as JSON, secrets masked; a secret that is another one is "*** (changed)" in New. What is
	// added has no Old, what is removed no New.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// The values of Change.Action.
const (
	ActionAdded   = "added"
	ActionChanged = "changed"
	ActionRemoved = "removed"
)

// changedMask stands in place of a secret that is another one.
const changedMask = mask + " (changed)"

// Diff lists what makes another document of was, sorted by path, and nothing where both have
// the same Hash: objects by name, sections key by key, lists of named items item by item, and
// other lists as a whole. The order of named items is a change of their list, whose Old and New
// are the names. Secrets are compared by an HMAC with key. Nil is a document without keys; both
// are of the same place.
func Diff(was, is *Document, key []byte) []Change {
	d := was
	if d == nil {
		d = is
	}
	if d == nil {
		return nil
	}
	o := theOutline()
	f := &differ{outline: o, mac: hmac.New(sha256.New, key)}
	f.node(o.rootOf(was), o.rootOf(is), d.spot, pathOf(d.place))
	slices.SortStableFunc(f.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return f.changes
}

// rootOf is a document in canonical form.
func (o *outline) rootOf(d *Document) *node {
	if d == nil {
		return &node{kind: kindMap}
	}
	return o.canon(d.root, d.spot)
}

type differ struct {
	*outline
	mac     hash.Hash
	changes []Change
}

// node compares two canonical trees, of which one may be nil.
func (f *differ) node(was, is *node, sp spot, path string) {
	if f.isNamed(sp) { // each object is a change of its own
		if was == nil {
			was = &node{kind: kindMap}
		} else if is == nil {
			is = &node{kind: kindMap}
		}
	}
	switch {
	case same(was, is):
	case was == nil:
		f.changes = append(f.changes, Change{Path: path, Action: ActionAdded, New: f.text(is, sp, nil)})
	case is == nil:
		f.changes = append(f.changes, Change{Path: path, Action: ActionRemoved, Old: f.text(was, sp, nil)})
	case was.kind == kindMap && is.kind == kindMap && !isOtherStage(was, is, sp):
		f.section(was, is, sp, path)
	case was.kind == kindList && is.kind == kindList && f.list(was, is, sp, path):
	default:
		f.changed(was, is, sp, path)
	}
}

// isOtherStage reports that a middleware has become one of another type, of whose keys none
// means what it has meant.
func isOtherStage(was, is *node, sp spot) bool {
	return sp.typ == reflect.TypeFor[Middleware]() && textOf(was.child("type")) != textOf(is.child("type"))
}

// section compares the entries of two sections, which are in the same order.
func (f *differ) section(was, is *node, sp spot, path string) {
	in := f.inside(is, sp)
	for x, y := was.entries, is.entries; len(x) > 0 || len(y) > 0; {
		order := 1
		if len(y) == 0 {
			order = -1
		} else if len(x) > 0 {
			order = in.compare(x[0], y[0])
		}
		var before, after *node
		var name string
		if order <= 0 {
			name, before, x = x[0].name, x[0].value, x[1:]
		}
		if order >= 0 {
			name, after, y = y[0].name, y[0].value, y[1:]
		}
		if !same(before, after) {
			f.node(before, after, in.at(name), joinPath(path, name))
		}
	}
}

// list compares two lists whose items all have names of their own; others it leaves alone.
func (f *differ) list(was, is *node, sp spot, path string) bool {
	item := sp.item()
	mine, theirs := f.names(was, item), f.names(is, item)
	if mine == nil || theirs == nil {
		return false
	}
	before, after := indexOf(mine), indexOf(theirs)
	for i, name := range mine {
		var next *node
		if k, stays := after[name]; stays {
			next = is.items[k]
		}
		f.node(was.items[i], next, item, namedPath(path, name))
	}
	for i, name := range theirs {
		if _, stays := before[name]; !stays {
			f.node(nil, is.items[i], item, namedPath(path, name))
		}
	}
	leave := func(names []string, others map[string]int) []string {
		return slices.DeleteFunc(names, func(name string) bool { _, stays := others[name]; return !stays })
	}
	mine, theirs = leave(mine, after), leave(theirs, before)
	if !slices.Equal(mine, theirs) {
		f.changes = append(f.changes, Change{path, ActionChanged, textsJSON(mine), textsJSON(theirs)})
	}
	return true
}

// indexOf is where each of some texts stands.
func indexOf(texts []string) map[string]int {
	m := make(map[string]int, len(texts))
	for i, text := range texts {
		m[text] = i
	}
	return m
}

// names are what the items of a list are called, or nil where that tells them not apart.
func (f *differ) names(list *node, sp spot) []string {
	names := make([]string, 0, len(list.items))
	seen := make(map[string]bool, len(list.items))
	for _, item := range list.items {
		name, ok := f.nameOf(item, sp)
		if !ok || seen[name] {
			return nil
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

// namedPath is the path of a named item of a list.
func namedPath(path, name string) string { return path + "[" + strconv.Quote(name) + "]" }

func textsJSON(texts []string) string {
	text, _ := json.Marshal(texts) //nolint:errchkjson // texts always can be written
	return string(text)
}

// changed notes that a value is another one.
func (f *differ) changed(was, is *node, sp spot, path string) {
	known := map[string]bool{}
	f.words(was, sp, "", func(w word) {
		if !w.isName && w.shown(w.text) != w.text {
			known[sealed(f.mac, w.text)] = true
		}
	})
	c := Change{path, ActionChanged, f.text(was, sp, nil), f.text(is, sp, known)}
	if c.Old == c.New { // the same secrets at other places
		c.New = f.text(is, sp, map[string]bool{})
	}
	f.changes = append(f.changes, c)
}

// text is a tree as JSON, masked. Where the secrets that it had are known, by their HMAC,
// others are said to be changed.
func (f *differ) text(n *node, sp spot, known map[string]bool) string {
	shown := func(sp spot, text string) string {
		visible := sp.shown(text)
		if visible != text && known != nil && !known[sealed(f.mac, text)] {
			visible = strings.TrimSuffix(visible, mask) + changedMask
			if holdsURLMask(visible) { // which stands within
				visible = strings.TrimSuffix(visible, changedMask) + strings.TrimPrefix(changedMask, mask)
			}
		}
		return visible
	}
	var b bytes.Buffer
	_ = jsonNode(&b, f.maskedBy(n, sp, shown)) // texts of a tree are UTF-8
	return b.String()
}
