package files

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestNamesOfPaths(t *testing.T) {
	long, most := strings.Repeat("x", segmentBytesMax+1), strings.Repeat("x", segmentBytesMax)
	for _, tc := range []struct {
		path, want string
		ok         bool
	}{
		{"/", "", true},
		{"/a", "a", true},
		{"/a/b.html", "a/b.html", true},
		{"/a/", "a/", true},
		{"/a b", "a b", true},
		{"/\xc3\xa4", "\xc3\xa4", true},
		{"/a.b..c", "a.b..c", true},
		{"/100%25", "100%", true},
		{"/%252e%252e", "%2e%2e", true}, // a file of this name, if there is one
		{"/" + most, most, true},
		{"/.well-known/security.txt", ".well-known/security.txt", true},
		{"/.well-known/", ".well-known/", true},
		{"", "", false},
		{"a", "", false},
		{"//a", "", false},
		{"/a//b", "", false},
		{"/.", "", false},
		{"/..", "", false},
		{"/a/../b", "", false},
		{"/.git/config", "", false},
		{"/a/.env", "", false},
		{"/a/.well-known/x", "", false},
		{"/.well-known/.git", "", false},
		{"/.well-knowns", "", false},
		{"/a%2Fb", "", false},
		{"/a%5Cb", "", false},
		{"/a%2fb", "", false},
		{"/a%", "", false},
		{"/a%2", "", false},
		{`/a\b`, "", false},
		{"/a\x00b", "", false},
		{"/a\nb", "", false},
		{"/a\x7f", "", false},
		{"/" + long, "", false},
		{strings.Repeat("/x", nameBytesMax), "", false},
	} {
		name, ok := appendName(nil, []byte(tc.path))
		if ok != tc.ok || ok && string(name) != tc.want {
			t.Errorf("%.40q: got %.40q %v; want %.40q %v", tc.path, name, ok, tc.want, tc.ok)
		}
	}
}

// However a request spells a path, the name that comes of it stays below the folder, and
// has no segment that is not served.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"/", "/a/b", "/../a", "/%2e%2e/a", "/..%2fa", "/%2e%2e%2fa", "/..%5ca", "/%252e%252e/a", "/.%2e/a", "//a", "/a/%00",
		"/%c0%ae%c0%ae/a", "/..;/a", "/.well-known/a", "/.well-known/../.git", "/a/./b/", "/%25%32%65", "/\\..\\a", "/%2e", "/.%2e%2f",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		path, _, err := wire.NormalizePath(nil, []byte(raw))
		if err != nil {
			return
		}
		name, ok := appendName(nil, path)
		if !ok || len(name) == 0 {
			return
		}
		text := strings.TrimSuffix(string(name), "/")
		if !filepath.IsLocal(text) || filepath.Clean(text) != text || strings.ContainsAny(text, "\\\x00\r\n") {
			t.Fatalf("%q: got %q, which may lead elsewhere", raw, name)
		}
		for i, segment := range strings.Split(text, "/") {
			if strings.HasPrefix(segment, ".") && (i > 0 || segment != wellKnown) {
				t.Fatalf("%q: got %q, which has a name with a dot in front", raw, name)
			}
		}
	})
}
