package middleware

import (
	"bytes"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// FuzzPrefix: a prefix stands at the begin of a path as it is sent where it does at that of the
// normalised one, and what is left are the octets that were sent.
func FuzzPrefix(f *testing.F) {
	for _, seed := range [][2]string{
		{"/api", "/api/x"},
		{"/api", "//%61pi///x"},
		{"/api/", "/api"},
		{"/a%2fb", "/a%2Fb/c"},
		{"/%25", "/%25/%2f"},
		{"/a", "/a%2f"},
		{"/ä", "/%c3%a4//"},
		{"/a/b", "/a//b"},
		{"/a%5c", "/a%5C/.."},
		{"/a", "/x/../a/%2e/"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, prefix, raw string) {
		match, target, err := wire.NormalizePath(nil, []byte(raw))
		if err != nil || bytes.ContainsAny(target, "?#") {
			return
		}
		path, at := spelling(target)
		if !bytes.Equal(path, match) || len(at) != len(path)+1 {
			t.Fatalf("%q: got %q; want %q", target, path, match)
		}
		s, err := newSegments(prefix)
		if err != nil || s.text == "" {
			return
		}
		want := bytes.HasPrefix(match, []byte(s.text)) && endsSegment(match, len(s.text)) && (!s.below || len(match) > len(s.text))
		n := s.front(target)
		if n >= 0 != want {
			t.Fatalf("%q of %q: got %d; want %v", prefix, target, n, want)
		}
		if n < 0 || n == len(target) {
			return
		}
		rest, forward, err := wire.NormalizePath(nil, target[n:])
		if err != nil || !bytes.Equal(forward, target[n:]) || !bytes.Equal(rest, match[len(s.text):]) {
			t.Fatalf("%q of %q leaves %q, which is %q; want %q", prefix, target, target[n:], rest, match[len(s.text):])
		}
	})
}

// FuzzSetCookie: what is not changed of a cookie stays, and no attribute is made of another.
func FuzzSetCookie(f *testing.F) {
	f.Add([]byte("a=1; Path=/; HttpOnly"))
	f.Add([]byte(" a ;; path = x ;path"))
	f.Fuzz(func(t *testing.T, line []byte) {
		k := readCookie(line)
		changed := readCookie(append(k.without(nil, "path", "domain"), "; Path=/new"...))
		if path, there := changed.attribute("path"); !there || string(path) != "/new" {
			t.Fatalf("%q: got Path %q; want /new", changed.line, path)
		}
		if !bytes.Equal(changed.name, k.name) {
			t.Fatalf("%q: got the name %q; want %q", line, changed.name, k.name)
		}
		again := readCookie(changed.without(nil, "path"))
		if _, there := again.attribute("path"); there {
			t.Fatalf("%q has a Path", again.line)
		}
	})
}

func TestEncodingInPlace(t *testing.T) {
	for text, want := range map[string]string{"": "", "/a": "/a", "a b": "a%20b", " \r\n\x7f\xff%": "%20%0D%0A%7F%FF%", "?#": "%3F%23"} {
		if got := string(stage.Encode([]byte("? "+text), 2, inPath)); got != "? "+want {
			t.Errorf("%q: got %q; want %q", text, got, "? "+want)
		}
		if got := string(encoded([]byte(text), inPath)); got != want {
			t.Errorf("%q: got %q; want %q", text, got, want)
		}
	}
}

func made(t testing.TB, keys any) any {
	t.Helper()
	s, err := newStage(keys, newPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func BenchmarkRewrite(b *testing.B) {
	for _, tc := range []struct {
		name string
		keys config.StageRewrite
	}{
		{"strip", config.StageRewrite{StripPrefix: "/api"}},
		{"add", config.StageRewrite{AddPrefix: "/v2"}},
		{"both", config.StageRewrite{StripPrefix: "/api", AddPrefix: "/v2"}},
		{"answers", config.StageRewrite{StripPrefix: "/api", Answers: true}},
		{"regex", config.StageRewrite{Regex: "^/api/v1/items/([0-9]+)$", With: "/items/$1"}},
	} {
		b.Run("keys="+tc.name, func(b *testing.B) { benchmarkStage(b, made(b, &tc.keys)) })
	}
	b.Run("keys=none", func(b *testing.B) { benchmarkNothing(b) })
}
