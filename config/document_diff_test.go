package config

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, was, is string
		want          []Change
	}{
		{"nothing", `zone: a`, `zone: a`, nil},
		{"values", `{zone: a, log: {level: info}}`, `{log: {level: debug, format: json}}`, []Change{
			{"log.format", ActionAdded, "", `"json"`}, {"log.level", ActionChanged, `"info"`, `"debug"`}, {"zone", ActionRemoved, `"a"`, ""},
		}},
		{"objects", `{pools: {a: {backends: []}, b: {backends: []}}}`, `{pools: {b: {backends: []}, c: {backends: []}}, routes: {r: {pool: b}, s: {pool: c}}}`, []Change{
			{"pools.a", ActionRemoved, `{"backends":[]}`, ""},
			{"pools.c", ActionAdded, "", `{"backends":[]}`},
			{"routes.r", ActionAdded, "", `{"pool":"b"}`},
			{"routes.s", ActionAdded, "", `{"pool":"c"}`},
		}},
		{"a section", `routes: {a: {pool: p}}`, `routes: {a: {pool: p, retry: {attempts: 3, on: [503]}}}`, []Change{
			{"routes.a.retry", ActionAdded, "", `{"attempts":3,"on":["503"]}`},
		}},
		{
			"items by name", `pools: {p: {backends: [{address: "a:1"}, {address: "b:1", weight: 2}, {address: "c:1"}]}}`,
			`pools: {p: {backends: [{address: "b:1", weight: 3}, {address: "[::1]:1"}, {address: "c:1"}]}}`,
			[]Change{
				{`pools.p.backends["[::1]:1"]`, ActionAdded, "", `{"address":"[::1]:1"}`},
				{`pools.p.backends["a:1"]`, ActionRemoved, `{"address":"a:1"}`, ""},
				{`pools.p.backends["b:1"].weight`, ActionChanged, "2", "3"},
			},
		},
		{"order of items", `pools: {p: {backends: [{address: "a:1"}, {address: "b:1"}]}}`, `pools: {p: {backends: [{address: "b:1"}, {address: "a:1", weight: 0}]}}`, []Change{
			{"pools.p.backends", ActionChanged, `["a:1","b:1"]`, `["b:1","a:1"]`},
			{`pools.p.backends["a:1"].weight`, ActionAdded, "", "0"},
		}},
		{"other lists as a whole", `routes: {a: {hosts: [a, b], not: {path: /x}}}`, `routes: {a: {hosts: [b], not: [{path: /x}, {path: /y}]}}`, []Change{
			{"routes.a.hosts", ActionChanged, `["a","b"]`, `["b"]`},
			{"routes.a.not", ActionChanged, `[{"path":"/x"}]`, `[{"path":"/x"},{"path":"/y"}]`},
		}},
		{"another type", `middleware: {m: {type: deny, status: 404}}`, `middleware: {m: {type: basic_auth, users: ["a:1"]}}`, []Change{
			{"middleware.m", ActionChanged, `{"type":"deny","status":404}`, `{"type":"basic_auth","users":["a:*** (changed)"]}`},
		}},
		{
			"secrets", `{admin: {token: A}, middleware: {m: {type: basic_auth, users: ["a:1", "b:2", "c:3"]}}, routes: {a: {headers: {X-API-Key: A, X-Env: a}}}}`,
			`{admin: {token: B}, middleware: {m: {type: basic_auth, users: ["a:1", "b:3", "d:4"]}}, routes: {a: {headers: {X-API-Key: B, X-Env: b}}}}`,
			[]Change{
				{"admin.token", ActionChanged, `"***"`, `"*** (changed)"`},
				{`middleware.m.users["b"]`, ActionChanged, `"b:***"`, `"b:*** (changed)"`},
				{`middleware.m.users["c"]`, ActionRemoved, `"c:***"`, ""},
				{`middleware.m.users["d"]`, ActionAdded, "", `"d:***"`},
				{"routes.a.headers.X-API-Key.is", ActionChanged, `"***"`, `"*** (changed)"`},
				{"routes.a.headers.X-Env.is", ActionChanged, `"a"`, `"b"`},
			},
		},
		{
			"secrets and references", `{admin: {token: A}, pools: {p: {sticky: {secret: "${ENV:A}"}}, q: {sticky: {secret: "${ENV:A}"}}}}`,
			`{admin: {token: "${ENV:A}"}, pools: {p: {sticky: {secret: A}}, q: {sticky: {secret: "${ENV:B}"}}}}`,
			[]Change{
				{"admin.token", ActionChanged, `"***"`, `"${ENV:A}"`},
				{"pools.p.sticky.secret", ActionChanged, `"${ENV:A}"`, `"*** (changed)"`},
				{"pools.q.sticky.secret", ActionChanged, `"${ENV:A}"`, `"${ENV:B}"`},
			},
		},
		{
			"two of one name", `middleware: {m: {type: api_key, keys: [{name: a, sha256: A}, {name: a, sha256: B}]}}`,
			`middleware: {m: {type: api_key, keys: [{name: a, sha256: C}, {name: a, sha256: B}]}}`,
			[]Change{
				{"middleware.m.keys", ActionChanged, `[{"name":"a","sha256":"***"},{"name":"a","sha256":"***"}]`, `[{"name":"a","sha256":"*** (changed)"},{"name":"a","sha256":"***"}]`},
			},
		},
		{
			"two that change places", `middleware: {m: {type: api_key, keys: [{name: a, sha256: A}, {name: a, sha256: B}]}}`,
			`middleware: {m: {type: api_key, keys: [{name: a, sha256: B}, {name: a, sha256: A}]}}`,
			[]Change{
				{"middleware.m.keys", ActionChanged, `[{"name":"a","sha256":"***"},{"name":"a","sha256":"***"}]`, `[{"name":"a","sha256":"*** (changed)"},{"name":"a","sha256":"*** (changed)"}]`},
			},
		},
		{"names with dots", `pools: {a.b: {backends: []}}`, `pools: {a.b: {backends: [], slow_start: 1s}}`, []Change{{`pools."a.b".slow_start`, ActionAdded, "", `"1s"`}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			was, is := parsed(t, tt.was, formatYAML), parsed(t, tt.is, formatYAML)
			if got := Diff(was, is, hashKey); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got\n%+v\nwant\n%+v", got, tt.want)
			}
		})
	}
}

