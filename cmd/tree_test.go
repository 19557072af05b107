package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linesMax is the length above which a file is more than one idea.
const linesMax = 500

// topLevel is everything that may stand in the top folder, beside dot files.
var topLevel = []string{
	"engine", "pool", "algo", "config", "ctl", "bench", "cmd", "scripts", "findings",
	"Makefile", "go.mod", "go.sum", "README.md", "LICENSE",
}

// generatedLine is how Go marks generated files.
var generatedLine = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// sleepCall is a wait for time instead of for an event. Split, so that this
// file does not find itself.
var sleepCall = regexp.MustCompile(`\btime\.` + `Sleep\(`)

func TestTopLevelEntries(t *testing.T) {
	for _, path := range trackedFiles(t) {
		entry, _, _ := strings.Cut(path, "/")
		if !strings.HasPrefix(entry, ".") && !slices.Contains(topLevel, entry) {
			t.Errorf("%s: top-level entry %q is not in the agreed layout %v", path, entry, topLevel)
		}
	}
}

func TestFilesStayShort(t *testing.T) {
	for _, path := range goFiles(t) {
		text := read(t, path)
		if lines := bytes.Count(text, []byte("\n")); lines > linesMax && !generatedLine.Match(text) {
			t.Errorf("%s has %d lines; want at most %d: a file is one idea", path, lines, linesMax)
		}
	}
}

// filesMax is how many files, tests aside, a room may hold itself: what a reader can
// have in mind. What has no need of the others goes into a folder of its own.
var filesMax = map[string]int{
	"engine": 39,
	"pool":   30, "pool/socket": 31, "pool/attempt": 30, "pool/health": 30,
}

func TestRoomsStaySmall(t *testing.T) {
	files := map[string]int{}
	for _, path := range goFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			files[filepath.Dir(path)]++
		}
	}
	for room, most := range filesMax {
		if got := files[room]; got == 0 || got > most {
			t.Errorf("%s holds %d files; want at most %d: move leaves into folders below it", room, got, most)
		}
	}
}

func TestNoSleepInTests(t *testing.T) {
	for _, path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") && sleepCall.Match(read(t, path)) {
			t.Errorf("%s sleeps: wait for the event with a deadline, or use testing/synctest", path)
		}
	}
}

// TestFoldersIntroduceThemselves asks for a doc.go, a README.md or a package comment.
func TestFoldersIntroduceThemselves(t *testing.T) {
	introduced := map[string]bool{}
	packageComment := regexp.MustCompile(`(?m)^(// .*|\*/)\npackage [a-z]+`)
	for _, path := range goFiles(t) {
		folder := filepath.Dir(path)
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") {
			continue
		}
		_, err := os.Stat(filepath.Join(root, folder, "README.md"))
		introduced[folder] = introduced[folder] || err == nil || packageComment.Match(read(t, path))
	}
	for folder, ok := range introduced {
		if !ok {
			t.Errorf("%s has neither README.md nor a package comment: say what it is for and where to start reading", folder)
		}
	}
}

// root is the top folder as seen from this test.
const root = ".."

func goFiles(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(trackedFiles(t), func(path string) bool { return !strings.HasSuffix(path, ".go") })
}

// trackedFiles are the files of the project, without what a build or a bench
// run left behind. Outside a git checkout it walks the folder.
func trackedFiles(t *testing.T) []string {
	t.Helper()
	command := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	command.Dir = root
	out, err := command.Output()
	var files []string
	if err == nil {
		files = strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	} else {
		files = walk(t)
	}
	// A file that is deleted but not yet committed is still listed.
	files = slices.DeleteFunc(files, func(path string) bool {
		_, err := os.Stat(filepath.Join(root, path))
		return err != nil
	})
	if len(files) == 0 {
		t.Fatal("found no files")
	}
	return files
}

func walk(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == ".git" || path == filepath.Join(root, "bin")) {
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatalf("cannot walk %s: %v", root, err)
	}
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatalf("cannot read %s: %v", path, err)
	}
	return text
}
