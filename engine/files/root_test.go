package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// TestMain fails the run when a test leaves a goroutine behind.
func TestMain(m *testing.M) { leak.Main(m) }

// site is a folder with files in it, and one beside it that is nobody's.
type site struct {
	t     testing.TB
	path  string
	cache Cache
	root  *Root
}

// old is a time of change that tells a later one from it.
var old = time.Now().Add(-time.Hour).Truncate(time.Second)

func newSite(t testing.TB, fallback string) *site {
	t.Helper()
	s := &site{t: t, path: filepath.Join(t.TempDir(), "site")}
	s.write("index.html", "home")
	s.write("a.txt", "text")
	s.write("empty", "")
	s.write("docs/index.html", "docs")
	s.write("docs/deep/x", "deep")
	s.write(".env", "secret")
	s.write(".git/config", "secret")
	s.write("docs/.hidden/x", "secret")
	s.write(".well-known/security.txt", "contact")
	s.write("100%", "percent")
	s.write(`a\b`, "backslash")
	s.write("../outside.txt", "outside")
	s.link("in.txt", "docs/deep/x")
	s.link("out.txt", "../outside.txt")
	s.link("absolute.txt", filepath.Join(s.path, "a.txt"))
	s.link("up", "..")
	s.link("loop", "loop")
	s.link("dangling", "nothing")
	if err := syscall.Mkfifo(filepath.Join(s.path, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.root = NewRoot(Folder{Path: s.path, Index: "index.html", Fallback: fallback}, &s.cache)
	t.Cleanup(s.cache.Close)
	return s
}

func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chtimes(path, old, old); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) link(name, to string) {
	s.t.Helper()
	if err := os.Symlink(to, filepath.Join(s.path, name)); err != nil {
		s.t.Fatal(err)
	}
}

// text is the content of what a path means on the disk, or the word for what became of it.
func (s *site) text(path string) string {
	s.t.Helper()
	f, result, err := s.root.Open([]byte(path), socket.Nanos())
	if (err != nil) != (result == Failed) {
		s.t.Errorf("%q: got %v and %v", path, result, err)
	}
	if result != Found {
		return [...]string{Moved: "moved", Missing: "missing", Denied: "denied", Failed: "failed"}[result]
	}
	defer f.Release()
	return content(s.t, f)
}

func content(t testing.TB, f *File) string {
	t.Helper()
	text, err := io.ReadAll(&Reader{File: f, End: f.Size})
	if err != nil || int64(len(text)) != f.Size {
		t.Errorf("got %d bytes, %v; want %d", len(text), err, f.Size)
	}
	return string(text)
}

func TestFilesOfAFolder(t *testing.T) {
	s := newSite(t, "")
	for _, tc := range []struct{ path, want string }{
		{"/", "home"},
		{"/index.html", "home"},
		{"/a.txt", "text"},
		{"/empty", ""},
		{"/docs/", "docs"},
		{"/docs", "moved"},
		{"/docs/deep/x", "deep"},
		{"/docs/deep", "missing"}, // no index, and no list
		{"/docs/deep/", "missing"},
		{"/in.txt", "deep"},
		{"/100%25", "percent"},
		{"/.well-known/security.txt", "contact"},
		{"/out.txt", "denied"},
		{"/absolute.txt", "denied"},
		{"/up/outside.txt", "denied"},
		{"/up/site/a.txt", "denied"},
		{"/up", "denied"},
		{"/.env", "missing"},
		{"/.git/config", "missing"},
		{"/docs/.hidden/x", "missing"},
		{"/a%5Cb", "missing"},
		{"/docs%2Fdeep%2Fx", "missing"},
		{"/..", "missing"},
		{"/../outside.txt", "missing"},
		{"/nothing", "missing"},
		{"/a.txt/", "missing"},
		{"/a.txt/x", "missing"},
		{"/loop", "missing"},
		{"/dangling", "missing"},
		{"/pipe", "missing"},
		{"/" + strings.Repeat("x", 255), "missing"},
		{"/" + strings.Repeat("x", 256), "missing"},
	} {
		if got := s.text(tc.path); got != tc.want {
			t.Errorf("%.40q: got %q; want %q", tc.path, got, tc.want)
		}
	}
}

// Where nothing is found, a page stands in for it; what is not served is not found even so.
func TestFallback(t *testing.T) {
	s := newSite(t, "docs/index.html")
	for path, want := range map[string]string{
		"/": "home", "/a.txt": "text", "/nothing": "docs", "/some/route": "docs", "/docs/deep/": "docs", "/docs": "moved",
		"/.env": "missing", "/a%2Fb": "missing", "/out.txt": "denied",
	} {
		if got := s.text(path); got != want {
			t.Errorf("%q: got %q; want %q", path, got, want)
		}
	}
	for _, replace := range []func(){
		func() { _ = os.Remove(filepath.Join(s.path, "docs", "index.html")) },
		func() { s.write("docs/index.html/index.html", "folder") },
	} {
		replace()
		if got := s.text("/nothing"); got != "missing" {
			t.Errorf("without the fallback got %q; want missing", got)
		}
	}
}

func TestFolderWithoutIndex(t *testing.T) {
	s := newSite(t, "")
	s.root = NewRoot(Folder{Path: s.path}, &s.cache)
	for path, want := range map[string]string{"/": "missing", "/docs": "missing", "/docs/": "missing", "/docs/index.html": "docs"} {
		if got := s.text(path); got != want {
			t.Errorf("%q: got %q; want %q", path, got, want)
		}
	}
}

// The folder itself may be replaced, may go, and may come back.
func TestFolderIsLookedUpEachTime(t *testing.T) {
	s := newSite(t, "")
	link := filepath.Join(filepath.Dir(s.path), "current")
	s.link("../current", "site")
	s.write("../next/a.txt", "next")
	s.root = NewRoot(Folder{Path: link, Index: "index.html"}, &s.cache)
	if got := s.text("/a.txt"); got != "text" {
		t.Fatalf("got %q", got)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if got := s.text("/a.txt"); got != "failed" {
		t.Errorf("without the folder got %q; want failed", got)
	}
	s.link("../current", "next")
	if got := s.text("/a.txt"); got != "next" {
		t.Errorf("got %q; want the file of the folder that the link leads to now", got)
	}
}

// However a request spells a path, and whatever links there are, it gets nothing that lies
// outside of the folder, or behind a name with a dot in front.
func FuzzFilesStayInTheFolder(f *testing.F) {
	s := newSite(f, "")
	for _, seed := range []string{
		"/up/outside.txt", "/out.txt", "/../outside.txt", "/docs/../../outside.txt", "/%2e%2e/outside.txt", "/up/site/.env", "/.git/config",
		"/docs/.hidden/x", "/%2egit%2fconfig", "//.env", "/in.txt", "/docs/", "/docs", "/up", "/absolute.txt", "/loop/x", "/pipe", "/.well-known/../.env",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		path, _, err := wire.NormalizePath(nil, []byte(raw))
		if err != nil {
			return
		}
		file, result, err := s.root.Open(path, socket.Nanos())
		if result == Failed {
			t.Fatalf("%q: %v", raw, err)
		}
		if result != Found {
			return
		}
		defer file.Release()
		if text := content(t, file); text == "secret" || text == "outside" {
			t.Fatalf("%q leads to %q", raw, text)
		}
	})
}

// often asks for a.txt until it is kept, and returns what is held then.
func (s *site) often(nowNanos int64) *File {
	s.t.Helper()
	const path = "/a.txt"
	for range often + 1 {
		f, result, err := s.root.Open([]byte(path), nowNanos)
		if result != Found {
			s.t.Fatalf("%q: got %v, %v", path, result, err)
		}
		f.Release()
	}
	return s.root.Held([]byte(path), nowNanos)
}

func TestWhatIsAskedForOftenIsHeld(t *testing.T) {
	s := newSite(t, "")
	now := socket.Nanos()
	for range often - 1 {
		s.text("/a.txt")
		if s.root.Held([]byte("/a.txt"), now) != nil {
			t.Fatal("a file is held that was seldom asked for")
		}
	}
	f := s.often(now)
	if f == nil || string(f.Content) != "text" {
		t.Fatalf("got %v; want the file in memory", f)
	}
	f.Release()
	if other := NewRoot(Folder{Path: s.path, Index: "other"}, &s.cache); other.Held([]byte("/a.txt"), now) != nil {
		t.Error("a folder that is served in another way has it, too")
	}
	if again := NewRoot(Folder{Path: s.path, Index: "index.html"}, &s.cache).Held([]byte("/a.txt"), now); again == nil {
		t.Error("the same folder of the next configuration does not have it")
	} else {
		again.Release()
	}
}

// One who comes after a while looks at the disk, the others go on with what is held, and
// after a longer while everybody looks.
func TestWhatIsHeldIsLookedAtAgain(t *testing.T) {
	s := newSite(t, "")
	now := socket.Nanos()
	held := func(after time.Duration) bool {
		f := s.root.Held([]byte("/a.txt"), now+int64(after))
		if f != nil {
			f.Release()
		}
		return f != nil
	}
	s.often(now).Release()
	if !held(freshTime - 1) {
		t.Error("it is not believed although it is fresh")
	}
	if held(freshTime) || !held(freshTime+1) {
		t.Error("want one to look again, and the next one to believe meanwhile")
	}
	now += int64(freshTime)
	for range 2 {
		if held(staleTime) {
			t.Error("it is believed although nobody has looked for long")
		}
	}
	was := s.often(now)
	s.write("a.txt", "next")
	changed := old.Add(time.Second)
	if err := os.Chtimes(filepath.Join(s.path, "a.txt"), changed, changed); err != nil {
		t.Fatal(err)
	}
	f, _, _ := s.root.Open([]byte("/a.txt"), now+int64(staleTime))
	if got := content(t, f); got != "next" {
		t.Errorf("got %q; want what is there now", got)
	}
	if got := content(t, was); got != "text" {
		t.Errorf("who has it already got %q; want what it was", got)
	}
	was.Release()
	f.Release()
}

// A file that was written a moment ago may be written again within the same tick of its
// clock: it is not held.
func TestYoungFilesAreNotHeld(t *testing.T) {
	s := newSite(t, "")
	path := filepath.Join(s.path, "a.txt")
	soon := time.Now().Add(time.Minute)
	if err := os.Chtimes(path, soon, soon); err != nil {
		t.Fatal(err)
	}
	if f := s.often(socket.Nanos()); f != nil {
		t.Error("it is held")
	}
}

// Larger files are held open, and the largest not at all.
func TestLargeFilesAreHeldOpen(t *testing.T) {
	s := newSite(t, "")
	for _, tc := range []struct {
		size         int64
		held, memory bool
	}{
		{contentMax, true, true}, {contentMax + 1, true, false}, {openMax, true, false}, {openMax + 1, false, false},
	} {
		path := filepath.Join(s.path, "a.txt")
		if err := os.Truncate(path, tc.size); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		f := s.often(socket.Nanos())
		if (f != nil) != tc.held || f != nil && (f.Content != nil) != tc.memory {
			t.Errorf("%d bytes: got %v; want held %v, in memory %v", tc.size, f, tc.held, tc.memory)
		}
		if f != nil {
			f.Release()
		}
	}
	s.cache.Close()
	if n := s.cache.opens.Load() + s.cache.contents.Load(); n != 0 {
		t.Errorf("%d files or bytes are counted although nothing is held", n)
	}
}

// Who sends a file that has lost its end hears of it.
func TestReaderOfAFileThatShrinks(t *testing.T) {
	s := newSite(t, "")
	f, _, _ := s.root.Open([]byte("/a.txt"), socket.Nanos())
	defer f.Release()
	if err := os.Truncate(filepath.Join(s.path, "a.txt"), 2); err != nil {
		t.Fatal(err)
	}
	r := Reader{File: f, End: f.Size}
	if text, err := io.ReadAll(&r); string(text) != "te" || !errors.Is(err, ErrShort) {
		t.Errorf("got %q, %v; want what is left, and ErrShort", text, err)
	}
}

func TestMediaTypes(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": "text/html; charset=utf-8", "A.HTML": "text/html; charset=utf-8", "a.js": "text/javascript; charset=utf-8",
		"a.tar.gz": "application/gzip", "a": "application/octet-stream", "a.unheard-of": "application/octet-stream", "a.woff2": "font/woff2",
	} {
		if got := kindOf(name); got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
}