func TestDiffWithNothing(t *testing.T) {
	t.Parallel()
	d := parsed(t, `{zone: a, pools: {p: {backends: []}}}`, formatYAML)
	want := []Change{{"pools.p", ActionAdded, "", `{"backends":[]}`}, {"zone", ActionAdded, "", `"a"`}}
	if got := Diff(nil, d, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	want = []Change{{"pools.p", ActionRemoved, `{"backends":[]}`, ""}, {"zone", ActionRemoved, `"a"`, ""}}
	if got := Diff(d, nil, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if got := Diff(nil, nil, nil); got != nil {
		t.Errorf("got %+v; want nothing", got)
	}
	part, _ := d.At("pools", "p")
	other, err := part.MergePatch([]byte(`{"algorithm": "p2c"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := Diff(part, other, nil); len(got) != 1 || got[0].Path != "pools.p.algorithm" {
		t.Errorf("got %+v; want the path in the whole configuration", got)
	}
}

// keysTo are the keys of a path up to the first list on it.
func keysTo(t *testing.T, path string) []string {
	t.Helper()
	var keys []string
	for path != "" && path[0] != '[' {
		path = strings.TrimPrefix(path, ".")
		end := strings.IndexAny(path+".", ".[")
		key := path[:end]
		if path[0] == '"' {
			quoted, err := strconv.QuotedPrefix(path)
			if err != nil {
				t.Fatal(err)
			}
			end = len(quoted)
			if key, err = strconv.Unquote(quoted); err != nil {
				t.Fatal(err)
			}
		}
		keys, path = append(keys, key), path[end:]
	}
	return keys
}

// patchTo is the merge patch that makes b of a.
func patchTo(a, b *node) *node {
	switch {
	case b == nil:
		return &node{kind: kindNull, text: "null"}
	case a == nil || a.kind != kindMap || b.kind != kindMap:
		return b
	}
	patch := &node{kind: kindMap}
	for _, e := range a.entries {
		if b.child(e.name) == nil {
			patch.entries = append(patch.entries, entry{e.name, patchTo(nil, nil)})
		}
	}
	for _, e := range b.entries {
		patch.entries = append(patch.entries, entry{e.name, patchTo(a.child(e.name), e.value)})
	}
	return patch
}

// checkDiff checks that two documents differ where Diff says so, and nowhere else.
func checkDiff(t *testing.T, a, b *Document) {
	t.Helper()
	changes := Diff(a, b, hashKey)
	if equal := a.Hash(hashKey) == b.Hash(hashKey); equal != (len(changes) == 0) {
		t.Fatalf("hashes are equal: %v, changes %+v", equal, changes)
	}
	if !slices.IsSortedFunc(changes, func(x, y Change) int { return strings.Compare(x.Path, y.Path) }) {
		t.Errorf("not sorted by path: %+v", changes)
	}
	patch := &node{kind: kindMap}
	for _, c := range changes {
		if strings.Contains(c.Old+c.New, "secret-") {
			t.Errorf("shows a secret: %+v", c)
		}
		keys := keysTo(t, c.Path)
		at, from, to := patch, a.root, b.root
		for i, key := range keys {
			from, to = from.child(key), to.child(key)
			if i == len(keys)-1 || from == nil || to == nil || from.kind != kindMap || to.kind != kindMap {
				at.put(key, patchTo(from, to)) // all of it, where one is written short
				break
			}
			if at.child(key) == nil {
				at.put(key, &node{kind: kindMap})
			}
			at = at.child(key)
		}
	}
	text, err := encodeJSON(patch)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.MergePatch(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got.Hash(hashKey) != b.Hash(hashKey) {
		t.Errorf("the changes %+v make\n%s\nwant\n%s", changes, encoded(t, got, formatYAML, false), encoded(t, b, formatYAML, false))
	}
}

// mutant is a document with some values, items and names of another one changed, taken out or
// added. It may hold what Load refuses, but nothing that is unknown.
func mutant(d *Document, r *rand.Rand) *Document {
	o := theOutline()
	root := d.root.clone()
	var change func(n *node, sp spot)
	change = func(n *node, sp spot) {
		in := o.inside(n, sp)
		if n.kind == kindMap {
			n.entries = slices.DeleteFunc(n.entries, func(e entry) bool { return e.name != "type" && r.IntN(40) == 0 })
			if len(n.entries) > 0 && in.keys == nil && r.IntN(10) == 0 {
				e := n.entries[r.IntN(len(n.entries))]
				n.put(fmt.Sprintf("n%d", r.IntN(10)), e.value.clone())
			}
		}
		for _, e := range n.entries {
			if e.name != "type" {
				change(e.value, in.at(e.name))
			}
		}
		if n.kind == kindList {
			n.items = slices.DeleteFunc(n.items, func(*node) bool { return r.IntN(20) == 0 })
			if len(n.items) > 1 && r.IntN(10) == 0 {
				i := r.IntN(len(n.items))
				n.items[0], n.items[i] = n.items[i], n.items[0]
			}
		}
		for _, item := range n.items {
			change(item, sp.item())
		}
		if n.kind == kindString && r.IntN(20) == 0 {
			n.text = []string{"a", "b", "${ENV:X}", "x: y # z", " two\nlines ", "", "null", "12"}[r.IntN(8)]
			if sp.secret {
				n.text = "secret-" + strconv.Itoa(r.IntN(99))
			}
		}
		if n.kind == kindInt && r.IntN(10) == 0 {
			n.text = strconv.Itoa(r.IntN(9))
		}
	}
	change(root, d.spot)
	return newDocument(o, root, nil, d.spot)
}

func TestDiffIsComplete(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	docs := corpus(t)
	for _, name := range sortedNames(docs) {
		for range 6 {
			m := mutant(docs[name], r)
			checkDiff(t, docs[name], m)
			checkDiff(t, m, mutant(m, r))
		}
		if t.Failed() {
			t.Fatalf("in %s", name)
		}
	}
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	d := parsed(t, `
listeners: {x: {address: ":80"}}
routes:
  a: {pool: x, listeners: [y, x], middleware: [x], skip: [x, y]}
  b: {split: {x: 95, y: 5, "95": 1}, mirror: {pool: x}}
  x: {path: /x, pool: y, methods: [x], hosts: [x]}
pools: {x: {backends: []}, y: {backends: []}, "95": {backends: []}}
middleware:
  c: {type: chain, stages: [y, x]}
  m: {type: mirror, pool: x}
  p: {type: error_pages, pool: x}
  x: {type: deny, body: x}
defaults: {middleware: [x]}
zone: x
`, formatYAML)
	for section, want := range map[string][]string{
		"pools":      {"middleware.m.pool", "middleware.p.pool", "routes.a.pool", "routes.b.mirror.pool", "routes.b.split.x"},
		"middleware": {"defaults.middleware[0]", "middleware.c.stages[1]", "routes.a.middleware[0]", "routes.a.skip[0]"},
		"listeners":  {"routes.a.listeners[1]"},
		"routes":     nil,
	} {
		if got := d.Referrers(section, "x"); !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", section, got, want)
		}
	}
	if got := d.Referrers("pools", "95"); !slices.Equal(got, []string{"routes.b.split.95"}) {
		t.Errorf("got %q; want the name, not the weight", got)
	}
	// All that the checker takes for a name of an object is one here.
	for _, section := range []string{"pools", "middleware", "listeners"} {
		gone, _ := d.Without(section, "x")
		var refusals []string
		for _, p := range refused(t, Options{Document: gone}) {
			if strings.Contains(p.Message, "there is no "+strings.TrimSuffix(section, "s")+` "x"`) {
				refusals = append(refusals, p.Path)
			}
		}
		slices.Sort(refusals)
		want := slices.DeleteFunc(d.Referrers(section, "x"), func(path string) bool { return strings.Contains(path, ".skip[") })
		if !slices.Equal(refusals, want) {
			t.Errorf("%s: refused are %q; want %q", section, refusals, want)
		}
	}
}
