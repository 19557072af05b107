package ctl

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Keys of JSON schemas and OpenAPI objects that stand in several places.
const (
	keyType        = "type"
	keyFormat      = "format"
	keyDescription = "description"
	keySchema      = "schema"
)

// fieldsJSON holds the doc comments of the API's types, as Type and Type.Field.
//
//go:generate go test -run TestDescriptionsAreFresh . -update
//go:embed fields.json
var fieldsJSON []byte

// readFields returns the descriptions by name.
func readFields() map[string]string {
	var fields map[string]string
	if err := json.Unmarshal(fieldsJSON, &fields); err != nil {
		panic("BUG: fields.json: " + err.Error())
	}
	return fields
}

// textSchema is the schema of any text.
func textSchema() object { return object{keyType: "string"} }

// schemas collects the JSON schemas of the API's types as they are referred to.
type schemas struct {
	byName object
	fields map[string]string // descriptions
}

// of is the schema of v's type; a struct becomes a reference to its own entry.
func (g schemas) of(v any) object {
	return g.ofType(reflect.TypeOf(v))
}

func (g schemas) ofType(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{keyType: "string", keyFormat: "date-time"}
	case reflect.TypeFor[api.ConfigText]():
		return object{"oneOf": []any{textSchema(), object{keyType: "object"}}}
	case reflect.TypeFor[api.HeaderValues]():
		return object{"oneOf": []any{textSchema(), object{keyType: "array", "items": textSchema()}}}
	}
	if words := wordsOf(t); words != nil {
		return object{keyType: "string", "enum": words}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.ofType(t.Elem())
	case reflect.Bool:
		return object{keyType: "boolean"}
	case reflect.String:
		return textSchema()
	case reflect.Int, reflect.Int64:
		return object{keyType: "integer", keyFormat: "int64"}
	case reflect.Uint64:
		return object{keyType: "integer", keyFormat: "int64", "minimum": 0}
	case reflect.Float64:
		return object{keyType: "number"}
	case reflect.Slice:
		return object{keyType: "array", "items": g.ofType(t.Elem())}
	case reflect.Map:
		return object{keyType: "object", "additionalProperties": g.ofType(t.Elem())}
	case reflect.Struct:
		return g.reference(t)
	default:
		panic("BUG: no schema for " + t.String())
	}
}

// wordsOf are the words of a type that has no others; nil for other types.
func wordsOf(t reflect.Type) (words []string) {
	switch t {
	case reflect.TypeFor[api.Code]():
		for _, c := range api.Codes() {
			words = append(words, string(c))
		}
	case reflect.TypeFor[api.Role]():
		for _, r := range api.Roles() {
			words = append(words, string(r))
		}
	}
	return words
}

// reference describes a struct once and points to it.
func (g schemas) reference(t reflect.Type) object {
	name := schemaName(t)
	ref := object{"$ref": "#/components/schemas/" + name}
	if _, ok := g.byName[name]; ok {
		return ref
	}
	g.byName[name] = object{} // ends the recursion of a type that holds itself
	properties, required := object{}, []string{}
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous {
			continue // its fields stand beside the others
		}
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if key == "" {
			panic("BUG: " + t.String() + "." + field.Name + " has no JSON name")
		}
		property := g.ofType(field.Type)
		g.describe(property, schemaName(declaring(t, field.Index))+"."+field.Name)
		properties[key] = property
		if !strings.Contains(options, "omitempty") {
			required = append(required, key)
		}
	}
	s := object{keyType: "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	g.describe(s, name)
	g.byName[name] = s
	return ref
}

// declaring is the struct that a field stands in: t, or one that is embedded there.
func declaring(t reflect.Type, index []int) reflect.Type {
	for _, i := range index[:len(index)-1] {
		t = t.Field(i).Type
	}
	return t
}

// describe adds what the doc comment of a type or field says.
func (g schemas) describe(s object, name string) {
	if text := g.fields[name]; text != "" {
		s[keyDescription] = text
	}
}

// schemaName keeps the pool's Status apart from the process's, and says whose the Summary is.
func schemaName(t reflect.Type) string {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if strings.HasSuffix(t.PkgPath(), "/pool") && (name == "Status" || name == "Summary") {
		return "Pool" + name
	}
	return name
}
