package config

import (
	"reflect"
	"strings"
)

// step is one key on a walk through a configuration.
type step struct {
	path    string // pools.api.backends[0].zone
	pattern string // pools.*.backends[*].zone; keys of a stage are middleware.*:rate_limit.burst
	field   *field // of the key itself, also for elements of maps and lists
	v       reflect.Value
}

// visitor walks every key of a configuration that is present or has a default:
// sections before their keys, in the order of schema.go, names sorted.
type visitor struct {
	schema *schema
	// visit returns false to skip what is below the key.
	visit func(s step) bool
}

func (w *visitor) section(v reflect.Value, path, pattern string) {
	fields := w.schema.fields(v.Type())
	for i := range fields {
		f := &fields[i]
		w.value(step{joinPath(path, f.key), strings.TrimPrefix(pattern+"."+f.key, "."), f, v.FieldByIndex(f.index)})
	}
	if m, ok := reflect.TypeAssert[Middleware](v); ok && m.Stage != nil {
		w.section(reflect.ValueOf(m.Stage).Elem(), path, pattern+":"+m.Type)
	}
}

func (w *visitor) value(s step) {
	if !w.visit(s) || shapeOf(s.v.Type()) == shapeTree {
		return
	}
	switch s.v.Kind() {
	case reflect.Pointer:
		if !s.v.IsNil() {
			w.section(s.v.Elem(), s.path, s.pattern)
		}
	case reflect.Struct:
		w.section(s.v, s.path, s.pattern)
	case reflect.Map:
		for _, name := range keysOf(s.v) {
			w.value(step{joinPath(s.path, name), s.pattern + ".*", s.field, s.v.MapIndex(reflect.ValueOf(name))})
		}
	case reflect.Slice:
		for i := range s.v.Len() {
			w.value(step{indexPath(s.path, i), s.pattern + "[*]", s.field, s.v.Index(i)})
		}
	default:
	}
}
