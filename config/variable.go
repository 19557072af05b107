package config

import (
	"reflect"
	"strconv"
	"strings"
)

// meantVariable is the variable that one with single underscores between its
// levels was meant to be, or "" when it cannot be read as a path of the schema.
func (w *walk) meantVariable() string {
	if !w.a.fold {
		return ""
	}
	words := strings.FieldsFunc(strings.Join(w.a.keys, "_"), func(r rune) bool { return r == '_' })
	if len(words) == 0 || len(words) > depthMax {
		return ""
	}
	levels, ok := w.schema.levels(reflect.TypeFor[Config](), w.overlay.base, words)
	if name := envPrefix + strings.ToUpper(strings.Join(levels, "__")); ok && name != w.a.from.Env {
		return name
	}
	return ""
}

// levels reads words as a path below a type: keys of the schema, names that the
// file has before new ones, indexes of lists. What is below n is what the layers
// hold there; nil for nothing.
func (s *schema) levels(t reflect.Type, n *node, words []string) ([]string, bool) {
	if len(words) == 0 {
		return nil, true
	}
	switch shapeOf(t) {
	case shapeSection:
		for _, f := range s.keysOf(section(t), textOf(n.child("type"))) {
			if count := wordsOf(f.key, words); count > 0 {
				if below, ok := s.levels(f.typ, n.child(f.key), words[count:]); ok {
					return append([]string{f.key}, below...), true
				}
			}
		}
	case shapeNames:
		return s.nameLevels(t.Elem(), n, words)
	case shapeList:
		if _, err := strconv.Atoi(words[0]); err == nil {
			below, ok := s.levels(t.Elem(), nil, words[1:])
			return append([]string{words[0]}, below...), ok
		}
	default:
	}
	return nil, false
}

// nameLevels reads the first words as a name.
func (s *schema) nameLevels(t reflect.Type, n *node, words []string) ([]string, bool) {
	if n != nil {
		for _, e := range n.entries {
			if count := wordsOf(e.name, words); count > 0 {
				if below, ok := s.levels(t, e.value, words[count:]); ok {
					return append([]string{strings.Join(words[:count], "_")}, below...), true
				}
			}
		}
	}
	for count := 1; count <= len(words); count++ {
		if below, ok := s.levels(t, nil, words[count:]); ok && (len(below) > 0 || shapeOf(t) == shapeScalar) {
			return append([]string{strings.Join(words[:count], "_")}, below...), true
		}
	}
	return nil, false
}

// wordsOf is how many of the words spell a name, in any case; 0 when they do not.
func wordsOf(name string, words []string) int {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	if len(parts) > len(words) {
		return 0
	}
	for i, part := range parts {
		if !strings.EqualFold(part, words[i]) {
			return 0
		}
	}
	return len(parts)
}
