package config

import (
	"slices"
	"strings"
	"testing"
)

// mutants are copies of a tree, each with one value or one name changed, with what that was.
func mutants(root *node) map[string]*node {
	found := map[string]*node{}
	var walk func(n *node, path string, rebuild func(n *node) *node)
	walk = func(n *node, path string, rebuild func(n *node) *node) {
		c := *n
		switch n.kind {
		case kindMap:
			for i, e := range n.entries {
				with := func(changed entry) *node {
					c := *n
					c.entries = slices.Clone(n.entries)
					c.entries[i] = changed
					return rebuild(&c)
				}
				at := joinPath(path, e.name)
				found[at+" (name)"] = with(entry{e.name + "x", e.value})
				walk(e.value, at, func(n *node) *node { return with(entry{e.name, n}) })
			}
		case kindList:
			for i, item := range n.items {
				walk(item, indexPath(path, i), func(changed *node) *node {
					c := *n
					c.items = slices.Clone(n.items)
					c.items[i] = changed
					return rebuild(&c)
				})
			}
			c.items = append(append([]*node{}, n.items...), &node{kind: kindString, text: "another"})
			found[path+" (longer)"] = rebuild(&c)
		case kindBool:
			c.text = map[string]string{textTrue: "false", "false": textTrue}[n.text]
			found[path] = rebuild(&c)
		case kindInt, kindFloat:
			c.text = "1" + strings.TrimPrefix(n.text, "-")
			found[path] = rebuild(&c)
		case kindString:
			c.text += "x"
			found[path] = rebuild(&c)
		default:
		}
	}
	walk(root, "", func(n *node) *node { return n })
	return found
}

// No two documents that differ in one value, one name or one item have the same hash, and a
// difference is found where there is one.
func TestHashTellsEveryValue(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"testdata/everything.good.yaml", "testdata/stages.good.yaml", "secrets"} {
		d := corpus(t)[name]
		seen := map[string]string{d.Hash(hashKey): "the original"}
		all := mutants(d.root)
		if len(all) < 60 {
			t.Fatalf("%s: got %d mutants; want one of each value", name, len(all))
		}
		for what, root := range all {
			m := &Document{root, nil, topSpot()}
			hash := m.Hash(hashKey)
			if was, twice := seen[hash]; twice {
				t.Errorf("%s: %s has the hash of %s", name, what, was)
			}
			seen[hash] = what
			if len(Diff(d, m, hashKey)) == 0 || len(Diff(m, d, hashKey)) == 0 {
				t.Errorf("%s: %s: no difference is found", name, what)
			}
		}
	}
}

func TestHashesThatAreEqual(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{`routes: {a: {headers: {X: canary}, not: {path: /x}}}`, `routes: {a: {headers: {X: {is: canary}}, not: [{path: /x}]}}`},
		{`middleware: {m: {type: rate_limit, key: host, when: {path: /a}}}`, `middleware: {m: {when: [{path: /a}], type: rate_limit, key: [host]}}`},
		{`routes: {a: {retry: {on: [502]}}}`, `routes: {a: {retry: {on: ["502"]}}}`},
		{`routes: {a: {pool: p, headers: {}, split: {}}}`, `{routes: {a: {pool: "p"}}, pools: {}}`},
		{`middleware: {m: {type: jwt, claims: {scope: read}}}`, `middleware: {m: {type: jwt, claims: {scope: [read]}}}`},
		{`listeners: {w: {tls: {acme: {hosts: [a]}}}}`, `listeners: {w: {tls: {acme: [{hosts: [a]}]}}}`},
		{`middleware: {m: {type: mine, options: {a: 0x10, b: +5, c: .5}}}`, `middleware: {m: {type: mine, options: {a: 16, b: 5, c: 0.5}}}`},
		{`.x: &a {pool: p}` + "\nroutes: {a: *a}", `routes: {a: {pool: p}}`},
		{`middleware: {m: {type: mine, options: {}}}`, `middleware: {m: {type: mine}}`},
	} {
		a, b := parsed(t, pair[0], formatYAML), parsed(t, pair[1], formatYAML)
		if a.Hash(hashKey) != b.Hash(hashKey) || Diff(a, b, hashKey) != nil {
			t.Errorf("%s and %s differ: %v", pair[0], pair[1], Diff(a, b, hashKey))
		}
	}
}

func TestHashesThatAreNot(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{`routes: {a: {pool: p}}`, `routes: {a: {pool: p, retry: {}}}`},
		{`routes: {a: {retry: {on: []}}}`, `routes: {a: {retry: {}}}`},
		{`middleware: {m: {type: mine, options: {a: 1}}}`, `middleware: {m: {type: mine, options: {a: "1"}}}`},
		{`middleware: {m: {type: mine, options: {a: 1.0}}}`, `middleware: {m: {type: mine, options: {a: 1}}}`},
		{`middleware: {m: {type: mine, options: {a: {}}}}`, `middleware: {m: {type: mine, options: {a: []}}}`},
		{`middleware: {m: {type: mine, options: {a: null}}}`, `middleware: {m: {type: mine, options: {}}}`},
		{`middleware: {m: {type: rate_limit, key: "${ENV:A:-a,b}"}}`, `middleware: {m: {type: rate_limit, key: ["${ENV:A:-a,b}"]}}`},
		{`shutdown: {drain: 1000ms}`, `shutdown: {drain: 1s}`},
	} {
		a, b := parsed(t, pair[0], formatYAML), parsed(t, pair[1], formatYAML)
		if a.Hash(hashKey) == b.Hash(hashKey) || Diff(a, b, hashKey) == nil {
			t.Errorf("%s and %s are the same", pair[0], pair[1])
		}
	}
}

// Who has not the key cannot guess secrets by their hash, and learns nothing of the others
// either.
func TestHashOfSecretsIsKeyed(t *testing.T) {
	t.Parallel()
	plain, secret := parsed(t, base, formatYAML), parsed(t, secretsText, formatYAML)
	if plain.Hash([]byte("a")) != plain.Hash([]byte("b")) {
		t.Error("without secrets the key counts")
	}
	if secret.Hash([]byte("a")) == secret.Hash([]byte("b")) {
		t.Error("with secrets the key does not count")
	}
	if got := secret.Hash(nil); len(got) != 24 || strings.ContainsAny(got, `"+/= `) {
		t.Errorf("got %q; want 24 characters that need no quotes", got)
	}
}
