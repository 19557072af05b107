package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A fixed answer may stand in a file, and have fields of its own.
func TestRespondWithAFileAndFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sorry.html")
	text := `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  file: {path: /file, respond: {status: 503, file: "` + path + `", headers: {Retry-After: "60", Set-Cookie: "a=b"}}}
  typed: {path: /typed, respond: {file: "` + path + `", content_type: application/x-own}}
  body: {path: /body, respond: {body: "{method}"}}
  varied: {path: /varied, middleware: [outer], respond: {body: x, headers: {X-Of: "{path} {status}", X-Fixed: "1", X-Outer: no}}}
middleware: {outer: {type: headers, response: {set: {X-Outer: "yes", X-Saw: "{response.header.X-Of}"}}}}
`
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("<p>sorry")
	r := start(t, text, "")
	c := r.dial()
	got := c.get("/file")
	if got.StatusCode != 503 || got.body != "<p>sorry" || got.Header.Get("Content-Type") != "text/html; charset=utf-8" ||
		got.Header.Get("Retry-After") != "60" || got.Header.Get("Set-Cookie") != "a=b" {
		t.Errorf("got %d %q %v", got.StatusCode, got.body, got.Header)
	}
	if got = c.get("/typed"); got.body != "<p>sorry" || got.Header.Get("Content-Type") != "application/x-own" {
		t.Errorf("got %q %v", got.body, got.Header)
	}
	if got = c.get("/body"); got.body != "{method}" || got.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %q %v; want the body as it stands", got.body, got.Header)
	}
	got = c.get("/varied")
	for name, want := range map[string]string{"X-Of": "/varied 200", "X-Fixed": "1", "X-Outer": "yes", "X-Saw": "/varied 200"} {
		if all := got.Header.Values(name); len(all) != 1 || all[0] != want {
			t.Errorf("%s is %q; want %q", name, all, want)
		}
	}
	write("<p>better")
	r.apply(text, "") // which a change of the file leads to
	if got = c.get("/file"); got.body != "<p>better" {
		t.Errorf("got %q; want the file as it is at the reload", got.body)
	}
}

// Nothing of a route that is not logged is in the access log, however it ends.
func TestRoutesThatAreNotLogged(t *testing.T) {
	var log lockedBuffer
	r := startLogged(t, &log, accessText(accessPlain,
		`quiet: {path_prefix: /quiet, access_log: false, pool: p}, health: {path: /health, access_log: false, respond: {body: ok}}, loud: {path_prefix: /loud, pool: p}`,
		accessPool)+"", nobody(t))
	c := r.dial()
	for _, path := range []string{"/quiet", "/health", "/loud/1", "/quiet", "/nothing", "/loud/2"} {
		c.get(path)
	}
	checkAccess(t, &log, "GET test /loud/1 502", "GET test /nothing 404", "GET test /loud/2 502")
	if counted := strings.Join(r.counters(t), " "); strings.Count(counted, "requests") < 4 {
		t.Errorf("counted %s; want all of them", counted)
	}
}
