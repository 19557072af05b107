package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestExtensionsAreKnown(t *testing.T) {
	t.Parallel()
	text := stageBase + `  own: {type: own, options: {text: "${ENV:A} x", n: 5, f: 5.0, big: 1e30, yes: true, list: [1, a, {b: null}], empty: {}}, unless: {path: /x}}
  vars: {type: headers, request: {set: {X-A: "{tenant}"}}}
  bare: {type: own}
`
	opts := Options{
		Data: []byte(text), File: "isame.yaml", Set: []string{"pools.p.algorithm=mine", "pools.p.hash_on=path"}, Environ: []string{"A=b"},
		Extensions: Extensions{Stages: []string{"own"}, Algorithms: []string{"mine"}, Variables: []string{"tenant"}},
	}
	loaded, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	want := &StageHandler{Name: "own", Options: map[string]any{
		"text": "b x", "n": 5, "f": 5.0, "big": 1e30, "yes": true, "list": []any{1, "a", map[string]any{"b": nil}}, "empty": map[string]any{},
	}}
	if got := loaded.Config.Middleware["own"].Stage; !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v; want %#v", got, want)
	}
	for _, w := range loaded.Warnings {
		if strings.HasPrefix(w.Path, "pools.") {
			t.Errorf("got %s; want nothing said of an algorithm that is not ours", w)
		}
	}
	for _, format := range []string{"yaml", "json"} {
		var printed bytes.Buffer
		if err := Write(&printed, loaded, format); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(printed.String(), "${ENV:A} x") {
			t.Errorf("%s: the reference is not printed:\n%s", format, printed.String())
		}
		again, err := Load(Options{Data: printed.Bytes(), Format: format, Environ: opts.Environ, Extensions: opts.Extensions})
		if err != nil || !reflect.DeepEqual(again.Config, loaded.Config) {
			t.Errorf("%s: got %v and another configuration; want the same:\n%s", format, err, printed.String())
		}
	}
	opts.Extensions = Extensions{}
	_, err = Load(opts)
	for _, part := range []string{"own.type: \"own\" is no type of middleware", "{tenant} is no variable", "\"mine\" is none of round_robin"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("without them: got %v; want %q", err, part)
		}
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ options, want string }{
		{"[a]", "middleware.x.options: must be a section of keys, not a list"},
		{"{a: .inf}", `middleware.x.options.a: must be a number, not ".inf"`},
		{"{a: [!!binary aGk=]}", "middleware.x.options.a[0]: must be text, a number, true or false, a list or a section, not a value of another type"},
		{`{a: "${ENV:NONE}"}`, "middleware.x.options.a: cannot resolve ${ENV:NONE}: the environment variable is not set"},
	} {
		text := stageBase + "  x: {type: own, options: " + tt.options + "}\n"
		_, err := Load(Options{Data: []byte(text), Extensions: Extensions{Stages: []string{"own"}}})
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: got %v; want %s", tt.options, err, tt.want)
		}
	}
}

// TestStagesInOtherFormats reads the same stage from each format.
func TestStagesInOtherFormats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, text string }{
		{"yaml", "listeners: {web: {address: ':1'}}\nmiddleware: {m: {type: own, when: {headers: {X-A: b, X-C: {absent: true}}}, options: {n: 5, l: [1.5, x]}}}\n"},
		{"json", `{"listeners": {"web": {"address": ":1"}}, "middleware": {"m": {"type": "own", "when": {"headers": {"X-A": "b", "X-C": {"absent": true}}}, "options": {"n": 5, "l": [1.5, "x"]}}}}`},
		{"toml", "[listeners.web]\naddress = ':1'\n[middleware.m]\ntype = 'own'\n[middleware.m.when.headers]\nX-A = 'b'\nX-C = {absent = true}\n[middleware.m.options]\nn = 5\nl = [1.5, 'x']\n"},
	} {
		loaded, err := Load(Options{Data: []byte(tt.text), Format: tt.format, Extensions: Extensions{Stages: []string{"own"}}})
		if err != nil {
			t.Errorf("%s: %v", tt.format, err)
			continue
		}
		want := Middleware{
			Type: "own", When: []Condition{{Predicates: Predicates{Headers: map[string]Match{"X-A": {Is: "b"}, "X-C": {Absent: true}}}}},
			Stage: &StageHandler{Name: "own", Options: map[string]any{"n": 5, "l": []any{1.5, "x"}}},
		}
		if got := loaded.Config.Middleware["m"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v; want %+v", tt.format, got, want)
		}
	}
}
