package engine

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// filesInOrder are the files that doc.go lists.
func filesInOrder(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^//\t([a-z0-9]+\.go) `).FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1])
	}
	return all
}

// doc.go lists every file once.
func TestEveryFileIsListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return f == "doc.go" || strings.HasSuffix(f, "_test.go") })
	listed := filesInOrder(t)
	slices.Sort(listed)
	if !slices.Equal(listed, files) {
		t.Errorf("doc.go lists\n%q; want\n%q", listed, files)
	}
}

// The order of the list is that of the phases, so who follows a request turns no page
// back.
func TestFilesStandInTheOrderOfPhases(t *testing.T) {
	sources := map[string]string{}
	listed := filesInOrder(t)
	for _, name := range listed {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources[name] = string(text)
	}
	last, seen := "", 0
	for _, m := range regexp.MustCompile(`case (at\w+):\n\t\treturn x\.(\w+)\(\)`).FindAllStringSubmatch(sources["advance.go"], -1) {
		file := ""
		for name, text := range sources {
			if strings.Contains(text, "\nfunc (x *exchange) "+m[2]+"() phase ") {
				file = name
			}
		}
		if file == "" || last != "" && slices.Index(listed, file) < slices.Index(listed, last) {
			t.Errorf("%s is done by %s in %q, which stands before %q", m[1], m[2], file, last)
		}
		last, seen = file, seen+1
	}
	if want := int(phases) - len([]phase{atUpload, atOver, atSwitched}); seen != want {
		t.Errorf("found %d phases with a function; want %d", seen, want)
	}
}
