package ctl

import (
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

func TestWhatGetGivesPutTakes(t *testing.T) {
	const secrets = plainConfig + `admin: {token: s3cret-t0ken}
middleware:
  login: {type: basic_auth, users: ["ann:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"]}
`
	k := started(t, secrets)
	before := k.etag("/api/v1/config")
	for _, format := range []string{"yaml", "json"} {
		got := k.ask("GET", "/api/v1/config?format="+format, "")
		if strings.Contains(got.body, "s3cret") || strings.Contains(got.body, "c4WoMPo3") || !strings.Contains(got.body, "***") {
			t.Errorf("%s: got %s; want secrets masked", format, got.body)
		}
		if strings.Contains(got.body, "round_robin") {
			t.Errorf("%s: got %s; want no defaults", format, got.body)
		}
		if tag := got.header.Get("ETag"); tag != before {
			t.Errorf("%s: got ETag %s; want the one of the other format, %s", format, tag, before)
		}
		put := k.ask("PUT", "/api/v1/config", got.body, "If-Match: "+before, "Content-Type: application/"+format)
		if a := decoded[api.Applied](t, put, 200); !a.Unchanged || a.Generation != 1 || len(a.Changes) != 0 {
			t.Errorf("%s: got %+v; want nothing changed", format, a)
		}
	}
	changed := strings.Replace(k.ask("GET", "/api/v1/config?format=yaml", "").body, "127.0.0.1:1", "127.0.0.1:2", 1)
	a := decoded[api.Applied](t, k.ask("PUT", "/api/v1/config", changed, "If-Match: "+before), 200)
	if a.Unchanged || a.Generation != 2 || `"`+a.ETag+`"` == before || len(a.Changes) == 0 {
		t.Errorf("got %+v; want generation 2", a)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if got := k.running.Config; got.Admin.Token != "s3cret-t0ken" || got.Pools["p"].Backends[0].Address != "127.0.0.1:2" {
		t.Errorf("got token %q, %+v; want the secret as it was, and the new backend", string(got.Admin.Token), got.Pools)
	}
}

func TestMaskWithoutSecretIsRefused(t *testing.T) {
	k := started(t, plainConfig)
	a := k.ask("PUT", "/api/v1/config", plainConfig+"admin: {token: \"***\"}\n", "If-Match: *")
	if p := refusedWith(t, a, 422, api.CodeMaskedValue); !strings.Contains(p.Detail, "admin.token") {
		t.Errorf("got %+v; want the path", p)
	}
}

func TestEffectiveViewIsForReading(t *testing.T) {
	k := started(t, plainConfig)
	got := k.ask("GET", "/api/v1/config?view=effective&format=yaml", "")
	if got.status != 200 || !strings.Contains(got.body, "algorithm: round_robin") {
		t.Fatalf("got %d %s; want the defaults", got.status, got.body)
	}
	if again := k.ask("GET", "/api/v1/config?view=effective&format=yaml", "", "If-None-Match: "+got.header.Get("ETag")); again.status != 304 {
		t.Errorf("got %d; want 304", again.status)
	}
	refusedWith(t, k.ask("PUT", "/api/v1/config", weight("3"), "If-Match: "+got.header.Get("ETag")), 412, api.CodeStaleETag)
	k.runs(1)
}

func TestPreconditions(t *testing.T) {
	k := started(t, plainConfig)
	const all, one = "/api/v1/config", "/api/v1/config/pools/p"
	first, pool := k.etag(all), k.etag(one)
	k.put(weight("2"))
	const body = `{backends: [{address: "127.0.0.1:1", weight: 9}]}`
	for _, c := range []struct {
		name, method, path, body string
		fields                   []string
		status                   int
		code                     api.Code
	}{
		{"none", "PUT", all, weight("9"), nil, 428, api.CodePreconditionNeeded},
		{"stale", "PUT", all, weight("9"), []string{"If-Match: " + first}, 412, api.CodeStaleETag},
		{"weak", "PUT", all, weight("9"), []string{"If-Match: W/" + k.etag(all)}, 428, api.CodePreconditionNeeded},
		{"create what is there", "PUT", all, weight("9"), []string{"If-None-Match: *"}, 412, api.CodeStaleETag},
		{"merge: none", "PATCH", all, `{"pools":{"p":{"algorithm":"random"}}}`, nil, 428, api.CodePreconditionNeeded},
		{"object: none", "PUT", one, body, nil, 428, api.CodePreconditionNeeded},
		{"object: stale", "PUT", one, body, []string{"If-Match: " + pool}, 412, api.CodeStaleETag},
		{"object: another's", "PUT", one, body, []string{"If-Match: " + k.etag(all)}, 412, api.CodeStaleETag},
		{"object: create what is there", "PUT", one, body, []string{"If-None-Match: *"}, 412, api.CodeStaleETag},
		{"object: replace what is not there", "PUT", "/api/v1/config/pools/q", body, []string{"If-Match: " + pool}, 412, api.CodeStaleETag},
		{"object: remove without", "DELETE", one, "", nil, 428, api.CodePreconditionNeeded},
		{"object: remove what is not there", "DELETE", "/api/v1/config/pools/q", "", []string{"If-Match: " + pool}, 412, api.CodeStaleETag},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := k.ask(c.method, c.path, c.body, c.fields...)
			p := refusedWith(t, a, c.status, c.code)
			if c.status != 412 {
				return
			}
			if p.Current == nil || p.Current.Generation != 2 || p.Current.Author != "local" {
				t.Errorf("got %+v; want what runs", p.Current)
			}
			if there := !strings.Contains(c.path, "/q"); (a.header.Get("ETag") != "") != there || there && a.header.Get("ETag") != k.etag(c.path) {
				t.Errorf("got ETag %q; want the current one", a.header.Get("ETag"))
			}
		})
	}
	k.runs(2)
	decoded[api.Applied](t, k.ask("PUT", all, weight("4"), `If-Match: "other", `+k.etag(all)), 200)
	k.runs(4)
}

