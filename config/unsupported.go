package config

import (
	"reflect"
)

// unsupportedKey is one thing that is read and checked, but refused because
// the proxy does not do it yet.
type unsupportedKey struct {
	// pattern is a path with * for names and indexes.
	pattern string
	// value is refused; empty means every value but the default.
	value string
	// what is missing.
	what string
}

// unsupportedKeys is the one list of what does not work yet. A key leaves it
// with the change that makes it work.
func unsupportedKeys() []unsupportedKey {
	return []unsupportedKey{
		{"tracing.enabled", "", "tracing"},
	}
}

// unsupported reports every key of the list that is in use. A section that is
// refused as a whole is not searched further.
func (c *checker) unsupported() {
	rows := map[string]unsupportedKey{}
	for _, row := range unsupportedKeys() {
		rows[row.pattern] = row
	}
	v := &visitor{schema: c.schema}
	v.visit = func(s step) bool {
		row, ok := rows[s.pattern]
		if !ok || !s.differs(row.value) {
			return true
		}
		c.reportf(s.path, "not supported yet: %s", row.what)
		return false
	}
	v.section(reflect.ValueOf(c.cfg).Elem(), "", "")
}
