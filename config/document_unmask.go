package config

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
)

// MaskedError says where a document has *** without that there is a secret it could stand for.
type MaskedError struct {
	// Path is the first of the places.
	Path string
	// Problems are all of them.
	Problems Problems
}

// Error renders one place a line.
func (e *MaskedError) Error() string { return e.Problems.Error() }

// Unmask puts the secrets of the running document in place of the masks. Objects are found by
// their names, items of lists by theirs (name or address; users by what stands before the
// colon, those of acme by directory and hosts), and items that have no name, or one that others
// have as well, where all but their secrets is as it was; never by their position. The error
// is a *MaskedError. Running is a whole configuration, or what stands at the same place; nil
// has no secrets.
func (d *Document) Unmask(running *Document) (*Document, error) {
	if !holdsMask(d.root) {
		return d, nil
	}
	var was *node
	if running != nil && len(running.place) <= len(d.place) && slices.Equal(running.place, d.place[:len(running.place)]) {
		if part, ok := running.At(d.place[len(running.place):]...); ok {
			was = part.root
		}
	}
	o := theOutline()
	u := &unmasker{outline: o, problems: &problemList{}}
	root := u.node(d.root, was, d.spot, pathOf(d.place))
	if u.problems.err() != nil {
		return nil, &MaskedError{u.problems.list[0].Path, u.problems.list}
	}
	o.schema.settle(root, d.spot.typ)
	return &Document{root, d.place, d.spot}, nil
}

// holdsMask reports whether a text of a tree is a mask or ends like one.
func holdsMask(n *node) bool {
	switch n.kind {
	case kindMap:
		return slices.ContainsFunc(n.entries, func(e entry) bool { return holdsMask(e.value) })
	case kindList:
		return slices.ContainsFunc(n.items, holdsMask)
	default:
		return n.kind == kindString && (strings.HasSuffix(n.text, mask) || holdsURLMask(n.text))
	}
}

type unmasker struct {
	*outline
	problems *problemList
}

// node is n with the secrets of was, which stands at its place and may be nil.
func (u *unmasker) node(n, was *node, sp spot, path string) *node {
	if !holdsMask(n) {
		return n
	}
	if sp.standsAlone(n) {
		was, sp = u.partners([]*node{n}, itemsIn(was), sp.item())[0], sp.item()
	}
	switch n.kind {
	case kindMap:
		in := u.inside(n, sp)
		return rebuilt(n, func(e entry) *node {
			return u.node(e.value, in.keyOf(was, e.name), in.at(e.name), joinPath(path, e.name))
		})
	case kindList:
		partners := u.partners(n.items, itemsIn(was), sp.item())
		return rebuiltList(n, func(i int, item *node) *node { return u.node(item, partners[i], sp.item(), indexPath(path, i)) })
	default:
		if sp.shape() == shapeSection && was != nil && was.kind == kindMap {
			was = was.child(u.keys(section(sp.typ), n).short)
		}
		return u.word(n, was, sp, path)
	}
}

// keyOf is the value of a key of a section, for which text may stand.
func (in inside) keyOf(n *node, name string) *node {
	if n != nil && n.kind != kindMap && in.keys != nil && in.keys.short == name {
		return n
	}
	return n.child(name)
}

// itemsIn are the items of a list that may be absent, or one that stands for it.
func itemsIn(list *node) []*node {
	if list == nil {
		return nil
	}
	return itemsOf(list)
}

// word is a text that may be a mask.
func (u *unmasker) word(n, was *node, sp spot, path string) *node {
	text := n.text
	if sp.isUser() {
		_, text = cutUser(text)
	}
	inURL := !sp.secret && holdsURLMask(text)
	if text != mask && !inURL {
		return n
	}
	// The secret of a URL stays where the rest of it does: it goes to no other host.
	if was != nil && was.kind != kindMap && was.kind != kindList && was.text != "" &&
		(sp.secret || was.text == n.text || inURL && sp.shown(was.text) == text) {
		c := *n
		c.kind, c.text = was.kind, was.text
		return &c
	}
	u.problems.addf(n.from, path, "*** stands for a secret that stays as it is, and there is none here: write the value or ${ENV:NAME}")
	return n
}

// partners finds for each item the one of another list that it has to be, nil for none.
func (u *unmasker) partners(items, others []*node, sp spot) []*node {
	found := make([]*node, len(items))
	mine, theirs := groups(items, nil, u.namer(sp)), groups(others, nil, u.namer(sp))
	taken := map[*node]bool{}
	for name, at := range mine {
		if with := theirs[name]; len(at) == 1 && len(with) == 1 {
			found[at[0]] = others[with[0]]
			taken[others[with[0]]] = true
		}
	}
	rest := func(n *node) (string, bool) { return u.likeness(n, sp), true }
	mine = groups(items, func(i int) bool { return found[i] != nil || !holdsMask(items[i]) }, rest)
	theirs = groups(others, func(i int) bool { return taken[others[i]] }, rest)
	for text, at := range mine {
		if with := theirs[text]; len(at) == len(with) {
			for i := range at {
				found[at[i]] = others[with[i]]
			}
		}
	}
	return found
}

// groups are the indexes of the items of a list that are called the same, by what that is.
func groups(items []*node, skip func(i int) bool, call func(n *node) (string, bool)) map[string][]int {
	m := map[string][]int{}
	for i, item := range items {
		if skip != nil && skip(i) {
			continue
		}
		if name, ok := call(item); ok {
			m[name] = append(m[name], i)
		}
	}
	return m
}

// likeness is an item without its secrets, as text.
func (o *outline) likeness(n *node, sp spot) string {
	var b bytes.Buffer
	_ = jsonNode(&b, o.masked(o.canon(n, sp), sp)) // texts of a tree are UTF-8
	return b.String()
}

// namer tells what the items of a list are called.
func (o *outline) namer(sp spot) func(n *node) (name string, ok bool) {
	return func(n *node) (string, bool) { return o.nameOf(n, sp) }
}

// nameOf is what an item of a list is called: by its name or address, a user by what stands
// before the colon, and an issuer of certificates by directory and hosts.
func (o *outline) nameOf(n *node, sp spot) (name string, ok bool) {
	if sp.isUser() {
		name, _ = cutUser(n.text)
		return name, name != ""
	}
	if n.kind != kindMap {
		return "", false
	}
	if sp.typ == reflect.TypeFor[ACME]() {
		return o.issuerOf(n, sp), true
	}
	for _, key := range []string{"name", "address"} {
		if child := n.child(key); child != nil && child.kind == kindString && child.text != "" {
			return child.text, true
		}
	}
	return "", false
}

// issuerOf is the directory and the hosts of a section of acme.
func (o *outline) issuerOf(n *node, sp spot) string {
	keys := o.keys(sp.typ, n)
	directory := keys.fields[keys.rank("directory")].def
	if child := n.child("directory"); child != nil {
		directory = child.text
	}
	hosts := itemsIn(n.child("hosts"))
	words := append(make([]string, 0, 1+len(hosts)), ShownURL(directory))
	for _, host := range hosts {
		words = append(words, CertificateHost(host.text))
	}
	slices.Sort(words[1:])
	return strings.Join(words, " ")
}
