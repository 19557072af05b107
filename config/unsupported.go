package config

import (
	"reflect"
	"strings"
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
		{"listeners.*.tls", "", "TLS for clients"},
		{"listeners.*.h2c", "", "HTTP/2 in clear text"},
		{"listeners.*.http3", "", "HTTP/3"},
		{"listeners.*.proxy_protocol", "", "the PROXY protocol"},
		{"routes.*.middleware", "", "middleware"},
		{"routes.*.mirror", "", "mirroring"},
		{"routes.*.hedge", "", "hedging"},
		{"pools.*.protocol", "", "HTTP/2 to backends"},
		{"pools.*.backends[*].zone", "", "preference by zone"},
		{"pools.*.discovery", "", "discovery"},
		{"pools.*.health_check.type", "grpc", "gRPC health checks"},
		{"pools.*.concurrency", "", "limits of concurrency"},
		{"pools.*.sticky", "", "sticky sessions"},
		{"pools.*.slow_start", "", "slow start"},
		{"pools.*.tls.enabled", "", "TLS to backends"},
		{"middleware.*", "", "middleware"},
		{"admin.tls.cert_file", "", "TLS on the admin endpoint"},
		{"admin.tls.key_file", "", "TLS on the admin endpoint"},
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
		c.report(s.path, "not supported yet: %s", row.what)
		return false
	}
	v.section(reflect.ValueOf(c.cfg).Elem(), "", "")
}

// differs reports whether the value is the refused one; with none named,
// whether it is not the default.
func (s *step) differs(refused string) bool {
	switch shapeOf(s.v.Type()) {
	case shapeSection:
		return s.v.Kind() == reflect.Struct || !s.v.IsNil()
	case shapeNames, shapeList:
		return s.v.Len() > 0
	default:
	}
	text := formatScalar(s.v)
	if refused != "" {
		return text == refused
	}
	if s.field.def == "" {
		return !s.v.IsZero()
	}
	return text != s.field.def
}

// step is one key on a walk through a configuration.
type step struct {
	path    string // pools.api.backends[0].zone
	pattern string // pools.*.backends[*].zone
	field   *field // of the key itself, also for elements of maps and lists
	v       reflect.Value
}

// visitor walks every key of a configuration that is present or has a default:
// sections before their keys, in the order of schema.go, names sorted.
type visitor struct {
	schema schema
	// visit returns false to skip what is below the key.
	visit func(s step) bool
}

func (w *visitor) section(v reflect.Value, path, pattern string) {
	fields := w.schema.fields(v.Type())
	for i := range fields {
		f := &fields[i]
		w.value(step{joinPath(path, f.key), strings.TrimPrefix(pattern+"."+f.key, "."), f, v.Field(f.index)})
	}
}

func (w *visitor) value(s step) {
	if !w.visit(s) {
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
