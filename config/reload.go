package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// restartKeys are the keys that are read once, when the process starts. Every
// other key takes effect at a reload.
func restartKeys() []string {
	return []string{
		"admin.address",
		"instance",
		"log.format",
		"metrics.enabled",
		"metrics.path",
		"source",
		"state.dir",
	}
}

// KeepRestartKeys names, with their places in next, the keys that differ from the
// running configuration and take effect at a restart only, secrets masked, and
// puts their running values and origins into next, so that next says what is in
// effect. Nothing in the result means that a reload applies everything. Only who
// has just got next from Load may call it.
func KeepRestartKeys(running, next *Loaded) []Problem {
	before, after := restartValues(running.Config), restartValues(next.Config)
	var problems []Problem
	for _, path := range restartKeys() {
		was, is := before[path], after[path]
		if was.text == is.text {
			continue
		}
		at := nearestOrigin(next.where, path)
		is.value.Set(was.value)
		keepEntries(running.where, next.where, path)
		keepEntries(running.raw, next.raw, path)
		message := "cannot be changed by a reload: restart to go from " + was.String() + " to " + is.String()
		if was.secret {
			message = "cannot be changed by a reload: restart to use the new value"
		}
		problems = append(problems, Problem{Origin: at, Path: path, Message: message})
	}
	return problems
}

// keepEntries replaces what next says of a path, and of what is below it, by what running
// says.
func keepEntries[V any](running, next map[string]V, path string) {
	below := func(key string, _ V) bool {
		return key == path || strings.HasPrefix(key, path+"[") || strings.HasPrefix(key, path+".")
	}
	maps.DeleteFunc(next, below)
	for key, value := range running {
		if below(key, value) {
			next[key] = value
		}
	}
}

// restartValue is the value of a key that needs a restart.
type restartValue struct {
	text   string
	secret bool
	value  reflect.Value // settable
}

func (v restartValue) String() string {
	if v.text == "" {
		return "unset"
	}
	return quoted(v.text)
}

// restartValues collects the values that need a restart, by path.
func restartValues(cfg *Config) map[string]restartValue {
	m := map[string]restartValue{}
	keys := restartKeys()
	v := &visitor{schema: newSchema(Extensions{})}
	v.visit = func(s step) bool {
		if slices.Contains(keys, s.path) {
			m[s.path] = restartValue{text: joined(s.v), secret: isSecret(s.v.Type()) || shapeOf(s.v.Type()) == shapeSection, value: s.v}
		}
		return shapeOf(s.v.Type()) == shapeSection
	}
	v.section(reflect.ValueOf(cfg).Elem(), "", "")
	return m
}

// joined renders a scalar, the items of a list of scalars, or what stands in a section.
func joined(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
	case reflect.Struct:
		return joinedSection(v)
	default:
		return formatScalar(v)
	}
	items := make([]string, v.Len())
	for i := range items {
		items[i] = formatScalar(v.Index(i))
	}
	return strings.Join(items, ", ")
}

// joinedSection renders the scalars of a section with their paths; they may be secrets.
func joinedSection(section reflect.Value) string {
	var lines []string
	v := &visitor{schema: newSchema(Extensions{})}
	v.visit = func(s step) bool {
		switch shapeOf(s.v.Type()) {
		case shapeSection, shapeNames, shapeTree:
		case shapeList:
			lines = append(lines, s.path+"="+joined(s.v))
			return false
		default:
			lines = append(lines, s.path+"="+formatScalar(s.v))
		}
		return true
	}
	v.section(section, "", "")
	return strings.Join(lines, "\n")
}
