package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/knadh/koanf/v2"
)

const (
	// delimiter joins keys inside koanf; no key contains it (keyIsPlain), while names may contain dots.
	delimiter = "\x1f"
	// selfKey holds the section's own node beside its keys.
	selfKey = "\x00"
)

// leaf is a node in a koanf map: its index in layers.nodes. koanf copies maps
// deeply, and a number is copied at no cost.
type leaf int

// layers merges trees by koanf: sections key by key, everything else as a
// whole, later ones over earlier ones.
type layers struct {
	koanf *koanf.Koanf
	nodes []*node
}

func newLayers() *layers {
	return &layers{koanf: koanf.New(delimiter)}
}

// load merges one more layer over those before it; nil is an empty layer.
func (l *layers) load(root *node) error {
	if root == nil {
		return nil
	}
	if err := l.koanf.Load(&layer{layers: l, root: root}, nil); err != nil {
		return fmt.Errorf("cannot merge a layer: %w", err)
	}
	return nil
}

// merged returns the tree of all layers, names in alphabetical order.
func (l *layers) merged() *node {
	return l.tree(l.koanf.Raw())
}

// tree turns a koanf map back into nodes.
func (l *layers) tree(m map[string]any) *node {
	n := &node{kind: kindMap}
	if self, ok := m[selfKey].(leaf); ok {
		n.from, n.key = l.nodes[self].from, l.nodes[self].key
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch v := m[name].(type) {
		case map[string]any:
			n.entries = append(n.entries, entry{name, l.tree(v)})
		case leaf:
			if name != selfKey {
				n.entries = append(n.entries, entry{name, l.nodes[v]})
			}
		}
	}
	return n
}

// layer is a tree as a koanf provider.
type layer struct {
	layers *layers
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
	p.layers.nodes = append(p.layers.nodes, n)
	return leaf(len(p.layers.nodes) - 1)
}
