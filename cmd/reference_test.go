package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fileName is a file of Go as texts name it, with its folders or without.
var fileName = regexp.MustCompile(`(?:^|[\s(\[` + "`" + `"])((?:\.\./)*(?:[a-z0-9_-]+/)*[a-z0-9_]+\.go)\b`)

// link is a link of Markdown to a place in this tree.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// foreign are files of users, and those that many folders have.
var foreign = map[string]bool{"main.go": true, "doc.go": true}

// TestTextsNameFilesThatAreThere: who follows a name in a comment or a README finds it.
func TestTextsNameFilesThatAreThere(t *testing.T) {
	for _, path := range trackedFiles(t) {
		if ext := filepath.Ext(path); ext != ".go" && ext != ".md" {
			continue
		}
		for number, line := range strings.Split(string(read(t, path)), "\n") {
			for _, name := range namedFiles(path, line) {
				if !foreign[name] && !isThere(filepath.Dir(path), name) {
					t.Errorf("%s:%d speaks of %s, which is not there", path, number+1, name)
				}
			}
		}
	}
}

// TestNamesOfFilesAreNoticed shows that the check above can fail.
func TestNamesOfFilesAreNoticed(t *testing.T) {
	for _, c := range []struct{ path, line, want string }{
		{"a.go", "// see view.go, and (pool/set.go)", "view.go pool/set.go"},
		{"a.go", `	read("view.go") // not a text`, ""},
		{"a.go", "// math/rand.Go is none", ""},
		{"a.md", "in `pool/set.go` or [here](../config/README.md#top), not https://a.test/b.go", "pool/set.go ../config/README.md"},
		{"a.md", "[out](https://a.test/x)", ""},
	} {
		if got := strings.Join(namedFiles(c.path, c.line), " "); got != c.want {
			t.Errorf("%q: got %q; want %q", c.line, got, c.want)
		}
	}
}

// namedFiles are the files that a line of text names: a comment of Go, or Markdown.
func namedFiles(path, line string) (names []string) {
	if strings.HasSuffix(path, ".go") {
		_, comment, ok := strings.Cut(line, "//")
		if !ok || strings.Contains(line, "\"") {
			return nil
		}
		line = comment
	}
	for _, m := range fileName.FindAllStringSubmatch(line, -1) {
		names = append(names, m[1])
	}
	if strings.HasSuffix(path, ".md") {
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// isThere reports that a file stands beside whoever names it, one folder up, or is named
// from the top.
func isThere(folder, name string) bool {
	for _, from := range []string{folder, filepath.Dir(folder), ""} {
		if _, err := os.Stat(filepath.Join(root, from, name)); err == nil {
			return true
		}
	}
	return false
}
