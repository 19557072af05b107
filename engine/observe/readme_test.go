package observe

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

var update = flag.Bool("update", false, "write the table of ends into README.md")

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The table of metrics has every name of the code, and no other.
func TestReadmeNamesEveryMetric(t *testing.T) {
	name := regexp.MustCompile(`isame_[a-z0-9_]+`)
	var code []string
	for _, file := range []string{"render.go", "end.go", "middleware.go", "orders.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(isame_[a-z0-9_]+)"`).FindAllStringSubmatch(string(text), -1) {
			code = append(code, m[1])
		}
	}
	var documented []string
	for line := range strings.Lines(readme(t)) {
		if strings.HasPrefix(line, "| `isame_") {
			documented = append(documented, name.FindString(line))
		}
	}
	slices.Sort(code)
	slices.Sort(documented)
	if code = slices.Compact(code); !slices.Equal(code, documented) {
		t.Errorf("the code has\n%v; README.md has\n%v", code, documented)
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
