package config

import (
	"reflect"
	"strconv"
	"strings"
)

// tree keeps whatever stands at a key: maps, lists, text, whole and other numbers, true
// and false, and nil. References in text are resolved.
func (d *decoder) tree(n *node, s slot) {
	if n.kind == kindNull {
		return
	}
	if n.kind != kindMap {
		d.badf(n, s.path, "must be a section of keys, not %s", n.kind)
		return
	}
	if m, ok := d.branch(n, s.path).(map[string]any); ok && len(m) > 0 {
		s.v.Set(reflect.ValueOf(m))
	}
}

// branch turns a node into what it stands for.
func (d *decoder) branch(n *node, path string) any {
	d.where[path] = n.at()
	switch n.kind {
	case kindMap:
		m := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			at := joinPath(path, e.name)
			if isSecretName(e.name) {
				d.refuseMask(e.value, at)
			}
			m[e.name] = d.branch(e.value, at)
		}
		return m
	case kindList:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = d.branch(item, indexPath(path, i))
		}
		return items
	case kindBool:
		return n.text == textTrue
	case kindInt, kindFloat:
		return d.number(n, path)
	case kindString, kindText:
		return d.text(n, path)
	case kindNull:
		return nil
	default:
		d.badf(n, path, "must be text, a number, true or false, a list or a section, not %s", n.kind)
		return nil
	}
}

// number is an int where it is whole and fits, else a float64.
func (d *decoder) number(n *node, path string) any {
	if whole, err := strconv.ParseInt(n.text, 10, strconv.IntSize); err == nil {
		return int(whole)
	}
	if whole, err := strconv.ParseInt(n.text, 0, strconv.IntSize); err == nil {
		return int(whole)
	}
	number, err := strconv.ParseFloat(n.text, 64)
	if err != nil || number != number || number-number != 0 { // no number, not a number, infinite
		d.badf(n, path, "must be a number, not %q", n.text)
		return nil
	}
	return number
}

func (d *decoder) text(n *node, path string) any {
	text, secret, err := d.references.expand(n.text)
	if secret {
		d.raw[path] = n.text
	}
	if err != nil {
		d.badf(n, path, "%s", strings.ReplaceAll(err.Error(), "\n", ", "))
	}
	return text
}

// tree is the reverse of branch.
func (p *printer) tree(v any, path string) *node {
	switch v := v.(type) {
	case map[string]any:
		n := &node{kind: kindMap}
		for _, name := range sortedNames(v) {
			below := p.tree(v[name], joinPath(path, name))
			if isSecretName(name) {
				maskTexts(below)
			}
			n.entries = append(n.entries, entry{name, below})
		}
		return n
	case []any:
		n := &node{kind: kindList}
		for i, item := range v {
			n.items = append(n.items, p.tree(item, indexPath(path, i)))
		}
		return n
	case bool:
		return &node{kind: kindBool, text: strconv.FormatBool(v)}
	case int:
		return &node{kind: kindInt, text: strconv.Itoa(v)}
	case float64:
		return &node{kind: kindFloat, text: floatText(v)}
	case string:
		if raw, ok := p.raw[path]; ok {
			return &node{kind: kindString, text: ShownURL(raw)}
		}
		return &node{kind: kindString, text: ShownURL(escape(v))}
	default:
		return &node{kind: kindNull, text: "null"}
	}
}

// floatText renders a number so that it is read as no whole one.
func floatText(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if strings.ContainsAny(text, ".e") {
		return text
	}
	return text + ".0"
}

// intoTree steps to a name below a key that takes anything, new or present.
func (w *walk) intoTree(key string, last bool) bool {
	if w.over.kind != kindMap {
		w.problems.addf(w.a.from, w.path, "has no keys below it")
		return false
	}
	return w.intoName(key, reflect.TypeFor[any](), last)
}

// treeValue reads the text of an assignment as YAML reads a value: 5 is a number, true is
// no text. What YAML cannot read is text.
func (w *walk) treeValue(text string) *node {
	n := flowYAML(text, w.a.from, &problemList{}, w.path)
	if n == nil || n.kind == kindOther || text == "" {
		return &node{kind: kindString, text: w.a.value, from: w.a.from}
	}
	return n
}
