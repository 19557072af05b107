package config

import (
	"reflect"
	"slices"
	"strings"
)

// restartKeys are the keys that are read once, when the process starts. Every
// other key takes effect at a reload.
func restartKeys() []string {
	return []string{
		"admin.address",
		"admin.allowed_hosts",
		"admin.tls.cert_file",
		"admin.tls.key_file",
		"admin.token",
		"log.format",
		"metrics.enabled",
		"metrics.path",
	}
}

// CheckReload names what differs between two configurations and takes effect
// only at a restart, secrets masked. Nothing in the result means that a reload
// applies everything. The problems have no position: ask Loaded.Origin.
func CheckReload(from, to *Config) []Problem {
	before, after := restartValues(from), restartValues(to)
	var problems []Problem
	for _, path := range restartKeys() {
		was, is := before[path], after[path]
		if was.text == is.text {
			continue
		}
		message := "cannot be changed by a reload: restart to go from " + was.String() + " to " + is.String()
		if was.secret {
			message = "cannot be changed by a reload: restart to use the new value"
		}
		problems = append(problems, Problem{Path: path, Message: message})
	}
	return problems
}

// restartValue is the value of a key that needs a restart.
type restartValue struct {
	text   string
	secret bool
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
	v := &visitor{schema: schema{}}
	v.visit = func(s step) bool {
		if slices.Contains(keys, s.path) {
			m[s.path] = restartValue{text: joined(s.v), secret: isSecret(s.v.Type())}
		}
		return shapeOf(s.v.Type()) == shapeSection
	}
	v.section(reflect.ValueOf(cfg).Elem(), "", "")
	return m
}

// joined renders a scalar, or the items of a list of scalars.
func joined(v reflect.Value) string {
	if v.Kind() != reflect.Slice {
		return formatScalar(v)
	}
	items := make([]string, v.Len())
	for i := range items {
		items[i] = formatScalar(v.Index(i))
	}
	return strings.Join(items, ", ")
}
