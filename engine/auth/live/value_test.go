package live

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// join makes a text of files; "bad" in one of them is an error, "bug" a bug.
func join(files []File) (*string, error) {
	var text []byte
	for _, f := range files {
		for line := range f.Lines() {
			switch string(line.Text) {
			case "bad":
				return nil, f.At(line, errors.New("bad is no word"))
			case "bug":
				panic("injected")
			}
			text = append(append(text, line.Text...), ' ')
		}
	}
	joined := string(text)
	return &joined, nil
}

// rig is one value of one file, and what was told of it.
type rig struct {
	t      *testing.T
	file   string
	keeper *Keeper
	value  *Value[string]
	told   []string
}

// open opens a file that holds the line one.
func open(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, file: filepath.Join(t.TempDir(), "list")}
	r.write("one\n")
	r.keeper = NewKeeper(func(e Event) {
		said := e.Name
		if e.Err != nil {
			said += ": " + strings.ReplaceAll(e.Err.Error(), r.file, "FILE")
		}
		r.told = append(r.told, said)
	})
	value, err := Open(r.keeper, "blocked", []string{r.file}, join)
	if err != nil {
		t.Fatal(err)
	}
	r.value = value
	t.Cleanup(func() { _ = value.Close() })
	return r
}

func (r *rig) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// looks takes some and compares the value and what was told since the last time.
func (r *rig) looks(n int, want string, told ...string) {
	r.t.Helper()
	for range n {
		r.keeper.Look()
	}
	if got := *r.value.Load(); got != want {
		r.t.Errorf("the value is %q; want %q", got, want)
	}
	if got := strings.Join(r.told, "|"); got != strings.Join(told, "|") {
		r.t.Errorf("told %q; want %q", got, told)
	}
	r.told = nil
}

func TestAChangedFileIsReadWhenItHasSettled(t *testing.T) {
	r := open(t)
	r.looks(3, "one ")
	r.write("one\ntwo\n")
	r.looks(1, "one ")
	r.write("one\ntwo\nthree\n")
	r.looks(1, "one ")
	r.looks(1, "one two three ", "blocked")
	r.looks(3, "one two three ")
	if r.value.Rereads() != 1 || r.value.Failures() != 0 {
		t.Errorf("%d rereads, %d failures; want 1 and 0", r.value.Rereads(), r.value.Failures())
	}
}

func TestAFileThatNeverSettlesIsReadAllTheSame(t *testing.T) {
	r := open(t)
	for i := range settleLooksMax {
		r.write(strings.Repeat("x", i+1))
		r.looks(1, "one ")
	}
	r.write("last")
	r.looks(1, "last ", "blocked")
}

func TestTheLastGoodFileIsKept(t *testing.T) {
	r := open(t)
	r.write("two\n\n# comment\nbad\n")
	r.looks(4, "one ", "blocked: FILE:4: bad is no word")
	if r.value.Trouble() == nil || r.value.Failures() != 1 {
		t.Errorf("trouble %v, %d failures; want one", r.value.Trouble(), r.value.Failures())
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	r.looks(4, "one ", `blocked: cannot read file "FILE": no such file or directory`)
	if r.value.Failures() < 3 {
		t.Errorf("%d failures; want one for each time it was tried again", r.value.Failures())
	}
	r.write("three")
	r.looks(2, "three ", "blocked")
	if r.value.Trouble() != nil {
		t.Errorf("trouble %v; want none", r.value.Trouble())
	}
}

func TestAFileReplacedByAnotherOfTheSameSizeIsNoticed(t *testing.T) {
	r := open(t)
	other := r.file + ".new"
	if err := os.WriteFile(other, []byte("two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := os.Stat(r.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chtimes(other, s.ModTime(), s.ModTime()), os.Rename(other, r.file)); err != nil {
		t.Fatal(err)
	}
	r.looks(2, "two ", "blocked")
}

func TestASwitchedLinkIsNoticed(t *testing.T) {
	r := open(t)
	link, to := r.file+".link", r.file+".to"
	if err := errors.Join(os.Symlink(r.file, link), os.WriteFile(to, []byte("two\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	linked, err := Open(r.keeper, "linked", []string{link}, join)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(to, link+".new"), os.Rename(link+".new", link)); err != nil {
		t.Fatal(err)
	}
	r.looks(2, "one ", "linked")
	_ = linked.Close()
	if got := *linked.Load(); got != "two " {
		t.Errorf("got %q; want what the link leads to now", got)
	}
}

func TestAReaderThatMeetsABugKeepsTheLastGoodFile(t *testing.T) {
	r := open(t)
	bugs := 0
	defer safely.OnPanic(func(safely.Panic) { bugs++ })()
	r.write("bug")
	r.looks(5, "one ", "blocked: "+errBug.Error())
	if bugs != 1 {
		t.Errorf("the bug was met %d times; want once", bugs)
	}
	r.write("two")
	r.looks(2, "two ", "blocked")
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	dir := t.TempDir()
	pipe, wrong, large := filepath.Join(dir, "pipe"), filepath.Join(dir, "wrong"), filepath.Join(dir, "large")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(wrong, []byte("a\nbad"), 0o600), os.WriteFile(large, nil, 0o600),
		os.Truncate(large, BytesMax+1)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, want string }{
		{dir + "/missing", `cannot read file "` + dir + `/missing": no such file or directory`},
		{dir, `cannot read file "` + dir + `": it is not a regular file`},
		{pipe, `cannot read file "` + pipe + `": it is not a regular file`},
		{large, `cannot read file "` + large + `": it is larger than 64 MiB`},
		{wrong, wrong + ":2: bad is no word"},
	} {
		_, err := Open(NewKeeper(nil), "x", []string{c.file}, join)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v; want %s", c.file, err, c.want)
		}
	}
}

func TestAKeeperLooksWhileAValueIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan Event, 8)
		k := NewKeeper(func(e Event) { told <- e })
		file := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := Open(k, "blocked", []string{file}, join)
		if err != nil {
			t.Fatal(err)
		}
		other, err := Open(k, "other", []string{file}, join)
		if err != nil {
			t.Fatal(err)
		}
		_ = other.Close()
		if err := os.WriteFile(file, []byte("two two"), 0o600); err != nil {
			t.Fatal(err)
		}
		if e := <-told; e.Err != nil || *v.Load() != "two two " {
			t.Errorf("told %v, the value is %q; want the changed file", e, *v.Load())
		}
		if *other.Load() != "one " {
			t.Errorf("a closed value is %q; want it as it was", *other.Load())
		}
		_ = v.Close()
		_ = v.Close() // the bubble ends only when the goroutine has
	})
}

func TestAKeeperWithoutFilesHasNoGoroutine(t *testing.T) {
	met := 0
	defer safely.Inject(func(string) { met++ })()
	k := NewKeeper(nil)
	v, err := Open(k, "nothing", nil, join)
	if err != nil || *v.Load() != "" {
		t.Fatalf("got %q, %v; want an empty value", *v.Load(), err)
	}
	k.Look()
	_ = v.Close()
	if met != 0 {
		t.Errorf("%d goroutines; want 0", met)
	}
}

func TestLinesAreCountedAsEditorsDo(t *testing.T) {
	f := File{Name: "f", Data: []byte("\ufeff a \r\n\r\n# c\n\tb\n  # d\nlast")}
	var got []string
	for line := range f.Lines() {
		got = append(got, f.At(line, errors.New(string(line.Text))).Error())
	}
	if want := "f:1: a|f:4: b|f:6: last"; strings.Join(got, "|") != want {
		t.Errorf("got %q; want %s", got, want)
	}
}
