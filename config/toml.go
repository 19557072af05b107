package config

import (
	"errors"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlTree builds a tree from the expressions of a TOML text. The text was
// checked before, so tables and keys fit together.
type tomlTree struct {
	*source
	parser unstable.Parser
	// index finds the keys of the sections being built.
	index map[*node]map[string]*node
}

// parseTOML reads one TOML document. toml.Unmarshal decides what is valid,
// duplicates included; the parser below it supplies the positions.
func parseTOML(s *source) (*node, error) {
	var valid map[string]any
	if err := toml.Unmarshal(s.data, &valid); err != nil {
		if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, col := decode.Position()
			return nil, s.refusef(s.at(row, col), "cannot be read as TOML: %s", decode.Error())
		}
		return nil, s.refusef(s.at(1, 1), "cannot be read as TOML: %s", err)
	}
	t := tomlTree{source: s, index: map[*node]map[string]*node{}}
	t.parser.Reset(s.data)
	root := &node{kind: kindMap, from: s.at(1, 1)}
	table := root
	for t.parser.NextExpression() {
		e := t.parser.Expression()
		var err error
		switch e.Kind {
		case unstable.Table:
			table, err = t.descend(root, e.Key(), false)
		case unstable.ArrayTable:
			table, err = t.descend(root, e.Key(), true)
		case unstable.KeyValue:
			err = t.keyValue(table, e, 0)
		default: // comments
		}
		if err != nil {
			return nil, err
		}
	}
	if err := t.parser.Error(); err != nil {
		return nil, s.refusef(s.at(1, 1), "cannot be read as TOML: %s", err)
	}
	return root, nil
}

// put adds a key to a section.
func (t *tomlTree) put(n *node, key *unstable.Node, value *node) error {
	value.key = t.atOffset(int(key.Raw.Offset))
	name := string(key.Data)
	if !keyIsPlain(name) {
		return t.refusef(value.key, "a key must be plain text")
	}
	n.entries = append(n.entries, entry{name, value})
	if t.index[n] == nil {
		t.index[n] = map[string]*node{}
	}
	t.index[n][name] = value
	return t.count(value.key)
}

// descend walks a dotted key from n and makes the sections that are missing.
// With list, the last key is a list and the result a new item of it.
func (t *tomlTree) descend(n *node, keys unstable.Iterator, list bool) (*node, error) {
	for depth := 1; keys.Next(); depth++ {
		key := keys.Node()
		at := t.atOffset(int(key.Raw.Offset))
		if err := t.deep(at, depth); err != nil {
			return nil, err
		}
		last := keys.IsLast()
		child := t.index[n][string(key.Data)]
		if child == nil {
			child = &node{kind: kindMap, from: at}
			if last && list {
				child.kind = kindList
			}
			if err := t.put(n, key, child); err != nil {
				return nil, err
			}
		}
		if child.kind == kindList {
			if last && list {
				child.items = append(child.items, &node{kind: kindMap, from: at})
			}
			child = child.items[len(child.items)-1]
		}
		n = child
	}
	return n, nil
}

// keyValue adds "a.b = value" to a section.
func (t *tomlTree) keyValue(n *node, e *unstable.Node, depth int) error {
	keys := e.Key()
	for keys.Next() {
		key := keys.Node()
		at := t.atOffset(int(key.Raw.Offset))
		depth++
		if err := t.deep(at, depth); err != nil {
			return err
		}
		if keys.IsLast() {
			value, err := t.value(e.Value(), at, depth)
			if err != nil {
				return err
			}
			return t.put(n, key, value)
		}
		child := t.index[n][string(key.Data)]
		if child == nil {
			child = &node{kind: kindMap, from: at}
			if err := t.put(n, key, child); err != nil {
				return err
			}
		}
		n = child
	}
	return nil
}

// value converts one value; at is the position of its key, which lists keep.
func (t *tomlTree) value(v *unstable.Node, at Origin, depth int) (*node, error) {
	if v.Raw.Length > 0 {
		at = t.atOffset(int(v.Raw.Offset))
	}
	if err := errors.Join(t.count(at), t.deep(at, depth)); err != nil {
		return nil, errRefused
	}
	n := &node{from: at, text: string(v.Data)}
	switch v.Kind {
	case unstable.Array:
		n.kind, n.text = kindList, ""
		for items := v.Children(); items.Next(); {
			item, err := t.value(items.Node(), at, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
	case unstable.InlineTable:
		n.kind, n.text = kindMap, ""
		for keys := v.Children(); keys.Next(); {
			if err := t.keyValue(n, keys.Node(), depth+1); err != nil {
				return nil, err
			}
		}
	case unstable.String:
		n.kind = kindString
	case unstable.Integer:
		n.kind = kindInt
	case unstable.Float:
		n.kind = kindFloat
	case unstable.Bool:
		n.kind = kindBool
	default:
		n.kind = kindOther
	}
	return n, nil
}