// TestLostAnswers repeats changes whose answer may have been lost.
func TestLostAnswers(t *testing.T) {
	k := started(t, plainConfig)
	first := k.etag("/api/v1/config")
	for n := range 2 {
		a := decoded[api.Applied](t, k.ask("PUT", "/api/v1/config", weight("2"), "If-Match: "+first), 200)
		if a.Unchanged != (n == 1) || a.Generation != 2 {
			t.Errorf("request %d: got %+v; want it applied once", n, a)
		}
	}
	if got := k.ask("DELETE", "/api/v1/config/pools/q", "", "If-Match: *"); got.status != 204 || got.body != "" {
		t.Errorf("got %d %s; want 204", got.status, got.body)
	}
}

func TestIdempotencyKey(t *testing.T) {
	k := started(t, plainConfig)
	put := func(text string, fields ...string) answer {
		return k.ask("PUT", "/api/v1/config", text, append(fields, "If-Match: *", "Idempotency-Key: a")...)
	}
	first := put(weight("2"))
	k.put(weight("3"))
	if again := put(weight("2")); again.status != 200 || again.body != first.body || again.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("got %d %s; want the answer of before, %s", again.status, again.body, first.body)
	}
	k.runs(3)
	refusedWith(t, put(weight("4")), 422, api.CodeIdempotencyMismatch)
	bad := func() answer {
		return k.ask("PUT", "/api/v1/config", "routes: {}\n", "If-Match: *", "Idempotency-Key: b")
	}
	for range 2 { // a refusal is not kept: what was in the way may be gone
		refusedWith(t, bad(), 422, api.CodeInvalid)
	}
	a := k.ask("PUT", "/api/v1/config", weight("5"), "If-Match: *", "Idempotency-Key: b")
	if a.status != 200 {
		t.Errorf("got %d %s; want the key of a refused request free", a.status, a.body)
	}
}

func TestObjects(t *testing.T) {
	k := started(t, plainConfig)
	const pool, route = "/api/v1/config/pools/q", "/api/v1/config/routes/extra"
	const body = `{"backends":[{"address":"127.0.0.1:2"}]}`
	a := decoded[api.Applied](t, k.ask("PUT", pool, body, "If-None-Match: *", "Content-Type: application/json"), 200)
	if `"`+a.ETag+`"` != k.etag(pool) || len(a.Changes) != 1 || a.Changes[0] != (api.Change{Path: "pools.q", Action: "added"}) {
		t.Errorf("got %+v; want its own ETag %s and one change", a, k.etag(pool))
	}
	decoded[api.Applied](t, k.ask("PUT", route, "{path: /x, pool: q}", "If-None-Match: *"), 200)
	if got := k.ask("GET", route+"?format=json", ""); got.status != 200 || strings.Join(strings.Fields(got.body), "") != `{"path":"/x","pool":"q"}` {
		t.Errorf("got %d %s; want the object as it was written", got.status, got.body)
	}
	p := refusedWith(t, k.ask("DELETE", pool, "", "If-Match: *"), 409, api.CodeInUse)
	if !slices.Equal(p.Referrers, []string{"routes.extra.pool"}) {
		t.Errorf("got referrers %v", p.Referrers)
	}

	before := k.etag(pool)
	decoded[api.Applied](t, k.ask("PATCH", route, `{"priority":5,"path":"/y"}`, "If-Match: "+k.etag(route)), 200)
	if k.etag(pool) != before {
		t.Error("the ETag of an object changed with another one")
	}
	decoded[api.Applied](t, k.ask("PATCH", pool, `{"algorithm":"random"}`, "If-Match: "+before), 200)
	decoded[api.Applied](t, k.ask("PATCH", route, `{"priority":null}`, "If-Match: *"), 200)
	if got := k.ask("GET", route, ""); strings.Contains(got.body, "priority") || !strings.Contains(got.body, "/y") {
		t.Errorf("got %s; want priority taken out, and the rest as it was", got.body)
	}

	decoded[api.Applied](t, k.ask("DELETE", route, "", "If-Match: "+k.etag(route)), 200)
	decoded[api.Applied](t, k.ask("DELETE", pool, "", "If-Match: "+k.etag(pool)), 200)
	refusedWith(t, k.ask("GET", pool, ""), 404, api.CodeNotFound)
	refusedWith(t, k.ask("PATCH", pool, `{"algorithm":"random"}`, "If-Match: *"), 404, api.CodeNotFound)
	if got := k.etag("/api/v1/config"); got != started(t, plainConfig).etag("/api/v1/config") {
		t.Errorf("got ETag %s; want the one of the same document", got)
	}
}

