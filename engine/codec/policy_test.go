package codec

import (
	"strings"
	"testing"
)

const jsonType = "Content-Type: application/json\r\n"

func TestDecide(t *testing.T) {
	const takes, refuses = "Accept-Encoding: gzip, br, zstd\r\n", ""
	on := Verdict{Coding: Zstd, Vary: true}
	varied := Verdict{Vary: true}
	untouched := Verdict{}
	for _, c := range []struct {
		name    string
		method  string
		request string
		status  int
		fields  string
		want    Verdict
	}{
		{"length known", "GET", takes, 200, jsonType + "Content-Length: 1024\r\n", on},
		{"chunked", "GET", takes, 200, jsonType + "Transfer-Encoding: chunked\r\n", on},
		{"until close", "GET", takes, 200, jsonType, on},
		{"of a POST", "POST", takes + "Content-Length: 0\r\n", 201, jsonType, on},
		{"of an error", "GET", takes, 502, jsonType, on},
		{"of a not found", "GET", takes, 404, "Content-Type: text/html; charset=utf-8\r\n", on},
		{"unsatisfied range", "GET", takes, 416, jsonType + "Content-Range: bytes */2000\r\n", untouched},
		{"short", "GET", takes, 200, jsonType + "Content-Length: 1023\r\n", untouched},
		{"empty", "GET", takes, 200, jsonType + "Content-Length: 0\r\n", untouched},
		{"not accepted", "GET", refuses, 200, jsonType, varied},
		{"refused", "GET", "Accept-Encoding: *;q=0\r\n", 200, jsonType, varied},
		{"not accepted and short", "GET", refuses, 200, jsonType + "Content-Length: 10\r\n", untouched},
		{"not accepted and of another type", "GET", refuses, 200, "Content-Type: image/png\r\n", untouched},
		{"head", "HEAD", takes, 200, jsonType + "Content-Length: 4096\r\n", untouched},
		{"switch", "GET", takes, 101, jsonType + "Upgrade: websocket\r\nConnection: upgrade\r\n", untouched},
		{"no content", "GET", takes, 204, jsonType, untouched},
		{"reset content", "GET", takes, 205, jsonType, untouched},
		{"partial", "GET", takes, 206, jsonType + "Content-Range: bytes 0-1999/5000\r\n", untouched},
		{"partial in parts", "GET", takes, 206, "Content-Type: multipart/byteranges; boundary=x\r\n", untouched},
		{"range in a 200", "GET", takes, 200, jsonType + "Content-Range: bytes 0-1999/5000\r\n", untouched},
		{"delta", "GET", takes, 226, jsonType, untouched},
		{"not modified", "GET", takes, 304, jsonType + "Content-Length: 5000\r\n", untouched},
		{"no-transform", "GET", takes, 200, jsonType + "Cache-Control: no-transform\r\n", untouched},
		{"no-transform among others", "GET", takes, 200, jsonType + "Cache-Control: public\r\nCache-Control: max-age=5, No-Transform\r\n", untouched},
		{"no-transform not accepted", "GET", refuses, 200, jsonType + "Cache-Control: no-transform\r\n", untouched},
		{"no-transform asked", "GET", takes + "Cache-Control: no-transform\r\n", 200, jsonType, untouched},
		{"other directives", "GET", takes + "Cache-Control: no-cache\r\n", 200, jsonType + "Cache-Control: no-store, private\r\n", on},
		{"gzip already", "GET", takes, 200, jsonType + "Content-Encoding: gzip\r\n", untouched},
		{"dcb already", "GET", takes, 200, jsonType + "Content-Encoding: dcb\r\n", untouched},
		{"dcz already", "GET", takes, 200, jsonType + "Content-Encoding: dcz\r\n", untouched},
		{"unknown coding", "GET", takes, 200, jsonType + "Content-Encoding: x-own\r\n", untouched},
		{"encoded and not accepted", "GET", refuses, 200, jsonType + "Content-Encoding: br\r\n", untouched},
		{"identity already", "GET", takes, 200, jsonType + "Content-Encoding: Identity\r\n", on},
		{"empty coding", "GET", takes, 200, jsonType + "Content-Encoding: \r\n", on},
		{"identity and gzip", "GET", takes, 200, jsonType + "Content-Encoding: identity\r\nContent-Encoding: identity, gzip\r\n", untouched},
		{"no type", "GET", takes, 200, "", untouched},
		{"grpc", "POST", takes + "Content-Length: 0\r\n", 200, "Content-Type: application/grpc+json\r\n", untouched},
		{"event stream", "GET", takes, 200, "Content-Type: text/event-stream\r\n", untouched},
		{"incremental", "GET", takes, 200, jsonType + "Incremental: ?1\r\n", Verdict{Coding: Zstd, Vary: true, FlushEach: true}},
		{"incremental with a parameter", "GET", takes, 200, jsonType + "incremental: ?1;a=b\r\n", Verdict{Coding: Zstd, Vary: true, FlushEach: true}},
		{"not incremental", "GET", takes, 200, jsonType + "Incremental: ?0\r\n", on},
		{"no boolean", "GET", takes, 200, jsonType + "Incremental: ?10\r\n", on},
		{"incremental as it is", "GET", refuses, 200, jsonType + "Incremental: ?1\r\n", varied},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := policy(t, nil)
			got := p.Decide(p.Offer(request(t, c.method, c.request)), answerOf(response(t, c.status, c.fields)))
			if got != c.want {
				t.Errorf("got %+v; want %+v", got, c.want)
			}
		})
	}
}

