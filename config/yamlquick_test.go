package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// quickly holds quickYAML against the library, and reports whether it has read the text.
func quickly(t testing.TB, text string) bool {
	t.Helper()
	s := &source{name: "test", data: []byte(text), problems: &problemList{}, nodesMax: nodesMax}
	if strings.TrimSpace(text) == "" || !s.isText() || countYAML(s) != nil {
		return false
	}
	got := quickYAML(s)
	if got == nil {
		if s.nodes != 0 || !s.problems.empty() {
			t.Errorf("left %d nodes and %v behind of\n%s", s.nodes, s.problems.list, text)
		}
		return false
	}
	other := &source{name: "test", data: []byte(text), problems: &problemList{}, nodesMax: nodesMax}
	want, err := libraryYAML(other)
	if err != nil || !other.problems.empty() {
		t.Errorf("read what the library refuses: %v\n%s", other.problems.list, text)
		return true
	}
	if a, b := described(got, ""), described(want, ""); a != b || !reflect.DeepEqual(got, want) {
		t.Errorf("of\n%s\ngot\n%swant\n%s", text, a, b)
	}
	if s.nodes != other.nodes {
		t.Errorf("counted %d nodes; want %d, of\n%s", s.nodes, other.nodes, text)
	}
	return true
}

// described is a tree as text, with all places.
func described(n *node, indent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q at %v, key at %v, whole %v\n", n.kind, n.text, n.from, n.key, n.whole)
	for _, item := range n.items {
		b.WriteString(indent + "- " + described(item, indent+"  "))
	}
	for _, e := range n.entries {
		b.WriteString(indent + e.name + ": " + described(e.value, indent+"  "))
	}
	return b.String()
}

// TestQuickYAMLReads what configurations are made of.
func TestQuickYAMLReads(t *testing.T) {
	for _, text := range []string{
		"a: 1\n", "a: 1", "a: b c  # comment\n\n# more\nb: x#y\n", "a:\n  b: c\n  d:\n    e: f\ng: h\n",
		"a:\n  - x\n  - y: 1\n    z: 2\n  - {q: 1}\n  - [1, 2]\nb: 2\n", "a:\n- x\n- y\nb: c\n", "a:\n# c\n  # d\n  - b: # e\n      c: d\n",
		"{a: 1, b: [x, 'y z', \"w\"], c: {}}\n", "a: {b: 1, c: [\n  1, # one\n  2]\n}\nd: e\n", "a: [{b: c}, {d: e}]\n", "a: {\nb: 1\n}\n",
		`a: "x \"y\" \\ z"` + "\n" + `b: 'it''s'` + "\n" + `"c": 1` + "\n" + `'d e': 2` + "\n",
		"a: true\nb: TRUE\nc: yes\nd: null\ne: ~\nf: Null\ng: 1.5\nh: 0x1f\ni: 1e3\nj: 2001-01-01\nk: .5\nl: .inf\nm: 0o17\nn: 1_000\no: 10.0.0.1:80\np: 9s\nq: 12:30\nr: 2001-12-14T21:59:43Z\ns: 0b11\nt: +1\nu: 10.0.0.0/8\n",
		"a: -1\nb: -x\nc: {d: -5}\n", `a: "1\n2\t3\r"` + "\n", "a:\n", "a: # x\nb: 1\n", "a:\n  b:\n  c:\nd:", "- a:\n- b:\n  c: 1\n", "  a: 1\n  b: 2\n", "a: http://x/y?z\n", "a: ^/v[0-9]+/{x}\n", "a: {host: 127.0.0.1:80, p: /a/b, r: ^/x$}\n", "- a\n- b\n", "1: a\ntrue: b\n.x: c\n",
		string(manyBackends(20)),
	} {
		if !quickly(t, text) {
			t.Errorf("left to the library:\n%s", text)
		}
	}
}

// TestQuickYAMLLeaves what it is not sure of to the library, whether that takes it or not.
func TestQuickYAMLLeaves(t *testing.T) {
	for _, text := range []string{
		"", "\n", "# nothing\n", "a", "a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "a: |\n  b\n", "a: >\n  b\n", "a: b\n  c\n",
		"a: \"b\n  c\"\n", "a: 'b\n  c'\n", "<<: {a: 1}\n", "? a\n: b\n", "---\na: 1\n", "a: 1\n---\nb: 2\n", "a: 1\n...\n", "%YAML 1.2\n---\na: 1\n", "a:\tb\n",
		"a: b: c\n", "a: b:\n", "a: [1, 2\n", "a: {b}\n", "a: {b: }\n", "a: [b: c]\n", "a: [1,]\n", "a: {b: 1,}\n", "a: [, 1]\n", "a: {b: 1 c: 2}\n", "a: {b:1}\n",
		"a:\n  b: 1\n c: 2\n", "a:\n - b\n  - c\n", "- a\nb: 1\n", "a: 1\n- b\n", "- - a\n", "-\n  a\n", "a: @b\n", "a: `b`\n", "a: %b\n", "a: é\n", "a: \"\\x41\"\n", "a: \"\\/\"\n", "a: \"\\u0041\"\n",
		"a: [x y]\n", "a: {b: 1}#c\n", "a: \"b\"#c\n", "a: 'b' c\n", "a : 1\n", "a: - b\n", "a: b\r\n", "[a]: b\n", "{a: 1}: b\n", "a: 1\n b: 2\n", "a:\n  - b: 1\n   c: 2\n",
		"a: [b\n---\nc]\n", strings.Repeat("[", 40) + strings.Repeat("]", 40), "a: ]\n", "a: }\n", "a: ,\n", "a: {b: c,, d: e}\n", "\"a\n", "a: {? b: c}\n", "a: [?b]\n",
	} {
		if quickly(t, text) {
			t.Errorf("read:\n%q", text)
		}
	}
}

// TestQuickYAMLAgreesOnFixtures, and reads those that show what there is.
func TestQuickYAMLAgreesOnFixtures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range append(files, "default.yaml", "starter.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ok := quickly(t, string(text))
		if plain := []string{"default.yaml", "starter.yaml", "everything.good.yaml", "stages.good.yaml"}; !ok && slices.Contains(plain, filepath.Base(file)) {
			t.Errorf("%s is left to the library", file)
		}
	}
}

// FuzzQuickYAML: whatever it reads is what the library reads.
func FuzzQuickYAML(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		"a:\n  - b: {c: [1, '2', \"3\"]} # d\n    e: f\n\ng:\n- h\n", "a: [\n{b: c,\nd: e}\n]\n", "a: \"\\\"\\\\\"\nb: ''''\n", "a:\n  b:\n  - c\n  d: 1\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { quickly(t, text) })
}

// BenchmarkYAML is the parser alone, beside the library.
func BenchmarkYAML(b *testing.B) {
	text := manyBackends(1000)
	for _, by := range []struct {
		name  string
		parse func(*source) (*node, error)
	}{{"quick", parseYAML}, {"library", libraryYAML}} {
		b.Run("by="+by.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := by.parse(&source{name: "test", data: text, problems: &problemList{}, nodesMax: nodesMax}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
