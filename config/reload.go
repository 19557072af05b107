package config

import (
	"reflect"
	"slices"
)

// restartKeys are the keys that are read once, when the process starts. Every
// other key takes effect at a reload.
func restartKeys() []string {
	return []string{
		"admin.address",
		"admin.tls.cert_file",
		"admin.tls.key_file",
		"log.format",
		"metrics.enabled",
		"metrics.path",
	}
}

// CheckReload names what differs between two configurations and takes effect
// only at a restart. Nothing in the result means that a reload applies everything. The problems have no position: ask Loaded.Origin.
func CheckReload(from, to *Config) []Problem {
	before, after := leaves(from), leaves(to)
	var problems []Problem
	for _, path := range restartKeys() {
		if before[path] != after[path] {
			problems = append(problems, Problem{Path: path, Message: "cannot be changed by a reload: restart to go from " +
				changed(before[path]) + " to " + changed(after[path])})
		}
	}
	return problems
}

func changed(text string) string {
	if text == "" {
		return "unset"
	}
	return quoted(text)
}

// leaves renders the values that need a restart, by path.
func leaves(cfg *Config) map[string]string {
	m := map[string]string{}
	keys := restartKeys()
	v := &visitor{schema: schema{}}
	v.visit = func(s step) bool {
		if slices.Contains(keys, s.path) {
			m[s.path] = formatScalar(s.v)
		}
		return shapeOf(s.v.Type()) == shapeSection
	}
	v.section(reflect.ValueOf(cfg).Elem(), "", "")
	return m
}
