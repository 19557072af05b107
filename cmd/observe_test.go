package cmd

import (
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/isame-lb/isame-lb/config"
)

// observation is everything that can be reached from a stopped engine, by path:
// what it compiled out of a configuration, without the configuration itself.
type observation map[string]string

// depthMax bounds the way to a value.
const depthMax = 60

// observer walks values, each pointer once.
type observer struct {
	found observation
	seen  map[visit]bool
}

type visit struct {
	at  unsafe.Pointer
	typ reflect.Type
}

// reach walks what root points to. Nobody may change it meanwhile.
func reach(root any) observation {
	o := &observer{found: observation{}, seen: map[visit]bool{}}
	o.walk("", reflect.ValueOf(root), 0)
	return o.found
}

// walk notes the scalars below a value. Functions and channels count as there or
// not; what locks, clocks and counters hold is nobody's configuration.
func (o *observer) walk(path string, v reflect.Value, depth int) {
	if !v.IsValid() || depth > depthMax || v.Type() == reflect.TypeFor[config.Config]() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && o.enter(v) {
			o.walk(path, v.Elem(), depth+1)
		}
		o.note(path, !v.IsNil())
	case reflect.Interface:
		if !v.IsNil() {
			o.note(path, v.Elem().Type())
			o.walk(path, v.Elem(), depth+1)
		}
	case reflect.Struct:
		o.walkStruct(path, v, depth)
	case reflect.Slice, reflect.Array:
		o.note(path+".len", v.Len())
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			o.note(path, hex.EncodeToString(v.Bytes()))
			return
		}
		for i := range min(v.Len(), 64) {
			o.walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i), depth+1)
		}
	case reflect.Map:
		o.note(path+".len", v.Len())
		for _, key := range v.MapKeys() {
			o.walk(fmt.Sprintf("%s{%v}", path, printed(key)), v.MapIndex(key), depth+1)
		}
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		o.note(path, !v.IsZero())
	default:
		o.note(path, printed(v))
	}
}

func (o *observer) walkStruct(path string, v reflect.Value, depth int) {
	t := v.Type()
	if strings.HasPrefix(t.Name(), "Pointer[") && t.PkgPath() == "sync/atomic" && v.CanAddr() {
		loaded := reflect.NewAt(t, unsafe.Pointer(v.UnsafeAddr())).MethodByName("Load").Call(nil)[0]
		o.walk(path, loaded, depth+1)
		return
	}
	if t.PkgPath() == "sync" || t.PkgPath() == "time" || strings.HasSuffix(t.PkgPath(), "/engine/observe") {
		return
	}
	switch t.PkgPath() {
	case "net/http", "os", "net", "internal/poll": // a transport dials, and a file is written, beside what has ended
		return
	}
	for i := range t.NumField() {
		if t.Field(i).Name == "_" {
			continue
		}
		o.walk(path+"."+t.Field(i).Name, v.Field(i), depth+1)
	}
}

// enter reports whether a pointer was not followed before.
func (o *observer) enter(v reflect.Value) bool {
	at := visit{v.UnsafePointer(), v.Type()}
	first := !o.seen[at]
	o.seen[at] = true
	return first
}

func (o *observer) note(path string, value any) { o.found[path] = fmt.Sprint(value) }

// printed is a scalar as text; of other keys of maps the type is enough.
func printed(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return fmt.Sprint(v.Float())
	default:
		return v.Type().String()
	}
}

// agreement is what several observations of one configuration have in common.
type agreement struct {
	same  observation     // paths that hold the same in all of them
	known map[string]bool // paths that one of them has
}

func agree(all ...observation) *agreement {
	a := &agreement{same: maps.Clone(all[0]), known: map[string]bool{}}
	for _, o := range all {
		for path := range o {
			a.known[path] = true
		}
		maps.DeleteFunc(a.same, func(path, value string) bool { other, ok := o[path]; return !ok || other != value })
	}
	return a
}

// differences lists the paths that hold something else in another observation.
func (a *agreement) differences(o observation) []string {
	var found []string
	for path, value := range a.same {
		if now, ok := o[path]; !ok || now != value {
			found = append(found, path+": "+value+" -> "+now)
		}
	}
	for path := range o {
		if !a.known[path] {
			found = append(found, path+": new")
		}
	}
	slices.Sort(found)
	return found
}
