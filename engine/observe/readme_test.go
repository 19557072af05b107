package observe

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/observe/custom"
	"github.com/isame-lb/isame-lb/engine/observe/expose"
	"github.com/isame-lb/isame-lb/pool/end"
)

var update = flag.Bool("update", false, "write the tables into README.md")

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The tables of metrics and phases are made of the code: go test ./engine/observe -update.
func TestReadmeHasTheTablesOfMetrics(t *testing.T) {
	old, text := readme(t), readme(t)
	for name, want := range map[string]string{
		"metrics": tableOf(slices.Concat(families[:], []*expose.Family{custom.Family()})), "runtime": tableOf(borrowedFamilies()), "phases": tableOfPhases(),
	} {
		begin, finish := "<!-- "+name+": made of the code -->\n", "<!-- /"+name+" -->\n"
		before, rest, found := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, finish)
		if !found || !closed {
			t.Fatalf("README.md lacks %q or %q", begin, finish)
		}
		text = before + begin + want + finish + after
	}
	if text == old {
		return
	}
	if !*update {
		t.Fatal("the tables of README.md are older than the code: go test ./engine/observe -run Readme -update")
	}
	if err := os.WriteFile("README.md", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func borrowedFamilies() (all []*expose.Family) {
	for i := range borrowed {
		all = append(all, &borrowed[i].Family)
	}
	return all
}

func tableOf(all []*expose.Family) string {
	var b strings.Builder
	b.WriteString("\n| metric | labels | type | unit | |\n|---|---|---|---|---|\n")
	for _, f := range all {
		labels := strings.Join(f.Labels, ", ")
		if f == custom.Family() {
			labels += ", those of the stage"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, labels, f.Kind, f.Unit, f.Help)
	}
	return b.String() + "\n"
}

func tableOfPhases() string {
	var b strings.Builder
	b.WriteString("\n| phase | |\n|---|---|\n")
	for _, p := range listedPhases {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.word, p.text)
	}
	return b.String() + "\n"
}

// TestFamiliesAreSound holds every description against the rules of the formats.
func TestFamiliesAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range slices.Concat(families[:], []*expose.Family{custom.Family()}, borrowedFamilies()) {
		if err := f.Check(); err != nil {
			t.Error(err)
		}
		if !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: its help is no sentence", f.Name)
		}
		if seen[f.Name] {
			t.Errorf("%s is described twice", f.Name)
		}
		seen[f.Name] = true
	}
}

// The table of ends is the list of package pool, in its order; -update writes it.
func TestReadmeNamesEveryEnd(t *testing.T) {
	var want strings.Builder
	for e := range end.Ends {
		var phases []string
		for p := range e.Under() {
			phases = append(phases, p.String())
		}
		kind := e.ProxyError()
		if kind == "" {
			kind = "-"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s | %s | %s |\n", e.Word(), e.Side(), strings.Join(phases, ", "), kind, e.Text(), e.Advice())
	}
	const head = "| word | side | phases | Proxy-Status | means | what to do |\n|---|---|---|---|---|---|\n"
	before, table, _ := strings.Cut(readme(t), head)
	if table == want.String() {
		return
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(before+head+want.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("README.md does not end in\n%s%s", head, want.String())
}
