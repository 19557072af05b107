package config

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// commented is a file of a careful operator.
const commented = `# Our edge. Ask #net before you change it.

listeners:
  web: {address: ":8080"}   # behind the CDN
routes:
  # the shop
  shop:
    hosts: [shop.example]   # and nothing else
    pool: shop              # moves in May
    timeout: 5s

  # everything else

  rest:
    pool: rest
  # the end
pools:
  shop:
    # two racks
    backends:
      - address: "10.0.0.1:80" # rack 1
        weight: 2
      # rack 2 is old
      - address: "10.0.0.2:80"
    slow_start: 10s # since the incident

  rest: {backends: [{address: "10.0.1.1:80"}]} # small

# never below info
log:
  level: info
`

func rewritten(t *testing.T, original string, d *Document) string {
	t.Helper()
	text, err := d.Rewrite([]byte(original))
	if err != nil {
		t.Fatalf("%v\n%s", err, original)
	}
	if got := parsed(t, string(text), formatYAML); got.Hash(hashKey) != d.Hash(hashKey) {
		t.Errorf("got another document: %v\n%s", Diff(d, got, hashKey), text)
	}
	return string(text)
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, patch string
		replace     []string // pairs of old and new text
	}{
		{"nothing", `{}`, nil},
		{"a value", `{"routes": {"shop": {"timeout": "7s"}}}`, []string{"timeout: 5s", "timeout: 7s"}},
		{"a value with a comment", `{"routes": {"shop": {"pool": "rest"}}}`, []string{"pool: shop              # moves", "pool: rest # moves"}},
		{"a list with a comment", `{"routes": {"shop": {"hosts": ["a.example", "b.example"]}}}`, []string{"[shop.example]   # and", "[a.example, b.example] # and"}},
		{"a key that is new", `{"routes": {"rest": {"timeout": "1s"}}}`, []string{"    pool: rest\n", "    pool: rest\n    timeout: 1s\n"}},
		{"a section that is new", `{"shutdown": {"drain": "5s"}}`, []string{"  level: info\n", "  level: info\nshutdown:\n  drain: 5s\n"}},
		{"an object that is new", `{"pools": {"third": {"backends": []}}}`, []string{"# small\n", "# small\n  third: {backends: []}\n"}},
		{"a route that is new", `{"routes": {"third": {"pool": "shop", "path": "/x"}}}`, []string{"    pool: rest\n", "    pool: rest\n  third:\n    path: /x\n    pool: shop\n"}},
		{"a route that goes", `{"routes": {"shop": null}}`, []string{`  # the shop
  shop:
    hosts: [shop.example]   # and nothing else
    pool: shop              # moves in May
    timeout: 5s
`, ""}},
		{"a section that goes", `{"log": null}`, []string{"# never below info\nlog:\n  level: info\n", ""}},
		{"a key that goes", `{"pools": {"shop": {"slow_start": null}}}`, []string{"    slow_start: 10s # since the incident\n", ""}},
		{"in a flow section", `{"pools": {"rest": {"backends": [{"address": "10.0.1.1:80", "weight": 3}]}}}`, []string{`"10.0.1.1:80"}]} # small`, `"10.0.1.1:80", weight: 3}]} # small`}},
		{"all routes go", `{"routes": {"shop": null, "rest": null}}`, []string{commented[strings.Index(commented, "routes:"):strings.Index(commented, "pools:")], "routes: {}\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := parsed(t, commented, formatYAML).MergePatch([]byte(tt.patch))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer(tt.replace...).Replace(commented)
			if want == commented && tt.replace != nil {
				t.Fatal("the case replaces nothing")
			}
			if got := rewritten(t, commented, d); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			windows := strings.ReplaceAll(commented, "\n", "\r\n")
			if got := rewritten(t, byteOrderMark+windows, d); got != byteOrderMark+strings.ReplaceAll(want, "\n", "\r\n") {
				t.Errorf("with CR LF: got\n%q\nwant\n%q", got, want)
			}
		})
	}
}

