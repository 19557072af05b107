package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
)

// Write prints the effective configuration, defaults merged, as yaml or json.
// Secrets are masked: one that is written in the configuration prints as ***, a user as
// NAME:***, a value with ${ENV:} or ${FILE:} as that reference. Optional sections
// that are absent and texts and lists that are empty are left out. Loading the
// output gives the same Config again, unless a secret was masked: *** is
// refused as a secret.
func Write(w io.Writer, loaded *Loaded, format string) error {
	p := &printer{schema: newSchema(Extensions{}), raw: loaded.raw}
	root := p.section(reflect.ValueOf(loaded.Config).Elem(), "")
	var text []byte
	var err error
	switch format {
	case formatYAML:
		text, err = encodeYAML(root)
	case formatJSON:
		text, err = encodeJSON(root)
	default:
		return fmt.Errorf("cannot print format %q: it is none of yaml and json", format)
	}
	if err != nil {
		return fmt.Errorf("cannot print the configuration: %w", err)
	}
	if _, err = w.Write(text); err != nil {
		return fmt.Errorf("cannot print the configuration: %w", err)
	}
	return nil
}

// WriteOrigins prints every value of the effective configuration with where it
// comes from, one a line, aligned: path, value, origin. Secrets are masked.
func WriteOrigins(w io.Writer, loaded *Loaded) error {
	p := &printer{schema: newSchema(Extensions{}), raw: loaded.raw}
	root := p.section(reflect.ValueOf(loaded.Config).Elem(), "")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	err := writeLeaves(table, root, "", loaded)
	if err == nil {
		err = table.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot print the origins: %w", err)
	}
	return nil
}

