package observe

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

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

// The table of ends is the list of package pool, in its order.
func TestReadmeNamesEveryEnd(t *testing.T) {
	var want strings.Builder
	for e := range end.Ends {
		var phases []string
		for p := range e.Under() {
			phases = append(phases, p.String())
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", e.Word(), e.Side(), strings.Join(phases, ", "), e.Text())
	}
	if !strings.HasSuffix(readme(t), want.String()) {
		t.Errorf("README.md does not end in\n%s", want.String())
	}
}
