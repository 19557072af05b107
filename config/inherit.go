package config

import (
	"reflect"
	"strings"
)

// Where routes and pools take from defaults.
const (
	defaultsTimeout  = "defaults.timeout"
	defaultsRetry    = "defaults.retry"
	defaultsTimeouts = "defaults.timeouts"
)

// inherit gives routes and pools what they do not say and defaults do, and with each value
// its place, so that problems and origins name who has said it.
func (d *decoder) inherit(cfg *Config) {
	timeout, retry, timeouts := d.defaultsOf(defaultsTimeout), d.defaultsOf(defaultsRetry), d.defaultsOf(defaultsTimeouts)
	var absent Retry
	d.section(nil, "", reflect.ValueOf(&absent).Elem())
	for name, r := range cfg.Routes {
		path := joinPath("routes", name)
		if !d.given(path + ".timeout") {
			r.Timeout = cfg.Defaults.Timeout
			timeout.copyTo(d, path+".timeout", "")
		}
		if own := path + ".retry"; cfg.Defaults.Retry != nil && (r.Pool != "" || len(r.Split) > 0) {
			if d.given(own) {
				said := r.Retry // so that not every route has to be on the heap
				retry.fill(d, reflect.ValueOf(&said).Elem(), reflect.ValueOf(cfg.Defaults.Retry).Elem(), own, "")
				r.Retry = said
			} else {
				r.Retry = *cfg.Defaults.Retry
				retry.copyTo(d, own, "")
			}
		}
		r.Retry.Default = r.Retry.equal(&absent)
		cfg.Routes[name] = r
	}
	for name, p := range cfg.Pools {
		if cfg.Defaults.Timeouts == nil {
			break
		}
		from := reflect.ValueOf(cfg.Defaults.Timeouts).Elem()
		timeouts.fill(d, reflect.ValueOf(&p.Timeouts).Elem(), from, joinPath("pools", name)+".timeouts", "")
		cfg.Pools[name] = p
	}
}

// given reports whether a key is present in any layer.
func (d *decoder) given(path string) bool {
	_, ok := d.where[path]
	return ok
}

// sectionDefaults is what is known of the keys of a section of defaults, each by the rest of its
// path behind that of the section.
type sectionDefaults struct {
	where  map[string]Origin
	raw    map[string]string
	broken map[string]bool
}

func (d *decoder) defaultsOf(path string) *sectionDefaults {
	if !d.given("defaults") {
		return &sectionDefaults{}
	}
	return &sectionDefaults{below(d.where, path), below(d.raw, path), below(d.broken, path)}
}

// below are the entries of a path, its keys and its items.
func below[V any](entries map[string]V, path string) map[string]V {
	found := map[string]V{}
	for key, value := range entries {
		if rest, ok := strings.CutPrefix(key, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			found[rest] = value
		}
	}
	return found
}

// copyTo says of path what is known of one key of the section.
func (s *sectionDefaults) copyTo(d *decoder, path, key string) {
	for rest, value := range below(s.where, key) {
		d.where[path+rest] = value
	}
	for rest, value := range below(s.raw, key) {
		d.raw[path+rest] = value
	}
	for rest := range below(s.broken, key) {
		d.broken[path+rest] = true
	}
}

// fill gives a section at path the values that it does not say and from does. Key is the
// part of the way that both have in common.
func (s *sectionDefaults) fill(d *decoder, own, from reflect.Value, path, key string) {
	fields := d.schema.fields(own.Type())
	for i := range fields {
		f := &fields[i]
		at, inner := joinPath(path, f.key), key+"."+f.key
		if shapeOf(f.typ) == shapeSection {
			s.fill(d, own.FieldByIndex(f.index), from.FieldByIndex(f.index), at, inner)
			continue
		}
		if _, said := s.where[inner]; said && !d.given(at) {
			own.FieldByIndex(f.index).Set(from.FieldByIndex(f.index))
			s.copyTo(d, at, inner)
		}
	}
}
