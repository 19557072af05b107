package config

import (
	"strings"
	"testing"
)

func TestMergePatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, patch, want string
		path              []string
	}{
		{"nothing", `{}`, base, nil},
		{"a value", `{"pools": {"api": {"algorithm": "p2c"}}}`, strings.Replace(base, "  api:\n", "  api:\n    algorithm: p2c\n", 1), nil},
		{"a list as a whole", `{"pools": {"api": {"backends": [{"address": "a:1"}]}}}`, `{listeners: {web: {address: ":8080"}, Admin-Net: {address: ":8081"}},
			routes: {api: {pool: api, hosts: [a.example]}}, pools: {api: {backends: [{address: "a:1"}]}, api-next: {backends: []}, x.example: {backends: []}}}`, nil},
		{"null removes", `{"routes": {"api": {"hosts": null, "methods": null}}, "pools": {"x.example": null}}`, strings.Replace(strings.Replace(base,
			", hosts: [a.example]", "", 1), "  x.example: {backends: []}\n", "", 1), nil},
		{
			"several objects at once", `{"pools": {"new": {"backends": [], "zone": null}}, "routes": {"new": {"pool": "new", "path": "/"}}}`,
			strings.Replace(base, "routes: {", "routes: {new: {path: /, pool: new}, ", 1) + "  new: {backends: []}\n", nil,
		},
		{"an object", `{"hosts": null, "path": "/x"}`, strings.Replace(base, "hosts: [a.example]", "path: /x", 1), []string{"routes", "api"}},
		{"an object that is new", `{"backends": [], "algorithm": null}`, base + "  new: {backends: []}\n", []string{"pools", "new"}},
		{"a singleton", `{"level": "debug"}`, base + "log: {level: debug}\n", []string{"log"}},
		{"all of a section", `{"api": null, "x": {"pool": "api"}}`, strings.Replace(base, "{api: {pool: api, hosts: [a.example]}}", "{x: {pool: api}}", 1), []string{"routes"}},
		{"text becomes a section", `{"routes": {"api": {"headers": {"X": {"regex": "a"}}}}}`, strings.Replace(base, "hosts:", "headers: {X: {regex: a}}, hosts:", 1), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := parsed(t, base, formatYAML)
			before := encoded(t, d, formatYAML, false)
			got, err := d.MergePatch([]byte(tt.patch), tt.path...)
			if err != nil {
				t.Fatal(err)
			}
			if want := encoded(t, parsed(t, tt.want, formatYAML), formatYAML, false); encoded(t, got, formatYAML, false) != want {
				t.Errorf("got\n%s\nwant\n%s", encoded(t, got, formatYAML, false), want)
			}
			if encoded(t, d, formatYAML, false) != before {
				t.Error("the document itself has changed")
			}
		})
	}
}

func TestMergePatchOfAPart(t *testing.T) {
	t.Parallel()
	d := parsed(t, base, formatYAML)
	part, _ := d.At("pools", "api")
	got, err := part.MergePatch([]byte(`{"algorithm": "random"}`))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := d.With(got, "pools", "api")
	if err != nil {
		t.Fatal(err)
	}
	if changes := Diff(d, whole, hashKey); len(changes) != 1 || changes[0] != (Change{"pools.api.algorithm", ActionAdded, "", `"random"`}) {
		t.Errorf("got %+v", changes)
	}
	_, err = part.MergePatch([]byte(`{"balance": 1}`))
	if err == nil || !strings.Contains(err.Error(), "patch:1:2: pools.api.balance: unknown key") {
		t.Errorf("got %v", err)
	}
}

func TestPatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		patch, want string
		path        []string
	}{
		{`{"pools": {"api": {"balance": "x"}}}`, "patch:1:20: pools.api.balance: unknown key", nil},
		{`{"pools": {"api": {"backends": [null]}}}`, "pools.api.backends[0]: is null", nil},
		{`{"pools": {}, "pools": {}}`, "given twice", nil},
		{`{"pools": {"api": {"a": 1, "a": 2}}}`, `pools.api.a: key "a" is given twice`, nil},
		{`{"pools": {},}`, "cannot be read as JSON", nil},
		{"pools: {}", "cannot be read as JSON", nil},
		{`{"a": 01}`, "cannot be read as JSON", nil},
		{`null`, "must be a section of keys, not nothing", nil},
		{`[]`, "must be a section of keys, not a list", nil},
		{`"x"`, "routes.api: must be a section of keys, not text", []string{"routes", "api"}},
		{`{"x": 1}`, "routes.api.x: unknown key", []string{"routes", "api"}},
		{`{"x": 1}`, "nowhere: is no section of keys", []string{"nowhere"}},
		{`{"x": 1}`, "zone: is no section of keys", []string{"zone"}},
		{`{"include": ["x.yaml"]}`, "include: can stand in a file only", nil},
		{`{"middleware": {"m": {"type": "deny", "rate": 5}}}`, "middleware.m.rate: is no key of deny", nil},
		{strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64), "is nested more than 32 levels deep", nil},
	} {
		_, err := parsed(t, base, formatYAML).MergePatch([]byte(tt.patch), tt.path...)
		if _, ok := err.(Problems); !ok || !strings.Contains(err.Error(), tt.want) { //nolint:errorlint // the promise is the type itself
			t.Errorf("%s at %q: got %T %v; want %q", tt.patch, tt.path, err, err, tt.want)
		}
	}
}
