package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one key of the schema: a struct field and what its tags say.
type field struct {
	key       string
	index     []int // of the struct field; more than one where it is embedded
	typ       reflect.Type
	def       string // default as written in a file
	absent    string // default where the whole section is absent
	hasAbsent bool
	enum      []string
	min, max  *float64
	required  bool
	positive  bool
	numbers   bool
	file      bool
	live      bool   // a file that whoever uses it reads again, so that no reload has to
	single    bool   // a list, for which one of its items may stand
	short     bool   // text may stand for a section with this key alone
	vars      string // which variables its templates may name: request or answer; empty where it is none
	groups    bool   // its template also names groups of a regular expression
	hosts     bool   // a map whose names are host names
	secrets   bool   // a map whose values are secrets where the names say so
	refers    string // the section whose objects its texts name, for a map its names
	runs      bool   // a program and its arguments
}

// textTrue is how true is written.
const textTrue = "true"

// schema gives the fields of each section type. It is built for each load and
// used by one goroutine.
type schema struct {
	known      map[reflect.Type][]field
	extensions Extensions
}

func newSchema(e Extensions) *schema {
	return &schema{known: map[reflect.Type][]field{}, extensions: e}
}

// fields returns the keys of a section type in the order of schema.go.
func (s *schema) fields(t reflect.Type) []field {
	if fs, ok := s.known[t]; ok {
		return fs
	}
	fs := s.read(t)
	if t == reflect.TypeFor[Pool]() {
		for i := range fs {
			if fs[i].key == "algorithm" {
				fs[i].enum = append(fs[i].enum, s.extensions.Algorithms...)
			}
		}
	}
	s.known[t] = fs
	return fs
}

// read makes fields of the tags of a struct and of those embedded in it.
func (s *schema) read(t reflect.Type) []field {
	fs := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if t.Field(i).Anonymous {
			for _, f := range s.read(t.Field(i).Type) {
				f.index = append([]int{i}, f.index...)
				fs = append(fs, f)
			}
			continue
		}
		key := tag.Get("koanf")
		if key == "" || key == "-" {
			continue
		}
		f := field{key: key, index: []int{i}, typ: t.Field(i).Type, def: tag.Get("default")}
		f.absent, f.hasAbsent = tag.Lookup("absent")
		if enum := tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, "|")
		}
		f.min, f.max = bound(tag.Get("min")), bound(tag.Get("max"))
		f.required = tag.Get("required") == textTrue
		f.positive = tag.Get("positive") == textTrue
		f.numbers = tag.Get("numbers") == textTrue
		f.file = tag.Get("file") != ""
		f.live = tag.Get("file") == "live"
		f.single = tag.Get("single") == textTrue
		f.short = tag.Get("short") == textTrue
		f.vars = tag.Get("vars")
		f.groups = tag.Get("groups") == textTrue
		f.hosts = tag.Get("names") == "hosts"
		f.secrets = tag.Get("secrets") == textTrue
		f.refers = tag.Get("refers")
		f.runs = tag.Get("runs") == textTrue
		fs = append(fs, f)
	}
	return fs
}

// short is the key that text stands for where a section of this type is wanted, or "".
func (s *schema) short(t reflect.Type) string {
	for _, f := range s.fields(section(t)) {
		if f.short {
			return f.key
		}
	}
	return ""
}

func bound(text string) *float64 {
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("BUG: bound of a schema tag is not a number: " + text)
	}
	return &v
}

// shape is what a type of the schema looks like in a file.
type shape uint8

const (
	shapeScalar  shape = iota
	shapeSection       // struct, or pointer to struct
	shapeNames         // map of names to sections or scalars
	shapeList          // slice
	shapeTree          // anything, kept as it stands
)

func shapeOf(t reflect.Type) shape {
	if t == reflect.TypeFor[map[string]any]() {
		return shapeTree
	}
	switch t.Kind() {
	case reflect.Interface:
		return shapeTree
	case reflect.Pointer, reflect.Struct:
		return shapeSection
	case reflect.Map:
		return shapeNames
	case reflect.Slice:
		return shapeList
	default:
		return shapeScalar
	}
}

// section returns the struct type of a section, behind a pointer or not.
func section(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// places lists where a key stands in the schema, as paths with NAME for names,
// shallow ones first: "pools.NAME.health_check". Keys of stages alone are
// middleware.NAME.KEY.
func (s *schema) places(key string) []string {
	type level struct {
		path string
		typ  reflect.Type
	}
	var found []string
	for queue := []level{{"", reflect.TypeFor[Config]()}}; len(queue) > 0; queue = queue[1:] {
		for _, f := range s.fields(queue[0].typ) {
			path := strings.TrimPrefix(queue[0].path+"."+f.key, ".")
			if f.key == key {
				found = append(found, path)
			}
			t := f.typ
			if shapeOf(t) == shapeNames {
				t, path = t.Elem(), path+".NAME"
			} else if shapeOf(t) == shapeList {
				t = t.Elem()
			}
			if shapeOf(t) == shapeSection {
				queue = append(queue, level{path, section(t)})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return isOfDefaults(a) - isOfDefaults(b) })
	if len(found) == 0 && len(s.stagesWith(key)) > 0 {
		found = append(found, "middleware.NAME."+key)
	}
	return found
}

// isOfDefaults is 1 for a key of defaults, which is rarely the one that was meant.
func isOfDefaults(path string) int {
	if strings.HasPrefix(path, "defaults.") {
		return 1
	}
	return 0
}

// Types with a notation of their own.
func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }
func isSize(t reflect.Type) bool     { return t == reflect.TypeFor[Size]() }
func isSecret(t reflect.Type) bool   { return t == reflect.TypeFor[Secret]() }