// Comments of items that stay survive a change of their list.
func TestRewriteOfItems(t *testing.T) {
	t.Parallel()
	d, err := parsed(t, commented, formatYAML).MergePatch([]byte(`{"pools": {"shop": {"backends": [
		{"address": "10.0.0.0:80"}, {"address": "10.0.0.1:80", "weight": 5}, {"address": "10.0.0.2:80"}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := rewritten(t, commented, d)
	for line := range strings.SplitSeq(commented, "\n") {
		if _, comment, found := strings.Cut(line, "# "); found && !strings.Contains(got, "# "+comment) {
			t.Errorf("the comment %q is gone:\n%s", comment, got)
		}
	}
	begin, end := strings.Index(commented, "    backends:"), strings.Index(commented, "    slow_start")
	if !strings.HasPrefix(got, commented[:begin]) || !strings.HasSuffix(got, commented[end:]) {
		t.Errorf("more is changed than the list:\n%s", got)
	}
}

func TestRewriteWritesOutAnchors(t *testing.T) {
	t.Parallel()
	const text = `.common: {probe: &probe {type: tcp}} # for all
listeners: {web: {address: ":80"}}
pools:
  # the first
  a: &pool
    algorithm: random
    backends: [{address: "10.0.0.1:80"}]
    health_check: *probe
  b: *pool # the same
  c:
    <<: *pool
    # but
    algorithm: p2c
  # the last
  d: {backends: []}
`
	for _, tt := range []struct {
		name, patch string
		keep        []string
	}{
		{"what is anchored", `{"pools": {"a": {"algorithm": "maglev"}}}`, []string{"# the first\n", "# the same\n", "# the last\n  d: {backends: []}\n", ".common: {probe: &probe {type: tcp}} # for all\n"}},
		{"an alias", `{"pools": {"b": {"algorithm": "maglev"}}}`, []string{"a: &pool\n", "    <<: *pool\n    # but\n", "# the last\n  d: {backends: []}\n"}},
		{"what is merged", `{"pools": {"c": {"slow_start": "1s"}}}`, []string{"a: &pool\n", "  b: *pool # the same\n", "# the last\n"}},
		{"something else", `{"pools": {"d": {"slow_start": "1s"}}}`, []string{before(text, "  d:")}},
		{"the anchored goes", `{"pools": {"a": null}}`, []string{"# the last\n  d: {backends: []}\n"}},
		{"all that is anchored", `{"pools": {"a": {"health_check": {"type": "http"}}, "b": null}}`, []string{".common:", "# the last\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := parsed(t, text, formatYAML).MergePatch([]byte(tt.patch))
			if err != nil {
				t.Fatal(err)
			}
			got := rewritten(t, text, d)
			for _, kept := range tt.keep {
				if !strings.Contains(got, kept) {
					t.Errorf("%q is gone:\n%s", kept, got)
				}
			}
		})
	}
}

func TestRewriteOfFilesOfEveryForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"{listeners: {web: {address: ':80'}}, routes: {}, pools: {a: {backends: []}}}",
		"---\nlisteners:\n    web:\n        address: ':80'\npools:\n    a:\n        backends: []\n...\n# behind\n",
		"pools:\n a:\n  backends:\n  - address: a:1\n  # between\n  - address: b:1\nlisteners: {web: {address: ':80'}}",
		"? pools\n: {a: {backends: []}}\n? listeners\n: {web: {address: ':80'}}\n",
		"\"pools\": {\"a\": {\"backends\": []}}\n'listeners':\n  \"web\": {\"address\": \":80\"}\n",
		"pools: {\n  a: {backends: []}, # one\n  b: {backends: []}\n}\nlisteners: {web: {address: ':80'}}\n",
		"routes:\npools: {a: {backends: []}}\nlisteners: {web: {address: ':80'}}\nlog:\n  access:\n",
		"pools: {a: {backends: []}}\nlisteners: {web: {address: ':80'}}\nroutes:\n  x:\n    respond:\n      body: |+\n        # no comment\n\n        text\n\n\n  y: {pool: a}\n",
		"pools: {a: {backends: []}}\nlisteners: {web: {address: ':80'}}\nroutes:\n  x: # folded\n    respond: {status: 200, headers: {X-A: b}} # kept\n    methods: [\n      GET, # one\n      PUT\n    ]\n    path: >-\n      /a\n\n      b\n  z:\n    respond:\n      body: >+\n        a\n          b\n\n      status: 201\n",
		"pools: !!map {a: {backends: []}}\nlisteners: {web: {address: ':80'}}\n",
		"pools: {a: {backends: []}} #\u2028\nlisteners: {web: {address: ':80'}}\n",
	} {
		was := parsedFile(t, text)
		for _, patch := range []string{
			`{}`, `{"pools": {"a": {"algorithm": "p2c"}}}`, `{"pools": {"a": null}}`, `{"pools": {"b": {"backends": [{"address": "c:1"}]}}}`, `{"zone": "x", "listeners": {"web": {"address": ":81"}}}`,
			`{"routes": {"x": {"pool": "a", "respond": null}, "z": {"pool": "a", "path": "# x"}}}`, `{"log": {"access": {"enabled": true}, "level": "debug"}}`,
			`{"pools": {"a": {"backends": [{"address": "b:1", "weight": 7}]}}}`,
		} {
			d, err := was.MergePatch([]byte(patch))
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Rewrite([]byte(text))
			if err != nil {
				t.Errorf("%v: %s on\n%s", err, patch, text)
				continue
			}
			if again := parsedFile(t, string(got)); again.Hash(hashKey) != d.Hash(hashKey) {
				t.Errorf("%s on\n%s\nmakes\n%s\nwhich differs: %v", patch, text, got, Diff(d, again, hashKey))
			}
			for _, comment := range []string{"# behind", "# between", "# one"} {
				if strings.Contains(text, comment) && !strings.Contains(string(got), comment) && !strings.Contains(patch, `"a": `) {
					t.Errorf("%s on\n%s\nloses %q:\n%s", patch, text, comment, got)
				}
			}
		}
	}
}

// parsedFile is the document of the text of a file, which may hold null.
func parsedFile(t testing.TB, text string) *Document {
	t.Helper()
	d, err := ParseFile([]byte(text), formatYAML, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

// commentsOf are the comments of a text that hold words.
func commentsOf(text string) []string {
	var comments []string
	for line := range strings.Lines(text) {
		if _, comment, found := strings.Cut(line, "# "); found && !strings.ContainsAny(comment, "\"'") {
			comments = append(comments, "# "+strings.TrimSpace(comment))
		}
	}
	return comments
}

// Each of the files of the repository takes random changes, and keeps every comment where
// nothing was taken out.
func TestRewriteTakesAnyChange(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	docs := corpus(t)
	for _, name := range sortedNames(docs) {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			d := mutant(docs[name], r)
			got, err := d.Rewrite(text)
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, encoded(t, d, formatYAML, false))
				continue
			}
			if again := parsedFile(t, string(got)); again.Hash(hashKey) != d.Hash(hashKey) {
				t.Errorf("%s: got\n%s\nwhich differs: %v", name, got, Diff(d, again, hashKey))
			}
			for _, comment := range commentsOf(string(text)) {
				if strings.Count(string(got), comment) > strings.Count(string(text), comment) {
					t.Errorf("%s: the comment %q is doubled:\n%s", name, comment, got)
				}
			}
		}
		for section, change := range map[string]string{"pools": `{"slow_start": "77s"}`, "routes": `{"priority": 77}`} {
			for _, object := range docs[name].Names(section) {
				d, err := docs[name].MergePatch([]byte(change), section, object)
				if err != nil {
					continue // it is refused as it is
				}
				got, err := d.Rewrite(text)
				if err != nil {
					t.Errorf("%s: %s: %v", name, object, err)
					continue
				}
				for _, comment := range commentsOf(string(text)) {
					if strings.Count(string(got), comment) != strings.Count(string(text), comment) {
						t.Errorf("%s: a change of %s.%s loses or doubles the comment %q:\n%s", name, section, object, comment, got)
					}
				}
			}
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	t.Parallel()
	d := parsed(t, base, formatYAML)
	if _, err := d.Rewrite([]byte("include: [a.yaml]\n" + base)); !errors.Is(err, ErrIncludes) {
		t.Errorf("got %v; want %v", err, ErrIncludes)
	}
	for _, text := range []string{"", "\x00", "a: [", "[]", "a: b\n---\nc: d\n"} {
		if got, err := d.Rewrite([]byte(text)); err == nil {
			t.Errorf("%q: got\n%s\nwant it refused", text, got)
		}
	}
	part, _ := d.At("pools")
	if _, err := part.Rewrite([]byte(base)); err == nil {
		t.Error("a part was written")
	}
}

// before is the part of a text in front of a mark.
func before(text, mark string) string {
	head, _, _ := strings.Cut(text, mark)
	return head
}
