package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// jsonTree reads a JSON text token by token, which keeps positions and shows
// duplicate keys; its nesting is bounded before it recurses.
type jsonTree struct {
	*source
	dec *json.Decoder
}

// parseJSON reads one JSON value. The whole text is checked before, so that
// what the token reader is lax about cannot pass.
func parseJSON(s *source) (*node, error) {
	var raw json.RawMessage
	if err := json.Unmarshal(s.data, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, s.refusef(s.atOffset(int(syntax.Offset)-1), "cannot be read as JSON: %s", syntax.Error())
		}
		return nil, s.refusef(s.at(1, 1), "cannot be read as JSON: %s", err)
	}
	dec := json.NewDecoder(bytes.NewReader(s.data))
	dec.UseNumber()
	t := jsonTree{source: s, dec: dec}
	return t.value("", 0)
}

// next returns the next token and where it begins.
func (t *jsonTree) next() (json.Token, Origin, error) {
	begin := int(t.dec.InputOffset())
	for begin < len(t.data) && strings.IndexByte(" \t\r\n,:", t.data[begin]) >= 0 {
		begin++
	}
	at := t.atOffset(begin)
	token, err := t.dec.Token()
	if err != nil {
		return nil, at, t.refusef(at, "cannot be read as JSON: %s", err)
	}
	return token, at, nil
}

// value reads one value and what is below it.
func (t *jsonTree) value(path string, depth int) (*node, error) {
	token, at, err := t.next()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(t.count(at), t.deep(at, depth)); err != nil {
		return nil, errRefused
	}
	n := &node{from: at}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			n.kind = kindList
			return n, t.list(n, path, depth)
		}
		n.kind = kindMap
		return n, t.object(n, path, depth)
	case string:
		n.kind, n.text = kindString, v
	case json.Number:
		n.kind, n.text = kindFloat, v.String()
		if !strings.ContainsAny(n.text, ".eE") {
			n.kind = kindInt
		}
	case bool:
		n.kind, n.text = kindBool, "false"
		if v {
			n.text = textTrue
		}
	}
	return n, nil
}

// list reads items up to and with the closing bracket.
func (t *jsonTree) list(n *node, path string, depth int) error {
	for t.dec.More() {
		item, err := t.value(indexPath(path, len(n.items)), depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, _, err := t.next()
	return err
}

// object reads keys up to and with the closing brace.
func (t *jsonTree) object(n *node, path string, depth int) error {
	first := placesOf(n, 0)
	for t.dec.More() {
		token, at, err := t.next()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok || !keyIsPlain(name) {
			return t.refusef(at, "a key must be plain text")
		}
		child, err := t.value(joinPath(path, name), depth+1)
		if err != nil {
			return err
		}
		if was := first.of(name); was != nil {
			t.problems.addf(at, joinPath(path, name), "%s", duplicate(name, was.key))
			continue
		}
		child.key = at
		first.add(entry{name, child})
	}
	_, _, err := t.next()
	return err
}