func TestLeastLength(t *testing.T) {
	for _, c := range []struct {
		least  int64
		length string
		want   Coding
	}{{0, "0", Identity}, {0, "1", Gzip}, {-5, "1", Gzip}, {100, "99", Identity}, {100, "100", Gzip}} {
		p := policy(t, func(s *Settings) { s.MinBytes = c.least })
		h := response(t, 200, jsonType+"Content-Length: "+c.length+"\r\n")
		if got := p.Decide(Offer(Gzip), answerOf(h)).Coding; got != c.want {
			t.Errorf("%s bytes where %d are asked: got %s; want %s", c.length, c.least, got, c.want)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	for _, c := range []struct {
		patterns []string
		value    string
		want     bool
	}{
		{nil, "text/html", true},
		{nil, "text/html;charset=utf-8", true},
		{nil, "Text/HTML ; charset=utf-8", true},
		{nil, "text/css", true},
		{nil, "text/javascript", true},
		{nil, "application/javascript", true},
		{nil, "application/json", true},
		{nil, "application/problem+json", true},
		{nil, "application/vnd.api+JSON; v=1", true},
		{nil, "application/rss+xml", true},
		{nil, "image/svg+xml", true},
		{nil, "application/wasm", true},
		{nil, "application/manifest+json", true},
		{nil, "font/ttf", true},
		{nil, "text/event-stream", false},
		{nil, "Text/Event-Stream; charset=utf-8", false},
		{nil, "image/png", false},
		{nil, "image/webp", false},
		{nil, "video/mp4", false},
		{nil, "font/woff2", false},
		{nil, "application/zip", false},
		{nil, "application/gzip", false},
		{nil, "application/octet-stream", false},
		{nil, "application/pdf", false},
		{nil, "application/grpc", false},
		{nil, "application/grpc-web-text", false},
		{nil, "application/grpc+json", false},
		{nil, "application/connect+json", false},
		{nil, "text", false},
		{nil, "text/", false},
		{nil, "+json", false},
		{nil, "/x+json", false},
		{nil, "", false},
		{nil, ";charset=utf-8", false},
		{nil, "text/" + strings.Repeat("x", 300), false},
		{[]string{"text/event-stream"}, "text/event-stream", true},
		{[]string{"text/event-stream"}, "text/html", false},
		{[]string{"text/*stream"}, "text/event-stream", false},
		{[]string{"text/*", "text/event-stream"}, "text/event-stream", true},
		{[]string{"application/*", "application/grpc"}, "application/grpc", false},
		{[]string{"Application/PDF"}, "application/pdf", true},
		{[]string{"font/*"}, "font/woff", true},
		{[]string{"font/*"}, "fonts/woff", false},
		{[]string{"Image/*+XML"}, "image/svg+xml", true},
		{[]string{"application/*+cbor"}, "application/x+cbor", true},
		{[]string{"application/*+cbor"}, "application/+cbor", false},
		{[]string{"application/*+cbor"}, "image/x+cbor", false},
		{[]string{"application/*+application"}, "application/x", false},
		{[]string{}, "text/html", false},
	} {
		p := policy(t, func(s *Settings) {
			if c.patterns != nil {
				s.Types = c.patterns
			}
		})
		if got := p.types.has([]byte(c.value)); got != c.want {
			t.Errorf("%v has %q: got %v; want %v", c.patterns, c.value, got, c.want)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	good := []Coding{Gzip}
	for _, c := range []struct {
		name string
		s    Settings
		want string
	}{
		{"no encodings", Settings{}, "without encodings"},
		{"identity", Settings{Encodings: []Coding{Identity}}, `encoding "identity"`},
		{"doubled", Settings{Encodings: []Coding{Gzip, Zstd, Gzip}}, `encoding "gzip"`},
		{"no subtype", Settings{Encodings: good, Types: []string{"text"}}, `type "text"`},
		{"empty type", Settings{Encodings: good, Types: []string{""}}, `type ""`},
		{"parameter", Settings{Encodings: good, Types: []string{"text/html; charset=utf-8"}}, `type "text/html; charset=utf-8"`},
		{"part of a name", Settings{Encodings: good, Types: []string{"text/x*"}}, `type "text/x*"`},
		{"two asterisks", Settings{Encodings: good, Types: []string{"text/**"}}, `type "text/**"`},
		{"every tree", Settings{Encodings: good, Types: []string{"*/*"}}, `type "*/*"`},
		{"no tree", Settings{Encodings: good, Types: []string{"/html"}}, `type "/html"`},
		{"two slashes", Settings{Encodings: good, Types: []string{"text/html/x"}}, `type "text/html/x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewPolicy(c.s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want an error with %q", err, c.want)
			}
		})
	}
	if got := policy(t, func(s *Settings) { s.Level = Best }).Level(); got != Best {
		t.Errorf("level: got %s; want %s", got, Best)
	}
}

func TestNamesAreReadAsTheyAreWritten(t *testing.T) {
	for c := range Coding(codings) {
		if got, ok := ParseCoding(c.String()); !ok || got != c {
			t.Errorf("%s: got %s, %v; want itself", c, got, ok)
		}
	}
	for l := range Level(levels) {
		if got, ok := ParseLevel(l.String()); !ok || got != l {
			t.Errorf("%s: got %s, %v; want itself", l, got, ok)
		}
	}
	if _, ok := ParseCoding("deflate"); ok {
		t.Error("deflate is a coding; want only those Isame makes")
	}
	if _, ok := ParseLevel("9"); ok {
		t.Error("9 is a level; want names alone")
	}
}
