package config

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// edited is the node of a file with what it is to say: it keeps the comments, the order and
// the style of what stays. Old may be nil.
func (r *rewriter) edited(old *yaml.Node, was, is *node, sp spot) *yaml.Node {
	switch {
	case old == nil || was == nil || old.Kind == yaml.AliasNode:
		return yamlNode(is)
	case r.isUnchanged(old, was, is, sp):
		return old
	case isPlainMap(old) && was.kind == kindMap && is.kind == kindMap:
		return r.editedMap(old, was, is, sp)
	case old.Kind == yaml.SequenceNode && is.kind == kindList && was.kind == kindList && len(was.items) == len(old.Content):
		return r.editedList(old, was, is, sp)
	}
	y := yamlNode(is)
	y.HeadComment, y.FootComment = old.HeadComment, old.FootComment
	const quotes = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle
	if y.Kind == yaml.ScalarNode && is.kind == kindString && old.Style&quotes != 0 && !strings.ContainsAny(y.Value, "\r\n") {
		y.Style = old.Style & quotes
	}
	if y.Kind != yaml.ScalarNode && old.Style&yaml.FlowStyle != 0 {
		y.Style |= yaml.FlowStyle
	}
	return y
}

// isOnALine reports whether a value stands on the line of its key.
func isOnALine(y *yaml.Node) bool {
	return y.Kind == yaml.ScalarNode || y.Kind == yaml.AliasNode || y.Style&yaml.FlowStyle != 0 || len(y.Content) == 0
}

// withComment is a key and what stands behind it now, in place of old, with the comment that
// stood on their line where the library writes it: behind a value on that line, else behind
// the key.
func withComment(key, old, value *yaml.Node) (newKey, newValue *yaml.Node) {
	k, v := *key, *value
	comment := k.LineComment
	if comment == "" && isOnALine(old) {
		comment = old.LineComment
	}
	if !isOnALine(value) {
		k.LineComment = comment
		return &k, &v
	}
	k.LineComment, v.LineComment = "", comment
	if v.Kind != yaml.ScalarNode && len(v.Content) == 0 {
		v.Style |= yaml.FlowStyle // it is written so, with its comment only if it says so
	}
	return &k, &v
}

func (r *rewriter) editedMap(old *yaml.Node, was, is *node, sp spot) *yaml.Node {
	c := *old
	c.Content = nil
	in := r.inside(is, sp)
	before, after := valuesOf(was), valuesOf(is)
	for i := 0; i < len(old.Content); i += 2 {
		key, value := old.Content[i], old.Content[i+1]
		next := after[key.Value]
		if in.typ == topSpot().typ && holdsAnchors(key.Value) {
			c.Content = append(c.Content, key, value)
		} else if next != nil {
			newKey, newValue := withComment(key, value, r.edited(value, before[key.Value], next, in.at(key.Value)))
			c.Content = append(c.Content, newKey, newValue)
		}
		delete(after, key.Value)
	}
	for _, e := range is.entries {
		if after[e.name] != nil {
			c.Content = append(c.Content, keyNode(e.name), asOthers(yamlNode(e.value), old))
		}
	}
	return &c
}

func (r *rewriter) editedList(old *yaml.Node, was, is *node, sp spot) *yaml.Node {
	c := *old
	c.Content = nil
	item := sp.item()
	left := groups(was.items, nil, func(n *node) (string, bool) { return r.label(n, item), true })
	for _, next := range is.items {
		label := r.label(next, item)
		at := left[label]
		if len(at) == 0 {
			c.Content = append(c.Content, asOthers(yamlNode(next), old))
			continue
		}
		left[label] = at[1:]
		c.Content = append(c.Content, r.edited(old.Content[at[0]], was.items[at[0]], next, item))
	}
	return &c
}

// label tells the items of a list apart: by what they are called, else by all they say.
func (r *rewriter) label(n *node, sp spot) string {
	if name, ok := r.nameOf(n, sp); ok {
		return "name " + name
	}
	var b bytes.Buffer
	_ = jsonNode(&b, r.canon(n, sp)) // texts of a tree are UTF-8
	return b.String()
}

// asOthers gives a section that is new the style of the last one beside it.
func asOthers(y, around *yaml.Node) *yaml.Node {
	if n := len(around.Content); n > 0 && y.Kind == yaml.MappingNode && around.Content[n-1].Kind == yaml.MappingNode {
		y.Style |= around.Content[n-1].Style & yaml.FlowStyle
	}
	return y
}

// isPlainMap reports whether a node is a section whose keys all stand in it themselves.
func isPlainMap(y *yaml.Node) bool {
	if y.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(y.Content); i += 2 {
		if y.Content[i].Kind != yaml.ScalarNode || y.Content[i].ShortTag() == "!!merge" {
			return false
		}
	}
	return true
}

// holdsAlias reports whether a node, or one below it, stands for another one.
func holdsAlias(y *yaml.Node) bool {
	if y.Kind == yaml.AliasNode {
		return true
	}
	return slices.ContainsFunc(y.Content, holdsAlias)
}
