package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
)

const (
	// delimiter joins keys inside koanf; no key contains it (keyIsPlain), while names may contain dots.
	delimiter = "\x1f"
	// selfKey holds the section's own node beside its keys.
	selfKey = "\x00"
)

// leaf is a node in a koanf map: its index in merger.nodes. koanf copies maps
// deeply, and a number is copied at no cost.
type leaf int

// layers merges trees: sections key by key, everything else as a whole, later ones
// over earlier ones. koanf does so for each key at the top that stands in several of
// them. What stands in one alone is taken as it is: routes and pools in the file, most
// of all, of which there may be thousands.
type layers struct {
	roots []*node
}

// load puts one more layer over those before it; nil is an empty layer.
func (l *layers) load(root *node) {
	if root != nil {
		l.roots = append(l.roots, root)
	}
}

// merged returns the tree of all layers, names in alphabetical order.
func (l *layers) merged() (*node, error) {
	n := &node{kind: kindMap}
	all := map[string][]*node{} // by key, one for each layer that has it
	for _, root := range l.roots {
		n.from, n.key = root.from, root.key
		for _, e := range root.entries {
			all[e.name] = append(all[e.name], e.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(all[name]) == 1 {
			n.entries = append(n.entries, entry{name, all[name][0].sorted()})
			continue
		}
		m := merger{koanf: koanf.New(delimiter)}
		for _, value := range all[name] {
			if err := m.load(&node{kind: kindMap, entries: []entry{{name, value}}}); err != nil {
				return nil, err
			}
		}
		n.entries = append(n.entries, m.merged().entries...)
	}
	return n, nil
}

// sorted returns a tree with its names in alphabetical order, itself where they are.
func (n *node) sorted() *node {
	if n.kind != kindMap || n.whole {
		return n
	}
	byName := func(a, b entry) int { return strings.Compare(a.name, b.name) }
	same := slices.IsSortedFunc(n.entries, byName)
	entries := n.entries
	if !same {
		entries = slices.SortedStableFunc(slices.Values(n.entries), byName)
	}
	for i := range entries {
		below := entries[i].value.sorted()
		if below == entries[i].value {
			continue
		}
		if same { // nodes are shared
			entries, same = slices.Clone(entries), false
		}
		entries[i].value = below
	}
	if same {
		return n
	}
	return &node{kind: kindMap, entries: entries, from: n.from, key: n.key}
}

// merger merges what layers say of one key at the top.
type merger struct {
	koanf *koanf.Koanf
	nodes []*node
}

func (m *merger) load(root *node) error {
	if err := m.koanf.Load(&layer{merger: m, root: root}, nil); err != nil {
		return fmt.Errorf("cannot merge a layer: %w", err)
	}
	return nil
}

func (m *merger) merged() *node { return m.tree(m.koanf.Raw()) }

// tree turns a koanf map back into nodes.
func (m *merger) tree(all map[string]any) *node {
	n := &node{kind: kindMap}
	if self, ok := all[selfKey].(leaf); ok {
		n.from, n.key = m.nodes[self].from, m.nodes[self].key
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch v := all[name].(type) {
		case map[string]any:
			n.entries = append(n.entries, entry{name, m.tree(v)})
		case leaf:
			if name != selfKey {
				n.entries = append(n.entries, entry{name, m.nodes[v]})
			}
		}
	}
	return n
}

// layer is a tree as a koanf provider.
type layer struct {
	merger *merger
	root   *node
}

// errNoBytes answers koanf's second way to read, which a tree does not have.
var errNoBytes = errors.New("a layer has no bytes")

// ReadBytes is never called by koanf when there is no parser.
func (*layer) ReadBytes() ([]byte, error) { return nil, errNoBytes }

// Read returns the tree as nested maps with leaf values.
func (p *layer) Read() (map[string]any, error) { return p.section(p.root), nil }

func (p *layer) section(n *node) map[string]any {
	m := make(map[string]any, len(n.entries)+1)
	m[selfKey] = p.leaf(&node{from: n.from, key: n.key})
	for _, e := range n.entries {
		if e.value.kind == kindMap && !e.value.whole {
			m[e.name] = p.section(e.value)
		} else {
			m[e.name] = p.leaf(e.value)
		}
	}
	return m
}

func (p *layer) leaf(n *node) leaf {
	p.merger.nodes = append(p.merger.nodes, n)
	return leaf(len(p.merger.nodes) - 1)
}
