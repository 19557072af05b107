package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"reflect"
	"slices"
)

// hashBytes is how much of the SHA-256 makes an ETag: enough that two contents never meet.
const hashBytes = 18

// Hash is the text of a strong ETag, without its quotes: the same for what means the same,
// in whatever format and order it was written, with text for {is: text} and one section for
// a list of one too, and another one for everything else. Durations, sizes and numbers count
// as they are written. Secrets go in by an HMAC with key, so that a Hash tells who has not
// got the key nothing of them.
func (d *Document) Hash(key []byte) string {
	o := theOutline()
	g := &digest{outline: o, sum: sha256.New(), mac: hmac.New(sha256.New, key)}
	g.text("isame document 1")
	g.node(o.canon(d.root, d.spot), d.spot)
	g.flush()
	return base64.RawURLEncoding.EncodeToString(g.sum.Sum(nil)[:hashBytes])
}

// digest writes a tree into a hash so that no two trees give the same bytes: texts go with
// their lengths, everything else begins with a byte of its own.
type digest struct {
	*outline
	sum, mac hash.Hash
	buffer   []byte // not yet in sum
}

// digestBufferMax bounds the buffer.
const digestBufferMax = 32 << 10

func (g *digest) flush() {
	g.sum.Write(g.buffer)
	g.buffer = g.buffer[:0]
}

func (g *digest) mark(c byte) { g.buffer = append(g.buffer, c) }

func (g *digest) text(text string) {
	g.buffer = append(binary.AppendUvarint(g.buffer, uint64(len(text))), text...)
	if len(g.buffer) > digestBufferMax {
		g.flush()
	}
}

// node writes a canonical tree.
func (g *digest) node(n *node, sp spot) {
	switch n.kind {
	case kindMap:
		g.mark('{')
		in := g.inside(n, sp)
		for _, e := range n.entries {
			g.text(e.name)
			g.node(e.value, in.at(e.name))
		}
		g.mark('}')
	case kindList:
		g.mark('[')
		for _, item := range n.items {
			g.node(item, sp.item())
		}
		g.mark(']')
	case kindNull:
		g.mark('0')
	default:
		g.mark(class(n.kind))
		if sp.secret && n.text != "" {
			g.mark('*')
			g.text(sealed(g.mac, n.text))
		} else {
			g.mark('=')
			g.text(n.text)
		}
	}
}

// class is the same for kinds that mean the same where their texts are.
func class(k kind) byte {
	switch k {
	case kindInt, kindFloat:
		return 'n'
	case kindBool:
		return 'b'
	default:
		return 's'
	}
}

// sealed is the HMAC of a secret.
func sealed(mac hash.Hash, text string) string {
	mac.Reset()
	mac.Write([]byte(text))
	return string(mac.Sum(nil))
}

// canon is the form of an arranged tree in which equal configurations are equal: everything
// in its long form, and names that are none left out.
func (o *outline) canon(n *node, sp spot) *node {
	if sp.standsAlone(n) {
		return &node{kind: kindList, items: []*node{o.canon(n, sp.item())}, from: n.from, key: n.key}
	}
	switch n.kind {
	case kindMap:
		in := o.inside(n, sp)
		return rebuilt(n, func(e entry) *node {
			below := in.at(e.name)
			if e.value.kind == kindMap && len(e.value.entries) == 0 && below.typ != nil && below.typ.Kind() == reflect.Map {
				return nil
			}
			return o.canon(e.value, below)
		})
	case kindList:
		return rebuiltList(n, func(_ int, item *node) *node { return o.canon(item, sp.item()) })
	case kindNull:
		return n
	default:
		return o.canonScalar(n, sp)
	}
}

func (o *outline) canonScalar(n *node, sp spot) *node {
	switch sp.shape() {
	case shapeSection:
		if short := o.keys(section(sp.typ), n).short; short != "" {
			return &node{kind: kindMap, entries: []entry{{short, n}}, from: n.from, key: n.key}
		}
	case shapeScalar:
		if n.kind == kindInt && sp.typ.Kind() == reflect.String && sp.field.numbers {
			c := *n
			c.kind = kindString
			return &c
		}
	default:
	}
	return n
}

// same reports whether two canonical trees are equal.
func same(a, b *node) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	switch a.kind {
	case kindMap:
		return b.kind == kindMap && slices.EqualFunc(a.entries, b.entries, func(x, y entry) bool {
			return x.name == y.name && same(x.value, y.value)
		})
	case kindList:
		return b.kind == kindList && slices.EqualFunc(a.items, b.items, same)
	case kindNull:
		return b.kind == kindNull
	default:
		return b.kind != kindMap && b.kind != kindList && b.kind != kindNull && class(a.kind) == class(b.kind) && a.text == b.text
	}
}