func TestSections(t *testing.T) {
	k := started(t, plainConfig)
	if got := k.ask("GET", "/api/v1/config/pools", ""); got.status != 200 || !strings.Contains(got.body, `"p"`) || got.header.Get("ETag") == "" {
		t.Errorf("got %d %s; want the pools", got.status, got.body)
	}
	if got := k.ask("GET", "/api/v1/config/middleware", ""); got.status != 200 || strings.TrimSpace(got.body) != "{}" {
		t.Errorf("got %d %s; want no stages", got.status, got.body)
	}
	refusedWith(t, k.ask("GET", "/api/v1/config/log", ""), 404, api.CodeNotFound)
	decoded[api.Applied](t, k.ask("PUT", "/api/v1/config/log", "{level: debug}", "If-None-Match: *"), 200)
	decoded[api.Applied](t, k.ask("PATCH", "/api/v1/config/log", `{"access":{"enabled":true}}`, "If-Match: "+k.etag("/api/v1/config/log")), 200)
	k.mu.Lock()
	log := k.running.Config.Log
	k.mu.Unlock()
	if log.Level != "debug" || !log.Access.Enabled {
		t.Errorf("got %+v; want both changes", log)
	}
	decoded[api.Applied](t, k.ask("DELETE", "/api/v1/config/log", "", "If-Match: *"), 200)
	refusedWith(t, k.ask("PUT", "/api/v1/config/pools", "{}", "If-Match: *"), 405, api.CodeMethod)
	refusedWith(t, k.ask("GET", "/api/v1/config/poools", ""), 404, api.CodeNotFound)
	refusedWith(t, k.ask("PUT", "/api/v1/config/log/x", "{}", "If-Match: *"), 404, api.CodeNotFound)

	for _, name := range []string{"a", "b", "c"} {
		decoded[api.Applied](t, k.ask("PUT", "/api/v1/config/pools/"+name, `{backends: [{address: "127.0.0.1:2"}]}`, "If-None-Match: *"), 200)
	}
	page := k.ask("GET", "/api/v1/config/pools?limit=2", "")
	if got := decoded[map[string]any](t, page, 200); len(got) != 2 || got["a"] == nil || got["b"] == nil {
		t.Errorf("got %s; want a and b", page.body)
	}
	next, _, _ := strings.Cut(strings.TrimPrefix(page.header.Get("Link"), "<"), ">")
	if got := decoded[map[string]any](t, k.ask("GET", next, ""), 200); len(got) != 2 || got["c"] == nil || got["p"] == nil {
		t.Errorf("%s: got %v; want c and p", next, got)
	}
}

// TestPatchTakesSeveralObjectsAtOnce adds a route with its pool: each alone would be refused.
func TestPatchTakesSeveralObjectsAtOnce(t *testing.T) {
	k := started(t, plainConfig)
	const patch = `{"pools":{"q":{"backends":[{"address":"127.0.0.1:2"}]}},"routes":{"all":null,"other":{"pool":"q"}}}`
	a := decoded[api.Applied](t, k.ask("PATCH", "/api/v1/config", patch, "If-Match: "+k.etag("/api/v1/config")), 200)
	want := []api.Change{{Path: "pools.q", Action: "added"}, {Path: "routes.all", Action: "removed"}, {Path: "routes.other", Action: "added"}}
	if !slices.Equal(a.Changes, want) {
		t.Errorf("got %+v; want %+v", a.Changes, want)
	}
	refusedWith(t, k.ask("PATCH", "/api/v1/config", `{"routes":{"bad":{"pool":"none"}}}`, "If-Match: *"), 422, api.CodeInvalid)
	refusedWith(t, k.ask("PATCH", "/api/v1/config", `{"routes":`, "If-Match: *"), 400, api.CodeMalformed)
}