func writeLeaves(w io.Writer, n *node, path string, loaded *Loaded) error {
	if n.kind == kindMap && len(n.entries) > 0 {
		for _, e := range n.entries {
			if err := writeLeaves(w, e.value, joinPath(path, e.name), loaded); err != nil {
				return err
			}
		}
		return nil
	}
	if n.kind == kindList && len(n.items) > 0 {
		for i, item := range n.items {
			if err := writeLeaves(w, item, indexPath(path, i), loaded); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\n", path, leafText(n), loaded.Origin(path))
	return err //nolint:wrapcheck // WriteOrigins wraps it
}

// leafText renders a value on one line.
func leafText(n *node) string {
	switch {
	case n.kind == kindMap:
		return "{}"
	case n.kind == kindList:
		return "[]"
	case n.kind == kindString && (n.text == "" || strings.ContainsFunc(n.text, func(r rune) bool { return r <= ' ' || r == 0x7f })):
		return fmt.Sprintf("%q", n.text)
	default:
		return n.text
	}
}

// printer turns a Config back into a tree.
type printer struct {
	schema *schema
	raw    map[string]string
}

func (p *printer) section(v reflect.Value, path string) *node {
	n := &node{kind: kindMap}
	fields := p.schema.fields(v.Type())
	for i := range fields {
		f := &fields[i]
		field := v.FieldByIndex(f.index)
		if f.isUnset(field) {
			continue
		}
		below := p.value(field, joinPath(path, f.key))
		if f.secrets {
			maskNamed(below)
		}
		n.entries = append(n.entries, entry{f.key, below})
	}
	if m, ok := reflect.TypeAssert[Middleware](v); ok && m.Stage != nil {
		n.entries = append(n.entries, p.section(reflect.ValueOf(m.Stage).Elem(), path).entries...)
	}
	return n
}

// shorter is a section that text may stand for: that text, or the keys that say something.
func (p *printer) shorter(v reflect.Value, path string) *node {
	n := &node{kind: kindMap}
	var text *node
	for _, f := range p.schema.fields(v.Type()) {
		field := v.FieldByIndex(f.index)
		if f.short {
			text = p.scalar(field, joinPath(path, f.key))
		}
		if !field.IsZero() {
			n.entries = append(n.entries, entry{f.key, p.value(field, joinPath(path, f.key))})
		}
	}
	if len(n.entries) == 0 || len(n.entries) == 1 && p.schema.short(v.Type()) == n.entries[0].name {
		return text
	}
	return n
}

// isUnset reports whether a value says the same as an absent key: an empty
// text, list or map and an absent section. Where empty is not the default, it
// must be printed, and the backends of a pool always are: a pool without that
// key is refused.
func (f *field) isUnset(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil()
	case reflect.Map, reflect.String:
		return v.Len() == 0 && f.def == ""
	case reflect.Slice:
		return v.Len() == 0 && f.def == "" && f.key != "backends"
	default:
		return false
	}
}

func (p *printer) value(v reflect.Value, path string) *node {
	if shapeOf(v.Type()) == shapeTree {
		return p.tree(v.Interface(), path)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return p.section(v.Elem(), path)
	case reflect.Struct:
		if p.schema.short(v.Type()) != "" {
			return p.shorter(v, path)
		}
		return p.section(v, path)
	case reflect.Map:
		n := &node{kind: kindMap}
		for _, name := range keysOf(v) {
			n.entries = append(n.entries, entry{name, p.value(v.MapIndex(reflect.ValueOf(name)), joinPath(path, name))})
		}
		return n
	case reflect.Slice:
		n := &node{kind: kindList}
		for i := range v.Len() {
			item := p.value(v.Index(i), indexPath(path, i))
			if isSecret(v.Type().Elem()) && item.text == mask {
				item.text = shownUser(v.Index(i).String())
			}
			n.items = append(n.items, item)
		}
		return n
	default:
		return p.scalar(v, path)
	}
}

func (p *printer) scalar(v reflect.Value, path string) *node {
	if raw, ok := p.raw[path]; ok {
		return &node{kind: kindString, text: ShownURL(raw)}
	}
	n := &node{kind: kindString, text: formatScalar(v)}
	switch {
	case isSecret(v.Type()):
		n.text = Secret(v.String()).String()
	case isSize(v.Type()) && v.Int() == 0:
		n.kind = kindInt
	case isDuration(v.Type()) || isSize(v.Type()):
	case v.Kind() == reflect.Bool:
		n.kind = kindBool
	case v.Kind() == reflect.Int:
		n.kind = kindInt
	case v.Kind() == reflect.Float64:
		n.kind = kindFloat
	default:
		n.text = ShownURL(escape(n.text))
	}
	return n
}

// keysOf returns the keys of a reflected map with text keys, sorted.
func keysOf(m reflect.Value) []string {
	keys := make([]string, 0, m.Len())
	for _, key := range m.MapKeys() {
		keys = append(keys, key.String())
	}
	slices.Sort(keys)
	return keys
}

func encodeYAML(root *node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(yamlNode(root)); err != nil {
		return nil, err //nolint:wrapcheck // Write wraps it
	}
	if err := e.Close(); err != nil {
		return nil, err //nolint:wrapcheck // Write wraps it
	}
	return b.Bytes(), nil
}

func keyNode(name string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
}

func yamlNode(n *node) *yaml.Node {
	y := &yaml.Node{}
	switch n.kind {
	case kindMap:
		y.Kind, y.Tag = yaml.MappingNode, "!!map"
		for _, e := range n.entries {
			y.Content = append(y.Content, keyNode(e.name), yamlNode(e.value))
		}
	case kindList:
		y.Kind, y.Tag, y.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
		for _, item := range n.items {
			if item.kind == kindMap {
				y.Style = 0 // one item a line
			}
			y.Content = append(y.Content, yamlNode(item))
		}
	case kindBool, kindInt, kindFloat, kindNull:
		y.Kind, y.Value = yaml.ScalarNode, n.text
	default:
		y.Kind, y.Tag, y.Value = yaml.ScalarNode, "!!str", n.text
		if slices.Contains([]string{"on", "off", "yes", "no", "y", "n"}, strings.ToLower(n.text)) {
			y.Style = yaml.DoubleQuotedStyle // true and false to readers of YAML 1.1
		}
		if strings.Contains(n.text, "\n") && isNoBlock(n.text) {
			y.Style = yaml.DoubleQuotedStyle
		}
	}
	return y
}

// isNoBlock reports whether a text of several lines could be read otherwise where it stands in
// lines of its own.
func isNoBlock(text string) bool {
	return strings.ContainsAny(text[:1], " \n") || strings.HasSuffix(text, "\n\n") || strings.HasSuffix(text, " ") ||
		strings.ContainsAny(text, "\t\r\u0085\u2028\u2029\ufeff")
}

func encodeJSON(root *node) ([]byte, error) {
	var flat, b bytes.Buffer
	if err := jsonNode(&flat, root); err != nil {
		return nil, err
	}
	if err := json.Indent(&b, flat.Bytes(), "", "  "); err != nil {
		return nil, err //nolint:wrapcheck // Write wraps it
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// jsonNode appends a tree with its keys in order, which a Go map would lose.
func jsonNode(b *bytes.Buffer, n *node) error {
	switch n.kind {
	case kindMap:
		b.WriteByte('{')
		for i, e := range n.entries {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := jsonText(b, e.name); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := jsonNode(b, e.value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case kindList:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := jsonNode(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case kindBool, kindInt, kindFloat, kindNull:
		b.WriteString(n.text)
	default:
		return jsonText(b, n.text)
	}
	return nil
}

func jsonText(b *bytes.Buffer, text string) error {
	quoted, err := json.Marshal(text)
	b.Write(quoted)
	return err //nolint:wrapcheck // Write wraps it
}
