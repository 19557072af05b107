package wire

import (
	"errors"
	"testing"
)

func TestNormalizePath(t *testing.T) {
	const same = "" // forward is raw
	cases := []struct{ raw, match, forward string }{
		{"/", "/", same},
		{"/a/b.c", "/a/b.c", same},
		{"/a/", "/a/", same},
		{"/.well-known/x", "/.well-known/x", same},
		{"/...", "/...", same},
		{"/..a/.b", "/..a/.b", same},
		{"/a;x=1/b", "/a;x=1/b", same},
		{"/a.;x", "/a.;x", same},
		// Repeated slashes are merged for matching alone.
		{"//", "/", same},
		{"//a", "/a", same},
		{"/a//b///", "/a/b/", same},
		// Percent-encoding.
		{"/%61%2D%7e", "/a-~", same},
		{"/a%20b", "/a b", same},
		{"/%C3%A9", "/\xc3\xa9", same},
		{"/\xc3\xa9", "/\xc3\xa9", same},
		{"/a%2fb%2Fc", "/a%2Fb%2Fc", same},
		{"/a%5cb", "/a%5Cb", same},
		{"/%2541", "/%2541", same},
		{"/%252e%252e/a", "/%252e%252e/a", same},
		{"/%252F", "/%252F", same},
		{"/%3F%23%3b", "/?#;", same},
		// Dot segments are resolved in both.
		{"/.", "/", "/"},
		{"/..", "/", "/"},
		{"/./a", "/a", "/a"},
		{"/../a", "/a", "/a"},
		{"/../../a", "/a", "/a"},
		{"/a/.", "/a/", "/a/"},
		{"/a/..", "/", "/"},
		{"/a/../", "/", "/"},
		{"/a/b/../c", "/a/c", "/a/c"},
		{"/a/./b/", "/a/b/", "/a/b/"},
		{"/a/b/../../../c", "/c", "/c"},
		{"/a/%2e%2e/b", "/b", "/b"},
		{"/a/%2E./b", "/b", "/b"},
		{"/a/.%2e/b", "/b", "/b"},
		{"/a/%2e/b", "/a/b", "/a/b"},
		{"/a//../b", "/b", "/b"},
		{"/%41%2f/x/../%62", "/A%2F/b", "/%41%2f/%62"},
		{"//x//../%7Ey//z", "/~y/z", "//%7Ey//z"},
		{"/a//b/../c//d", "/a/c/d", "/a//c//d"},
		{"/a//b//../c", "/a/c", "/a//c"},
		{"//../a", "/a", "//a"},
		{"/x/./https://h/y", "/x/https:/h/y", "/x/https://h/y"},
		{"/b/..//", "/", "//"},
	}
	for _, c := range cases {
		t.Run(c.raw, func(t *testing.T) {
			for _, dst := range [][]byte{nil, make([]byte, 0, 256), make([]byte, 7, 16)} {
				raw := exact([]byte(c.raw))
				match, forward, err := NormalizePath(dst, raw)
				if err != nil {
					t.Fatalf("got %v; want %q", err, c.match)
				}
				want := c.forward
				if want == same {
					want = c.raw
				}
				if string(match) != c.match || string(forward) != want || string(raw) != c.raw {
					t.Errorf("got %q, %q; want %q, %q", match, forward, c.match, want)
				}
			}
		})
	}
}

func TestPathIsRefused(t *testing.T) {
	for _, raw := range []string{
		"", "a", "a/b", "*", "?",
		"/%00", "/a\x00", "/%0a", "/%0D%0A", "/%1f", "/%7F", "/\x01", "/\x7f", "/a\tb",
		"/%", "/%4", "/%zz", "/%4g", "/a%", "/%%41", "/%u002e", "/% 41",
		`/\`, `/a\..\b`, `/..\a`,
		"/%c0%af", "/%C0%AE%C0%AE/", "/%c1%9c", "/\xc0\xaf", "/\xc0%ae", "/%e0%80%af", "/%E0%9F%BF", "/\xe0\x80\xaf",
		"/%f0%80%80%af", "/%F0%8F%BF%BF", "/%f8%80%80%80%af", "/%fc%80%80%80%80%af", "/a%c0", "/%c0%ae/../x",
		"/..;/a", "/a/..;x=1/b", "/.;x", "/a/.;", "/%2e%2e;/a", "/%2e;a", "/..%3b/a", "/.%2e%3B",
		"/..%2fa", "/a/..%2F..%2Fb", "/a%2f..", "/%2e%2e%2fa", "/a%5c..%5cb", "/..%5ca", "/x%2f.%2fy", "/x%2F..;a%2fy",
	} {
		t.Run(raw, func(t *testing.T) {
			match, forward, err := NormalizePath(make([]byte, 0, 256), []byte(raw))
			if !errors.Is(err, ErrBadPath) || match != nil || forward != nil {
				t.Errorf("got %q, %q, %v; want %v", match, forward, err, ErrBadPath)
			}
		})
	}
}

// TestUnchangedPathIsNotCopied pins the promise of the fast path.
func TestUnchangedPathIsNotCopied(t *testing.T) {
	raw := []byte("/api/v1/items")
	match, forward, err := NormalizePath(nil, raw)
	if err != nil || &match[0] != &raw[0] || &forward[0] != &raw[0] {
		t.Errorf("got copies or %v; want raw itself", err)
	}
}
