package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCurlAndFiles has curl fetch files of a folder: whole, in parts, again, and by names
// that lead elsewhere.
func TestCurlAndFiles(t *testing.T) {
	folder := t.TempDir()
	site, large := filepath.Join(folder, "site"), noise(curlSize)
	for name, content := range map[string][]byte{
		"site/index.html": []byte("home"), "site/large": large, "site/.env": []byte("SECRET"), "outside": []byte("SECRET"), "said.txt": []byte("one"),
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link(t, "../outside", filepath.Join(site, "link"))
	said := filepath.Join(folder, "said.txt")
	p := start(t, header+fmt.Sprintf(`
routes:
  site: {files: {root: %q}}
  said: {path: /said, respond: {file: %q, headers: {Cache-Control: no-store}}}
`, site, said))
	fetch := func(path string, args ...string) (string, []byte) {
		t.Helper()
		out := filepath.Join(t.TempDir(), "body")
		code := curl(t, append(args, "--path-as-is", "--output", out, "--write-out", "%{http_code}", p.url(path))...)
		body, err := os.ReadFile(out)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return code, body
	}
	for _, path := range []string{
		"/../outside", "/%2e%2e/outside", "/..%2foutside", "/..%5coutside", "/x/../../outside", "/%252e%252e/outside", "/link", "/.env", "/%2eenv", "//.env",
		"/.%2e/outside", "/..;/outside", "/index.html/../.env", "/index.html%00", "/%c0%ae%c0%ae/outside",
	} {
		if code, body := fetch(path); code == "200" || bytes.Contains(body, []byte("SECRET")) {
			t.Errorf("%s: got %s %q", path, code, body)
		}
	}
	if code, body := fetch("/"); code != "200" || string(body) != "home" {
		t.Errorf("got %s %q", code, body)
	}
	if code, body := fetch("/large"); code != "200" || !bytes.Equal(body, large) {
		t.Errorf("got %s and %d bytes; want the whole file", code, len(body))
	}
	if code, body := fetch("/large", "--range", "5000000-5999999"); code != "206" || !bytes.Equal(body, large[5_000_000:6_000_000]) {
		t.Errorf("got %s and %d bytes; want the part", code, len(body))
	}
	etag := filepath.Join(folder, "etag")
	fetch("/large", "--etag-save", etag)
	if code, body := fetch("/large", "--etag-compare", etag); code != "304" || len(body) != 0 {
		t.Errorf("got %s and %d bytes; want 304", code, len(body))
	}
	if code, body := fetch("/said"); code != "200" || string(body) != "one" {
		t.Errorf("got %s %q", code, body)
	}
	replaceFile(t, said, "two") // which is noticed without a reload
	eventually(t, "the file of respond is read again", func() string {
		if _, body := fetch("/said"); string(body) != "two" {
			return string(body)
		}
		return ""
	})
}

// TestFolderThatIsNotThereRefusesTheStart names the key, the line, and why.
func TestFolderThatIsNotThereRefusesTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "isame.yaml")
	replaceFile(t, file, "listeners: {web: {address: \"127.0.0.1:0\"}}\nroutes:\n  site: {files: {root: nowhere}}\n")
	out, err := exec.Command(lbBinary, "check", "--config", file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), ":3:24: routes.site.files.root: cannot open ") {
		t.Errorf("got %v, %q; want the place and the reason", err, out)
	}
}
