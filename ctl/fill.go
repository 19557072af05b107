package ctl

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// filler puts a JSON value into a value of package api, and collects what does not fit.
type filler struct{ problems []api.ConfigProblem }

// place is where a value stands: as a path like those of configurations, and as a JSON pointer.
type place struct{ path, pointer string }

// key is the place of a member of an object.
func (p place) key(name string) place {
	return place{strings.TrimPrefix(p.path+"."+name, "."), p.pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)}
}

// item is the place of an item of a list.
func (p place) item(i int) place {
	return place{p.path + "[" + strconv.Itoa(i) + "]", p.pointer + "/" + strconv.Itoa(i)}
}

// fill fills what v points to.
func (f *filler) fill(n *fastjson.Value, v any) { f.value(n, reflect.ValueOf(v).Elem(), place{}) }

// refusef notes a problem. It says nothing of values.
func (f *filler) refusef(at place, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	text := message
	if at.path != "" {
		text = at.path + ": " + message
	}
	f.problems = append(f.problems, api.ConfigProblem{Text: text, Path: at.path, Pointer: at.pointer, Message: message})
}

func (f *filler) value(n *fastjson.Value, v reflect.Value, at place) {
	if _, own := reflect.TypeAssert[json.Unmarshaler](v.Addr()); own || v.Kind() == reflect.Interface {
		f.other(n, v, at)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		f.value(n, v.Elem(), at)
	case reflect.Struct:
		f.object(n, at, func(name string, value *fastjson.Value) { f.field(name, value, v, at) })
	case reflect.Map:
		f.names(n, v, at)
	case reflect.Slice:
		f.list(n, v, at)
	default:
		f.scalar(n, v, at)
	}
}

// other gives a value to a type that reads JSON by itself, as text without doubt in it.
func (f *filler) other(n *fastjson.Value, v reflect.Value, at place) {
	before := len(f.problems)
	text, err := json.Marshal(f.plain(n, at))
	if err != nil {
		panic("BUG: a JSON value cannot be written: " + err.Error())
	}
	if len(f.problems) > before {
		return
	}
	if json.Unmarshal(text, v.Addr().Interface()) != nil { // its error may show the value
		f.refusef(at, "is not written as this key wants it")
	}
}

// plain is a value in the types of encoding/json.
func (f *filler) plain(n *fastjson.Value, at place) any {
	switch n.Type() {
	case fastjson.TypeObject:
		m := map[string]any{}
		f.object(n, at, func(name string, value *fastjson.Value) { m[name] = f.plain(value, at.key(name)) })
		return m
	case fastjson.TypeArray:
		items := n.GetArray()
		list := make([]any, len(items))
		for i, item := range items {
			list[i] = f.plain(item, at.item(i))
		}
		return list
	case fastjson.TypeString:
		return string(n.GetStringBytes())
	case fastjson.TypeNumber:
		return json.Number(n.String())
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return n.GetBool()
	default:
		return nil
	}
}

// object visits the members of an object, each name once.
func (f *filler) object(n *fastjson.Value, at place, visit func(name string, value *fastjson.Value)) {
	o, err := n.Object()
	if err != nil {
		f.mismatch(n, at, "an object")
		return
	}
	seen := map[string]bool{}
	o.Visit(func(key []byte, value *fastjson.Value) {
		name := string(key)
		if seen[name] {
			f.refusef(at.key(name), "is given twice")
			return
		}
		seen[name] = true
		visit(name, value)
	})
}

// field fills the field of a struct that a key stands for.
func (f *filler) field(name string, n *fastjson.Value, v reflect.Value, at place) {
	known := map[string][]int{}
	for _, field := range reflect.VisibleFields(v.Type()) {
		if key, _, _ := strings.Cut(field.Tag.Get("json"), ","); key != "" && key != "-" {
			known[key] = field.Index
		}
	}
	index, ok := known[name]
	if !ok {
		f.refusef(at.key(name), "unknown key%s", config.DidYouMean(name, slices.Sorted(maps.Keys(known))))
		return
	}
	f.value(n, v.FieldByIndex(index), at.key(name))
}

func (f *filler) names(n *fastjson.Value, v reflect.Value, at place) {
	m := reflect.MakeMap(v.Type())
	f.object(n, at, func(name string, value *fastjson.Value) {
		element := reflect.New(v.Type().Elem()).Elem()
		f.value(value, element, at.key(name))
		m.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), element)
	})
	v.Set(m)
}

func (f *filler) list(n *fastjson.Value, v reflect.Value, at place) {
	items, err := n.Array()
	if err != nil {
		f.mismatch(n, at, "a list")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		f.value(item, list.Index(i), at.item(i))
	}
	v.Set(list)
}

func (f *filler) scalar(n *fastjson.Value, v reflect.Value, at place) {
	switch v.Kind() {
	case reflect.String:
		if n.Type() != fastjson.TypeString {
			f.mismatch(n, at, "text")
			return
		}
		v.SetString(string(n.GetStringBytes()))
	case reflect.Bool:
		b, err := n.Bool()
		if err != nil {
			f.mismatch(n, at, "true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, err := n.Int64()
		if err != nil || v.OverflowInt(i) {
			f.mismatch(n, at, "a whole number")
			return
		}
		v.SetInt(i)
	case reflect.Uint64:
		u, err := n.Uint64()
		if err != nil {
			f.mismatch(n, at, "a whole number from 0")
			return
		}
		v.SetUint(u)
	case reflect.Float64:
		number, err := strconv.ParseFloat(n.String(), 64) // fastjson's own reader may be off by the last bit
		if n.Type() != fastjson.TypeNumber || err != nil {
			f.mismatch(n, at, "a number")
			return
		}
		v.SetFloat(number)
	default:
		panic("BUG: no body has a " + v.Type().String())
	}
}

// mismatch says what should stand at a place, and what kind of value does.
func (f *filler) mismatch(n *fastjson.Value, at place, want string) {
	kind := map[fastjson.Type]string{
		fastjson.TypeNull: "null", fastjson.TypeObject: "an object", fastjson.TypeArray: "a list", fastjson.TypeString: "text",
		fastjson.TypeNumber: "a number", fastjson.TypeTrue: "true", fastjson.TypeFalse: "false",
	}[n.Type()]
	if n.Type() == fastjson.TypeNumber && strings.Contains(want, "number") {
		kind = "such a number"
	}
	f.refusef(at, "must be %s, not %s", want, kind)
}
