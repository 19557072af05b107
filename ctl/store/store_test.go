package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// names lists a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriteThenRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir, "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: got %v; want fs.ErrNotExist", err)
	}
	for _, text := range []string{"one", "another, longer one", ""} {
		if err := Write(dir, "x", []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := Read(dir, "x")
		if err != nil || string(got) != text {
			t.Errorf("got %q, %v; want %q", got, err, text)
		}
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "x"): 0o600} {
		if s, err := os.Stat(path); err != nil || s.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v; want mode %v", path, s.Mode(), err, want)
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"x"}) {
		t.Errorf("got %v; want nothing but x", got)
	}
}

// TestReaderNeverSeesHalf reads while a file is replaced by longer and shorter ones.
func TestReaderNeverSeesHalf(t *testing.T) {
	dir := t.TempDir()
	texts := [][]byte{bytes.Repeat([]byte("a"), 1<<20), bytes.Repeat([]byte("b"), 10)}
	if err := Write(dir, "x", texts[0]); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		var failed error
		for n := range 50 {
			failed = errors.Join(failed, Write(dir, "x", texts[n%2]))
		}
		done <- failed
	}()
	for reading := true; reading; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			reading = false
		default:
			got, err := Read(dir, "x")
			if err != nil || !bytes.Equal(got, texts[0]) && !bytes.Equal(got, texts[1]) {
				t.Fatalf("got %d bytes, %v; want one of the two texts", len(got), err)
			}
		}
	}
}

func TestStagedFileIsNotThereBeforeCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "isame.yaml")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{false, true} {
		s, err := StageOver(path, []byte("new"))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Read(dir, "isame.yaml"); string(got) != "old" {
			t.Errorf("staged: got %q; want the old content", got)
		}
		want := "old"
		if end := s.Discard; commit {
			want, err = "new", s.Commit()
		} else {
			err = end()
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Read(dir, "isame.yaml"); string(got) != want {
			t.Errorf("got %q; want %q", got, want)
		}
		if got := names(t, dir); !slices.Equal(got, []string{"isame.yaml"}) {
			t.Errorf("got %v; want nothing else", got)
		}
	}
	if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o640 {
		t.Errorf("got %v, %v; want the mode it had", s.Mode(), err)
	}
}

func TestStageOverRefuses(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		want       error
	}{
		{"a link", link, ErrNotPlain},
		{"a folder", dir, ErrNotPlain},
		{"nothing", filepath.Join(dir, "none"), fs.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := StageOver(c.path, []byte("y")); !errors.Is(err, c.want) {
				t.Errorf("got %v; want %v", err, c.want)
			}
		})
	}
	if got := names(t, dir); !slices.Equal(got, []string{"link", "target"}) {
		t.Errorf("got %v; want nothing left behind", got)
	}
}

func TestPrepareRemovesWhatKilledWritersLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd [name]*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".x.123.tmp", "x", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{".hidden", "x"}) {
		t.Errorf("got %v; want all but the temporary file", got)
	}
	file := filepath.Join(dir, "x")
	if err := Prepare(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file: got %v; want an error that names it", err)
	}
}

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.json", "b.json", "c.txt"} {
		if err := Write(dir, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := Keep(dir, ".json", func(name string) bool { return name == "b.json" }); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"b.json", "c.txt"}) {
		t.Errorf("got %v; want b.json and c.txt", got)
	}
}

// TestTidyLeavesOthersAlone removes what is left of one file, once nobody can be writing it.
func TestTidyLeavesOthersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd [name]*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for name, old := range map[string]bool{
		".etcd.json.1.tmp": true, ".etcd.json.2.tmp": false, ".other.json.1.tmp": true, "etcd.json": true, "etcd.json.1.tmp": true,
	} {
		file := filepath.Join(dir, name)
		err := os.WriteFile(file, nil, 0o600)
		if err == nil && old {
			err = os.Chtimes(file, long, long)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	Tidy(filepath.Join(dir, "etcd.json"))
	if got := names(t, dir); !slices.Equal(got, []string{".etcd.json.2.tmp", ".other.json.1.tmp", "etcd.json", "etcd.json.1.tmp"}) {
		t.Errorf("got %v; want all but the old one of the file", got)
	}
}
