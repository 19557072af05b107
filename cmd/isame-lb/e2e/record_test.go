package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestWhy asks the real programs why a request failed, when many have come since.
func TestWhy(t *testing.T) {
	good, dead := newBackend(t, nil), newBackend(t, nil)
	dead.stop()
	const id = "0123456789abcdef-why"
	p := start(t, strings.Replace(header, `:0"}}`, `:0", trusted_proxies: [127.0.0.1]}}`, 1)+
		"routes: {broken: {path_prefix: /down, pool: down}, all: {pool: p}}\n"+
		"pools: {p: {backends: "+members(good)+"}, down: {backends: "+members(dead)+"}}\n"+
		"recorder: {records: 256, keep_errors: 64, keep_slow: 16}\n")
	get(t, p.url("/down/there?token=secret"), "X-Request-Id", id).wantStatus(t, 502)
	for range 600 {
		get(t, p.url("/")).wantStatus(t, 200)
	}
	for _, name := range []string{id, id[:16]} {
		code, out := ctl(t, p.admin, "why", name)
		said := strings.Join(strings.Fields(out), " ")
		for _, want := range []string{
			"/down/there: 502 connect_refused", "Route broken of generation 1 has sent it to pool down.", dead.address + " was asked.",
			"Attempt 2", "It is the backend's doing.", "Nobody listens at the backend's address",
		} {
			if code != 0 || !strings.Contains(said, want) {
				t.Errorf("why %s: exit %d, lacks %q:\n%s", name, code, want, out)
			}
		}
		if strings.Contains(out, "secret") {
			t.Errorf("the query was kept:\n%s", out)
		}
	}
	code, out := ctl(t, p.admin, "why", "--last-error", "-o", "json")
	var list []struct {
		Cause string `json:"cause"`
		Route string `json:"route"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || len(list) != 1 || list[0].Cause != "connect_refused" || list[0].Route != "broken" {
		t.Errorf("why --last-error: exit %d, %v:\n%s", code, err, out)
	}
	if code, out = ctl(t, p.admin, "why", "nobody"); code != 1 || !strings.Contains(out, "is kept") {
		t.Errorf("why nobody: exit %d:\n%s", code, out)
	}
	if code, out = ctl(t, p.admin, "why", "--slowest", "--route", "all"); code != 0 || !strings.Contains(out, good.address) {
		t.Errorf("why --slowest: exit %d:\n%s", code, out)
	}
}
