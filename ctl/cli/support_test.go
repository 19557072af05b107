package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bundle is a file for its user alone, and none that is there is lost.
func TestSupportWritesAFile(t *testing.T) {
	p := startProxy(t, "")
	t.Chdir(t.TempDir())
	got := run(p, []string{"COLUMNS=80"}, "support", "-f", "b.tar.gz")
	info, err := os.Stat("b.tar.gz")
	if err != nil || got.code != ExitDone || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %+v, %v, %v", got, info, err)
	}
	for _, want := range []string{"b.tar.gz, ", "FILE", "README.txt", "config/effective.yaml", "profiles/heap.pb.gz", "status.json"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("got\n%s\nwant %q in it", got.stdout, want)
		}
	}
	if err := os.WriteFile("mine", []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	got = run(p, nil, "support", "-f", "mine")
	if text, _ := os.ReadFile("mine"); got.code != ExitFailed || string(text) != "precious" || !strings.Contains(got.stderr, "--force") {
		t.Errorf("got %+v, file %.20q; want it refused", got, text)
	}
	if got = run(p, nil, "support", "-f", "mine", "--force", "--redact", "-o", "json"); got.code != ExitDone || !strings.Contains(got.stdout, `"name": "README.txt"`) {
		t.Errorf("got %+v", got)
	}
	if info, err = os.Stat("mine"); err != nil || info.Mode().Perm() != 0o600 || info.Size() < 1000 {
		t.Errorf("got %v, %v; want the bundle in its place, for this user alone", info, err)
	}
	if got = run(p, nil, "support"); got.code != ExitDone {
		t.Errorf("got %+v", got)
	}
	if named, err := filepath.Glob("isame-support-*Z.tar.gz"); err != nil || len(named) != 1 {
		t.Errorf("got %v, %v; want a file with host and time in its name", named, err)
	}
	if got = run(p, nil, "support", "-f", filepath.Join("none", "b.tar.gz")); got.code != ExitFailed {
		t.Errorf("got %+v; want it refused", got)
	}
	if got = run(p, nil, "support", "--all", "-f", "b"); got.code != ExitUsage {
		t.Errorf("got %+v; want wrong usage", got)
	}
}

// What came in part is no bundle.
func TestBundlesThatAreCut(t *testing.T) {
	p := startProxy(t, "")
	t.Chdir(t.TempDir())
	if got := run(p, nil, "support", "-f", "b"); got.code != ExitDone {
		t.Fatal(got)
	}
	whole, err := os.ReadFile("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filesOf(whole); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		if files, err := filesOf(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: got %d files; want an error", n, len(whole), len(files))
		}
	}
}
