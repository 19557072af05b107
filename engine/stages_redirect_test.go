package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// TestRedirectStage: to, status, regex and map_file. Nothing that stands in a path or a field
// becomes another host.
func TestRedirectStage(t *testing.T) {
	for _, tc := range []struct{ name, keys, asked, want string }{
		{"to", `to: "https://www.example.com{uri}"`, "/a%2Fb?c", "308 https://www.example.com/a%2Fb?c"},
		{"status", `to: /b, status: 301`, "/a", "301 /b"},
		{"path", `to: "{path}x"`, "//evil.test/", "308 /.//evil.test/x"},
		{"slash and a field", `to: "/{header.X-A}"`, "/", "308 /.//evil.test/%0D%0Ay%5C%22"},
		{"backslash", `to: "/{query.q}"`, `/?q=\evil.test`, "308 /%5Cevil.test"},
		{"host", `to: "https://{host}{uri}"`, "/a?b", "308 https://test/a?b"},
		{"path behind a host", `to: "https://www.example.com{path}"`, "//evil.test", "308 https://www.example.com//evil.test"},
		{"field behind a host", `to: "https://www.example.com{query.q}"`, "/?q=.evil.test", "308 https://www.example.com/.evil.test"},
		{"user behind a host", `to: "https://www.example.com{query.q}"`, "/?q=:80@evil.test", "308 https://www.example.com/:80@evil.test"},
		{"field in a host", `to: "https://{query.q}.example.com/x"`, "/?q=evil.test/", "308 https://evil.test%2F.example.com/x"},
		{"port", `to: "https://{host}:8443{uri}"`, "/a", "308 https://test:8443/a"},
		{"escape", `to: "/login?to={url|escape}"`, "/a?b", "308 /login?to=http%3A%2F%2Ftest%3A80%2Fa%3Fb"},
		{"regex", `regex: "^http://test/old/(.*)$", to: "/new/$1"`, "/old/a//b?c", "308 /new/a//b?c"},
		{"regex sees no port", `regex: "^http://test/", to: /new`, "/", "308 /new"},
		{"regex without a match", `regex: "^https://(.*)", to: "/new/$1x"`, "/old", "200 "},
		{"regex, the whole URL", `regex: "^http://(?:www\\.)?(.+)$", to: "https://www.${1}"`, "/a?b", "308 https://www.test/a?b"},
		{"regex, a path behind a host", `regex: "^http://[^/]*/(.*)$", to: "https://www.example.com$1"`, "/.evil.test/", "308 https://www.example.com/.evil.test/"},
		{"regex, a part of a path in a host", `regex: "^http://[^/]*/([^/]*)", to: "https://$1.example.com/"`, "/evil.test?", "308 https://evil.test%3F.example.com/"},
		{"regex, a part of the host", `regex: "^http://(t)est(/.*)$", to: "https://$1.example.com$2"`, "/x", "308 https://t.example.com/x"},
		{"regex, slashes at the begin", `regex: "^http://[^/]*/x(.*)$", to: "/$1"`, "/x/evil.test", "308 /.//evil.test"},
		{"map_file", `map_file: testdata/moved.txt`, "/old", "308 /new"},
		{"map_file sees the normalised path", `map_file: testdata/moved.txt`, "//ol%64?x", "308 /new"},
		{"map_file with a status", `map_file: testdata/moved.txt, status: 302`, "/old/a%2Fb", "301 https://other.example/x?y=%C3%A4"},
		{"map_file without the path", `map_file: testdata/moved.txt`, "/old/", "200 "},
		{"map_file before to", `map_file: testdata/moved.txt, to: "https://b.example{uri}", status: 307`, "/old", "307 /new"},
		{"to behind map_file", `map_file: testdata/moved.txt, to: "https://b.example{uri}", status: 307`, "/x", "307 https://b.example/x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := staged(t, "m: {type: redirect, "+tc.keys+"}", "middleware: [m]").dial()
			c.send("GET " + tc.asked + " HTTP/1.1\r\nHost: test:80\r\nX-A: /evil.test/%0D%0Ay\\\"\r\n\r\n")
			answer := c.receive("GET")
			if got := answer.Status[:4] + answer.Header.Get("Location"); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}

func TestRedirectNeedsAHost(t *testing.T) {
	c := staged(t, `m: {type: redirect, regex: "(.*)", to: "https://x.example/{uri}"}`, "middleware: [m]").dial()
	c.send("GET //evil.test HTTP/1.0\r\n\r\n")
	if answer := c.receive("GET"); answer.StatusCode != 400 || answer.Header.Get("X-Isame-Error") != "bad_host" {
		t.Errorf("got %d %v; want 400, bad_host", answer.StatusCode, answer.Header)
	}
}

func TestBadRedirectsAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "moved.txt")
	for _, tc := range []struct{ name, keys, moved, want string }{
		{"any host", `to: "https://{query.q}/"`, "", "to: leads to a host that any client may choose"},
		{"any host by a path", `to: "https://{path}"`, "", "to: leads to a host that any client may choose"},
		{"form", "", "# x\n/a\n", ":2: a line holds a path"},
		{"too much", "", "/a /b 301 x\n", ":1: a line holds a path"},
		{"path", "", "a /b\n", `:1: "a" is no path`},
		{"dots that are none", "", "/a/..%2f /b\n", `is no path`},
		{"location", "", "/a /b\n/b b\n", ":2: the location must be absolute"},
		{"another host", "", "/a //b\n", ":1: the location must be absolute"},
		{"status", "", "/a /b 200\n", ":1: the status is none of"},
		{"twice", "", "/a /b\n//%61 /c\n", ":2: the path stands on a line before"},
		{"itself", "", "/a /a\n", ":1: the path leads to itself"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			keys := tc.keys
			if keys == "" {
				keys = `map_file: "` + file + `"`
			}
			r := staged(t, "m: {type: deny}", "")
			if err := os.WriteFile(file, []byte(tc.moved), 0o600); err != nil {
				t.Fatal(err)
			}
			err := r.engine.Apply(redirecting(t, keys))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "middleware.m: ") {
				t.Errorf("got %v; want %q", err, tc.want)
			}
		})
	}
}

// TestMapFileIsReadAgain: the files of a configuration are read with it, and a line that is
// wrong leaves what was before.
func TestMapFileIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "moved.txt")
	var r *rig
	for _, tc := range []struct {
		moved, want string
		ok          bool
	}{{"/old /new", "/new", true}, {"/old /newer", "/newer", true}, {"/old", "/newer", false}} {
		if err := os.WriteFile(file, []byte(tc.moved), 0o600); err != nil {
			t.Fatal(err)
		}
		if r == nil {
			r = staged(t, `m: {type: redirect, map_file: "`+file+`"}`, "middleware: [m]")
		} else if err := r.engine.Apply(redirecting(t, `map_file: "`+file+`"`)); (err == nil) != tc.ok {
			t.Fatalf("%q: got %v", tc.moved, err)
		}
		if resp, _ := r.ask("GET", "/old"); resp.Header.Get("Location") != tc.want {
			t.Errorf("%q: got %q; want %q", tc.moved, resp.Header.Get("Location"), tc.want)
		}
	}
}

func redirecting(t *testing.T, keys string) *config.Config {
	t.Helper()
	return parse(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {respond: {status: 200}, middleware: [m]}}
middleware: {m: {type: redirect, `+keys+`}}
`, "")
}
