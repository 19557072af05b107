package route

import (
	"net/url"
	"strings"
	"testing"
)

func TestTemplateAppend(t *testing.T) {
	t.Parallel()

	origin := Values{
		Scheme: []byte("http"), Host: []byte("Example.org:8080"), Path: []byte("/a%20b"), Query: []byte("x=1&y"),
		Target: []byte("/a%20b?x=1&y"),
	}
	bare := Values{Scheme: []byte("https"), Host: []byte("[::1]:80"), Path: []byte("/"), Target: []byte("/")}
	absolute := Values{Host: []byte("h"), Path: []byte("/p"), Query: []byte(""), Target: []byte("http://h/p?")}
	asterisk := Values{Host: []byte("h"), Path: []byte("*"), Target: []byte("*")}
	slashes := Values{Host: []byte("h"), Path: []byte("//evil.example/x"), Query: []byte("q"), Target: []byte("//evil.example/x?q")}
	backslash := Values{Host: []byte("h"), Path: []byte(`/\evil.example`), Target: []byte(`/\evil.example`)}
	lines := Values{Host: []byte("h\r\nX: 1"), Path: []byte("/\r\n\r\n<p>"), Query: []byte("\x00\x7f\xff\"{}|^` "), Scheme: []byte("\n")}

	for _, test := range []struct {
		name, to string
		values   Values
		want     string
	}{
		{"everything", "{scheme}://{host}{path}?{query}", origin, "http://Example.org/a%20b?x=1&y"},
		{"to HTTPS", "https://{host}{uri}", origin, "https://Example.org/a%20b?x=1&y"},
		{"another port", "https://{host}:8443{uri}", origin, "https://Example.org:8443/a%20b?x=1&y"},
		{"literal keeps brackets", "{scheme}://{host}{uri}", bare, "https://[::1]/"},
		{"nothing to replace", "https://example.org/new", origin, "https://example.org/new"},
		{"path alone", "{path}", origin, "/a%20b"},
		{"text after", "{path}/index.html#top", origin, "/a%20b/index.html#top"},
		{"placeholder twice", "/x{path}{path}", bare, "/x//"},
		{"absolute-form, empty query", "https://x{uri}", absolute, "https://x/p?"},
		{"asterisk is below the host", "https://x{uri}", asterisk, "https://x/*"},
		{"two slashes are no host", "{uri}", slashes, "/.//evil.example/x?q"},
		{"nor after a slash", "/{path}", Values{Path: []byte("/evil.example")}, "/.//evil.example"},
		{"two slashes below a host", "https://x{uri}", slashes, "https://x//evil.example/x?q"},
		{"text may name a host", "//{host}{path}", origin, "//Example.org/a%20b"},
		{"a backslash is no slash", "{uri}", backslash, "/%5Cevil.example"},
		{"line ends", "https://{host}{path}", lines, "https://h%0D%0AX/%0D%0A%0D%0A%3Cp%3E"},
		{"other bytes", "{path}?{query}", lines, "/%0D%0A%0D%0A%3Cp%3E?%00%7F%FF%22%7B%7D%7C%5E%60%20"},
		{"scheme", "{scheme}://x/", lines, "%0A://x/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			compiled, err := Compile(test.to)
			if err != nil {
				t.Fatal(err)
			}

			if got := string(compiled.Append([]byte("Location: "), test.values)); got != "Location: "+test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()

	for to, want := range map[string]string{
		"":                      `redirect "" must begin with`,
		"https://{hots}/":       `redirect "https://{hots}/" has {hots}, which is none of {scheme}, {host}`,
		"https://{}/":           "has {}, which is none of",
		"https://{HOST}/":       "which is none of",
		"https://{host":         "has a brace without its other one",
		"https://host}":         "has a brace without its other one",
		"https://{host}}":       "has a brace without its other one",
		"https://{{host}}/":     "has a brace without its other one",
		"/a b":                  "has a space or control character",
		"/a\r\nX: 1":            "has a space or control character",
		"/a\x7f":                "has a space or control character",
		"{host}/x":              "must begin with",
		"{query}":               "must begin with",
		"{scheme}{uri}":         "must begin with",
		"{scheme}":              "must begin with",
		"x":                     "must begin with",
		"javascript:alert(1)//": "must begin with",
	} {
		compiled, err := Compile(to)
		if err == nil || !strings.Contains(err.Error(), want) || len(compiled.parts) != 0 {
			t.Errorf("%q: got %v; want an error with %q", to, err, want)
		}
	}
}

// Whatever a client sends, the Location stays one line of URI characters, and
// it leads to the host the template names.
func FuzzTemplate(f *testing.F) {
	f.Add("h:80", "/a", "q", "/a?q")
	f.Add("h\r\n", "//evil", "\r\n", "//evil")
	f.Add("[::1", "*", "", "*")
	f.Add("h", "\\\\evil", "@evil", "http://evil/")

	templates := make([]Template, 0, 3)

	for _, to := range []string{"{uri}", "{path}?{query}", "https://safe.example{uri}"} {
		compiled, err := Compile(to)
		if err != nil {
			f.Fatal(err)
		}

		templates = append(templates, compiled)
	}

	f.Fuzz(func(t *testing.T, host, path, query, target string) {
		v := Values{Scheme: []byte("http"), Host: []byte(host), Path: []byte(path), Query: []byte(query), Target: []byte(target)}
		for i, want := range []string{"", "", "safe.example"} {
			location := string(templates[i].Append(nil, v))
			if strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
				t.Fatalf("got %q; want one line of URI characters", location)
			}

			parsed, err := url.Parse(location)
			if err != nil {
				continue // Malformed %XX, sent by the client as they are.
			}

			if parsed.Host != want || parsed.User != nil || !strings.HasPrefix(parsed.Path, "/") {
				t.Errorf("%q leads to host %q and path %q; want host %q", location, parsed.Host, parsed.Path, want)
			}
		}
	})
}

func BenchmarkTemplate(b *testing.B) {
	compiled, err := Compile("https://{host}{uri}")
	if err != nil {
		b.Fatal(err)
	}

	v := Values{Scheme: []byte("http"), Host: []byte("www.example.org:8080"), Target: []byte("/some/path?with=query")}

	var dst []byte

	b.ReportAllocs()

	for b.Loop() {
		dst = compiled.Append(dst[:0], v)
	}
}
