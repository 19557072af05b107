package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzMergePatch compares with RFC 7396 on what encoding/json reads.
func FuzzMergePatch(f *testing.F) {
	f.Add(base, `{"pools": {"api": {"algorithm": null, "backends": [1]}}}`)
	f.Add(base, `{"routes": {"api": {"headers": {"X": {"absent": true}}}}, "listeners": null}`)
	f.Add(secretsText, `{"middleware": {"m": {"type": "own", "options": {"a": {"b": null, "c": [null, 1e3]}}}}, "admin": {"token": "***"}}`)
	f.Add("{}", `{"zone": "a", ".x": 1}`)
	f.Add("zone: 1.50\nshutdown: {drain: -0}\n", `{"pools": {"": {"": 1}}}`)
	f.Fuzz(func(t *testing.T, text, patch string) {
		d, err := ParseDocument([]byte(text), formatYAML, "")
		if err != nil {
			return
		}
		got, err := d.MergePatch([]byte(patch))
		if err != nil {
			if problems, ok := err.(Problems); !ok || len(problems) == 0 { //nolint:errorlint // the promise is the type itself
				t.Fatalf("got %T %v; want Problems", err, err)
			}
			return
		}
		checkFixpoint(t, got)
		want := merge(asValue(t, encoded(t, d, formatJSON, false)), asValue(t, strings.TrimPrefix(patch, byteOrderMark)))
		top, _ := want.(map[string]any)
		for name := range top {
			if holdsAnchors(name) {
				delete(top, name)
			}
		}
		if is := asValue(t, encoded(t, got, formatJSON, false)); !reflect.DeepEqual(is, want) {
			t.Fatalf("got %v; want %v", is, want)
		}
		if len(Diff(d, got, hashKey)) == 0 != (d.Hash(hashKey) == got.Hash(hashKey)) {
			t.Fatalf("got changes %v", Diff(d, got, hashKey))
		}
	})
}

// asValue is what encoding/json reads, numbers as they are written.
func asValue(t *testing.T, text string) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// merge is the algorithm of RFC 7396 as it stands there.
func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	m, ok := target.(map[string]any)
	if !ok {
		m = map[string]any{}
	}
	for name, value := range p {
		if value == nil {
			delete(m, name)
		} else {
			m[name] = merge(m[name], value)
		}
	}
	return m
}

// checkFixpoint checks that a document is read as it is written.
func checkFixpoint(t *testing.T, d *Document) {
	t.Helper()
	for _, format := range []string{formatYAML, formatJSON} {
		text := encoded(t, d, format, false)
		again, err := ParseDocument([]byte(text), format, "")
		if err != nil {
			t.Fatalf("%s: %v\n%s", format, err, text)
		}
		if encoded(t, again, formatJSON, false) != encoded(t, d, formatJSON, false) || again.Hash(hashKey) != d.Hash(hashKey) {
			t.Fatalf("%s is read as another document: %v\n%s", format, Diff(d, again, hashKey), text)
		}
	}
}

// FuzzUnmask masks any document and sends it back.
func FuzzUnmask(f *testing.F) {
	f.Add(secretsText, base)
	f.Add(base, secretsText)
	f.Add(`{admin: {token: "***"}}`, `{admin: {token: a}}`)
	f.Add(`middleware: {u: {type: basic_auth, users: ["a:***", "***", "${ENV:A}:***"]}}`, `middleware: {u: {type: basic_auth, users: ["a:1", "${ENV:A}:b"]}}`)
	f.Add(`routes: {a: {headers: {Cookie: {is: "***"}, Token: "***"}, not: {headers: {Cookie: "***"}}}}`, `routes: {a: {headers: {Cookie: x, Token: {regex: y}}, not: [{headers: {Cookie: z}}]}}`)
	f.Fuzz(func(t *testing.T, one, two string) {
		a, err := ParseDocument([]byte(one), formatYAML, "")
		if err != nil {
			return
		}
		sent := parsed(t, encoded(t, a, formatYAML, true), formatYAML)
		got, err := sent.Unmask(a)
		if err != nil {
			t.Fatalf("%v\n%s", err, encoded(t, sent, formatYAML, false))
		}
		if encoded(t, got, formatJSON, false) != encoded(t, a, formatJSON, false) {
			t.Fatalf("got another document: %v", Diff(a, got, hashKey))
		}
		b, err := ParseDocument([]byte(two), formatYAML, "")
		if err != nil {
			return
		}
		if got, err := a.Unmask(b); err == nil {
			checkFixpoint(t, got)
		}
		if got, err := sent.Unmask(b); err == nil && holdsMask(got.root) && !holdsMask(a.root) && !holdsMask(b.root) {
			t.Fatalf("a mask is left:\n%s", encoded(t, got, formatYAML, false))
		}
	})
}

// FuzzRewrite patches any file: what comes out says what it has to, or nothing comes out.
func FuzzRewrite(f *testing.F) {
	f.Add(commented, `{"pools": {"shop": {"backends": [{"address": "10.0.0.2:80"}]}}}`)
	f.Add(commented, `{"routes": {"shop": null, "new": {"pool": "rest"}}, "log": {"level": "x # y"}}`)
	f.Add("pools:\n  a: &a {backends: []}\n  b: *a\n  c: {<<: *a, algorithm: p2c}\n", `{"pools": {"a": null}}`)
	f.Add("routes:\n  x:\n    respond:\n      body: |+\n        # a\n\n\n  y: {pool: a}\n", `{"routes": {"x": {"respond": {"status": 201}}}}`)
	f.Add("? zone\n: a\n", `{"zone": "b"}`)
	f.Add("zone: >-\n  a\n  b\nlog: {}\n", `{"log": {"level": "a\n b"}}`)
	f.Fuzz(func(t *testing.T, text, patch string) {
		was, err := ParseFile([]byte(text), formatYAML, "")
		if err != nil {
			return
		}
		d, err := was.MergePatch([]byte(patch)) // which refuses what is unknown
		if err != nil {
			return
		}
		got, err := d.Rewrite([]byte(text))
		if err != nil {
			return
		}
		if again := parsedFile(t, string(got)); again.Hash(hashKey) != d.Hash(hashKey) {
			t.Fatalf("got\n%s\nwhich differs: %v", got, Diff(d, again, hashKey))
		}
	})
}
