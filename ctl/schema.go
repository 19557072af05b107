package ctl

import (
	"reflect"
	"strings"
	"time"
)

// schemas are the JSON schemas of the API's types by name, filled as they are referred to.
type schemas object

// of is the schema of v's type; a struct becomes a reference to its own entry.
func (g schemas) of(v any) object {
	return g.ofType(reflect.TypeOf(v))
}

func (g schemas) ofType(t reflect.Type) object {
	if t == reflect.TypeFor[time.Time]() {
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.ofType(t.Elem())
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Uint64:
		return object{"type": "integer", "format": "int64", "minimum": 0}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": g.ofType(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": g.ofType(t.Elem())}
	case reflect.Struct:
		return g.reference(t)
	default:
		panic("BUG: no schema for " + t.String())
	}
}

// reference describes a struct once and points to it.
func (g schemas) reference(t reflect.Type) object {
	name := schemaName(t)
	ref := object{"$ref": "#/components/schemas/" + name}
	if _, ok := g[name]; ok {
		return ref
	}
	g[name] = object{} // ends the recursion of a type that holds itself
	properties, required := object{}, []string{}
	for field := range t.Fields() {
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if key == "" {
			panic("BUG: " + t.String() + "." + field.Name + " has no JSON name")
		}
		properties[key] = g.ofType(field.Type)
		if !strings.Contains(options, "omitempty") {
			required = append(required, key)
		}
	}
	s := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	g[name] = s
	return ref
}

// schemaName keeps the pool's Status apart from the process's.
func schemaName(t reflect.Type) string {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if strings.HasSuffix(t.PkgPath(), "/pool") && name == "Status" {
		return "PoolStatus"
	}
	return name
}
