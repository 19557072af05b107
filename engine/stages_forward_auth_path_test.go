package engine

import (
	"net/http"
	"testing"
)

// TestForwardAuthIsAskedWhereItSays: a variable leads to no other path of the service, which
// might say yes there.
func TestForwardAuthIsAskedWhereItSays(t *testing.T) {
	j := newJudge(t, yes)
	r := staged(t, "a: {type: forward_auth, url: \""+j.URL+"/of/{header.X-Tenant}?for={uri}\"}", "middleware: [a]")
	for tenant, want := range map[string]int{"x": 200, "x y": 200, "..": 400, "../all": 400, "%2e%2E/all": 400, "x/../../all": 400, "..?": 400} {
		before := len(j.questions())
		if resp, _ := r.ask(http.MethodGet, "/a/../b", "X-Tenant: "+tenant); resp.StatusCode != want {
			t.Errorf("%q: got %s; want %d", tenant, resp.Status, want)
		}
		if asked := len(j.questions()) > before; asked != (want == http.StatusOK) {
			t.Errorf("%q: asked %v; want only what may be asked", tenant, asked)
		}
	}
}
