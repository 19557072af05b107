package config

import (
	"slices"
)

// MergePatch changes the document, or what stands at path, by a JSON Merge Patch (RFC 7396):
// null takes a key out, sections are merged, everything else is replaced, lists as a whole. What
// is not there is made. The error is of type Problems, as that of ParseDocument.
func (d *Document) MergePatch(patch []byte, path ...string) (*Document, error) {
	o := theOutline()
	c := newDocumentCheck(o)
	place := slices.Concat(d.place, path)
	n := c.parse(&source{name: "patch", data: patch, format: formatJSON}, place)
	if n == nil {
		return nil, c.problems.err()
	}
	target := d.root
	for _, name := range path {
		target = target.child(name)
	}
	merged := mergePatch(target, n)
	_, sp := o.put(d.root, d.spot, merged, path)
	if sp.typ == nil || sp.shape() != shapeSection && sp.shape() != shapeNames {
		c.problems.addf(n.from, pathOf(place), "is no section of keys")
	}
	c.node(merged, sp, pathOf(place))
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	merged = o.arrange(merged, sp)
	root, _ := o.put(d.root, d.spot, merged, path)
	o.schema.settle(root, d.spot.typ)
	return &Document{root, d.place, d.spot}, nil
}

// mergePatch is the algorithm of RFC 7396 section 2. Target may be nil.
func mergePatch(target, patch *node) *node {
	if patch.kind != kindMap {
		return patch
	}
	merged := &node{kind: kindMap, from: patch.from, key: patch.key}
	if target != nil && target.kind == kindMap {
		merged.from, merged.key, merged.entries = target.from, target.key, slices.Clone(target.entries)
	}
	index := make(map[string]int, len(merged.entries))
	for i, e := range merged.entries {
		index[e.name] = i
	}
	for _, e := range patch.entries {
		i, have := index[e.name]
		switch {
		case !have && e.value.kind != kindNull:
			merged.entries = append(merged.entries, entry{e.name, mergePatch(nil, e.value)})
		case have && e.value.kind == kindNull:
			merged.entries[i].value = nil
		case have:
			merged.entries[i].value = mergePatch(merged.entries[i].value, e.value)
		}
	}
	merged.entries = slices.DeleteFunc(merged.entries, func(e entry) bool { return e.value == nil })
	return merged
}
