package e2e

import (
	"strings"
	"testing"
)

// What isame-ctl explain says of requests is what the proxy does with them, and of which
// routes it says that nobody uses them is true, too.
func TestExplainAndUnusedRoutes(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, header+`
routes:
  api: {path_prefix: /api, middleware: [strip], pool: p}
  told: {path: /told, respond: {status: 204}}
  rest: {pool: p}
pools: {p: {backends: `+members(b)+`}}
middleware: {strip: {type: rewrite, strip_prefix: /api}}
`)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{p.url("/api/x?y=1"), "-H", "X-A: 1"}, []string{"route api, pool p, backend " + b.address, "GET /x?y=1", "X-Forwarded-Prefix: /api", "X-A: 1", "it is the only one"}},
		{[]string{"POST", p.url("/told")}, []string{"route told, answered 204 by route told"}},
		{[]string{p.url("/%zz")}, []string{"answered 400 (bad_path) by the check of paths"}},
	} {
		code, out := ctl(t, p.admin, append([]string{"explain"}, c.args...)...)
		text := strings.Join(strings.Fields(out), " ")
		for _, want := range c.want {
			if code != 0 || !strings.Contains(text, want) {
				t.Errorf("%v: got exit %d, %s; want %q in it", c.args, code, out, want)
			}
		}
	}
	if s := get(t, p.url("/api/x?y=1")).wantStatus(t, 200).seen(t); s.URI != "/x?y=1" {
		t.Errorf("the backend saw %q", s.URI)
	}
	get(t, p.url("/told")).wantStatus(t, 204)
	eventually(t, "the routes that were asked for are in use", func() string {
		code, out := ctl(t, p.admin, "routes", "--unused", "1h", "-o", "yaml")
		if code != 0 || strings.Contains(out, "name: api") || strings.Contains(out, "name: told") || !strings.Contains(out, "name: rest") {
			return out
		}
		return ""
	})
	if code, out := ctl(t, p.admin, "explain", "x.test", "--listener", "wed"); code != 1 || !strings.Contains(out, `there is no listener "wed"`) {
		t.Errorf("got exit %d, %s; want the listener refused", code, out)
	}
}
