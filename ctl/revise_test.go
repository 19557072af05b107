package ctl

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
)

func TestProblemsNameTheirPlace(t *testing.T) {
	k := started(t, plainConfig)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		at, pointer              string
	}{
		{"unknown key", "PUT", "/api/v1/config/routes/x", "{pol: p}", 422, "routes.x.pol", "/pol"},
		{"value", "PUT", "/api/v1/config/pools/p", "{backends: [{address: nonsense}]}", 422, "pools.p.backends[0].address", "/backends/0/address"},
		{"null", "PUT", "/api/v1/config/routes/all", "{pool: p, priority: null}", 422, "routes.all.priority", "/priority"},
		{"whole", "PUT", "/api/v1/config", plainConfig + "lgo: {}\n", 422, "lgo", "/lgo"},
		{"syntax", "PUT", "/api/v1/config", "a: [", 400, "", ""},
		{"syntax of an object", "PUT", "/api/v1/config/routes/x", `{"pool":`, 400, "routes.x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := k.ask(c.method, c.path, c.body, "If-Match: *")
			code := api.CodeInvalid
			if c.status == 400 {
				code = api.CodeMalformed
			}
			p := refusedWith(t, a, c.status, code)
			if len(p.Errors) == 0 || p.Errors[0].Path != c.at || c.status == 422 && p.Errors[0].Pointer != c.pointer {
				t.Errorf("got %+v; want path %q and pointer %q", p.Errors, c.at, c.pointer)
			}
		})
	}
	k.runs(1)
}

func TestNothingUnknownIsTaken(t *testing.T) {
	k := started(t, plainConfig)
	for _, query := range []string{
		"dryrun=1", "dry_run=yes", "confirm=60", "confirm=1s", "confirm=2h", "abort_p99_factor=2", "confirm=60s&abort_error_percent=101",
		"confirm=60s&abort_p99_factor=0.5", "strict=on", "message=" + strings.Repeat("a", messageBytesMax+1),
	} {
		t.Run(query[:min(len(query), 30)], func(t *testing.T) {
			refusedWith(t, k.ask("PUT", "/api/v1/config?"+query, weight("2"), "If-Match: *"), 400, api.CodeUnknownParameter)
		})
	}
	for _, path := range []string{"/api/v1/config?view=whole", "/api/v1/config?wait=0s", "/api/v1/config?wait=2m", "/api/v1/config/why", "/api/v1/config/history?limit=0"} {
		refusedWith(t, k.ask("GET", path, ""), 400, api.CodeUnknownParameter)
	}
	refusedWith(t, k.ask("POST", "/api/v1/config/confirm", `{"generaton":1}`), 422, api.CodeInvalid)
	k.runs(1)
}

func TestDryRunChangesNothing(t *testing.T) {
	k := started(t, plainConfig)
	got := decoded[api.CheckResult](t, k.ask("PUT", "/api/v1/config?dry_run=1", weight("2")), 200)
	if !got.Valid || got.Unchanged || len(got.Changes) != 1 || got.Changes[0].New != "2" {
		t.Errorf("got %+v; want the change with its value", got)
	}
	if got := decoded[api.CheckResult](t, k.ask("PUT", "/api/v1/config?dry_run=true", plainConfig), 200); !got.Unchanged {
		t.Errorf("got %+v; want it unchanged", got)
	}
	refusedWith(t, k.ask("PUT", "/api/v1/config?dry_run=1", "routes: {}\n"), 422, api.CodeInvalid)
	decoded[api.CheckResult](t, k.ask("DELETE", "/api/v1/config/routes/all?dry_run=1", ""), 200)
	k.runs(1)
	if list := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200); len(list) != 1 {
		t.Errorf("got %+v; want the start alone", list)
	}
}

func TestStrictRefusesWarnings(t *testing.T) {
	k := started(t, plainConfig)
	hidden := strings.Replace(plainConfig, "routes: {all: {pool: p}}", "routes: {all: {pool: p, middleware: [gone]}}\nmiddleware: {gone: {type: rate_limit}, idle: {type: rate_limit}}", 1)
	a := decoded[api.Applied](t, k.ask("PUT", "/api/v1/config", hidden, "If-Match: *"), 200)
	if len(a.Warnings) == 0 {
		t.Fatal("the configuration has no warning: choose another one for this test")
	}
	refusedWith(t, k.ask("PUT", "/api/v1/config?strict=1", strings.Replace(hidden, "idle", "idle2", 1), "If-Match: *"), 422, api.CodeInvalid)
}

func TestOverridesAreTaken(t *testing.T) {
	k := keep(t, plainConfig)
	k.env = []string{"ISAME_POOLS__P__ALGORITHM=random"}
	k.start()
	a := k.put(weight("2"))
	if want := []api.Override{{Path: "pools.p.algorithm", Env: "ISAME_POOLS__P__ALGORITHM"}}; !slices.Equal(a.Overridden, want) {
		t.Errorf("got %+v; want %+v", a.Overridden, want)
	}
	if got := k.ask("GET", "/api/v1/config", ""); strings.Contains(got.body, "random") {
		t.Errorf("got %s; want the document without overrides", got.body)
	}
	w := decoded[api.Why](t, k.ask("GET", "/api/v1/config/why?path=pools.p.algorithm", ""), 200)
	if w.Value != `"random"` || w.Origin != "env ISAME_POOLS__P__ALGORITHM" {
		t.Errorf("got %+v; want the variable", w)
	}
	w = decoded[api.Why](t, k.ask("GET", "/api/v1/config/why?path=pools.p.backends[0].weight", ""), 200)
	if w.Value != "2" || !strings.HasPrefix(w.Origin, "request:") || w.Generation != 2 || w.Author != "local" {
		t.Errorf("got %+v; want the body", w)
	}
	w = decoded[api.Why](t, k.ask("GET", "/api/v1/config/why?path=log.level", ""), 200)
	if w.Origin != "default" || w.Value != `"info"` {
		t.Errorf("got %+v; want the default", w)
	}
	refusedWith(t, k.ask("GET", "/api/v1/config/why?path=log.levl", ""), 404, api.CodeNotFound)
}

func TestPlanSaysWhatIsTouched(t *testing.T) {
	k := started(t, plainConfig)
	next := strings.Replace(weight("2"), "pools:", "  # more\npools:\n  q: {backends: [{address: \"127.0.0.1:2\"}]}", 1)
	next = strings.Replace(next, "routes: {all: {pool: p}}", "routes: {other: {pool: p}}", 1) + "admin: {address: \"127.0.0.1:1\"}\n"
	p := decoded[api.Plan](t, k.ask("POST", "/api/v1/config/plan", next), 200)
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"pools added", p.Pools.Added, []string{"q"}},
		{"pools changed", p.Pools.Changed, []string{"p"}},
		{"routes added", p.Routes.Added, []string{"other"}},
		{"routes removed", p.Routes.Removed, []string{"all"}},
		{"listeners", slices.Concat(p.Listeners.Added, p.Listeners.Changed, p.Listeners.Removed), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: got %v; want %v", c.name, c.got, c.want)
		}
	}
	if len(p.RestartNeeded) != 1 || p.RestartNeeded[0].Path != "admin.address" || p.Unchanged || `"`+p.Base+`"` != k.etag("/api/v1/config") {
		t.Errorf("got %+v; want admin.address to need a restart", p)
	}
	p = decoded[api.Plan](t, k.ask("POST", "/api/v1/config/plan", `{"pools":{"p":{"algorithm":"random"}}}`, "Content-Type: "+typeMerge), 200)
	if len(p.Changes) != 1 || p.Changes[0].Path != "pools.p.algorithm" {
		t.Errorf("got %+v; want the change of the patch", p.Changes)
	}
	k.runs(1)
}

// TestPlanAsksWhatItWouldDo, with the configuration as it would be.
func TestPlanAsksWhatItWouldDo(t *testing.T) {
	k := started(t, plainConfig)
	var asked *config.Loaded
	k.server = start(t, Options{Sources: Sources{Ledger: k.ledger, Plan: func(next *config.Loaded) (*api.Effects, *api.Replay, error) {
		asked = next
		return &api.Effects{Limiters: []api.PlannedLimiter{{Stage: "limit", Keys: 7}}}, &api.Replay{Requests: 3}, nil
	}}})
	p := decoded[api.Plan](t, k.ask("POST", "/api/v1/config/plan", `{"pools":{"p":{"algorithm":"random"}}}`, "Content-Type: "+typeMerge), 200)
	if asked == nil || asked.Config.Pools["p"].Algorithm != "random" || p.Effects.Limiters[0].Keys != 7 || p.Replay.Requests != 3 {
		t.Errorf("got %+v, asked about %+v", p, asked)
	}
	asked = nil
	refusedWith(t, k.ask("POST", "/api/v1/config/plan", "routes: {}\n"), 422, api.CodeInvalid)
	if asked != nil {
		t.Error("it is asked what a configuration would do that is refused")
	}
	k.runs(1)
}

// TestWritingIsNotReading sends references to what the running configuration does not hold.
func TestWritingIsNotReading(t *testing.T) {
	roots := t.TempDir()
	outside := t.TempDir()
	for path, text := range map[string]string{filepath.Join(roots, "in"): "inside-secret", filepath.Join(outside, "out"): "outside-secret"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(outside, "out"), filepath.Join(roots, "link")); err != nil {
		t.Fatal(err)
	}
	k := keep(t, plainConfig+"admin: {file_roots: [\""+roots+"\"], env_names: [ALLOWED]}\nlog: {level: \"${ENV:KNOWN}\"}\n")
	k.env = []string{"ALLOWED=debug", "KNOWN=info", "HOME=/root/hidden-value"}
	k.start()
	admin := "admin: {file_roots: [\"" + roots + "\"], env_names: [ALLOWED], token: \"%s\"}\nlog: {level: \"%l\"}\n"
	text := func(token, level string) string {
		return plainConfig + strings.NewReplacer("%s", token, "%l", level).Replace(admin)
	}
	for _, c := range []struct{ name, token, level, want string }{
		{"a variable that nobody allowed", "${ENV:HOME}", "info", "admin.env_names"},
		{"a file outside", "${FILE:" + filepath.Join(outside, "out") + "}", "info", "admin.file_roots"},
		{"a way out", "${FILE:" + roots + "/../" + filepath.Base(outside) + "/out}", "info", "admin.file_roots"},
		{"a link out", "${FILE:" + filepath.Join(roots, "link") + "}", "info", "admin.file_roots"},
		{"a file that is not there", "${FILE:/no/such/file}", "info", "admin.file_roots"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{"/api/v1/config", "/api/v1/config?dry_run=1"} {
				a := k.ask("PUT", path, text(c.token, c.level), "If-Match: *")
				refusedWith(t, a, 422, api.CodeInvalid)
				if !strings.Contains(a.body, c.want) || strings.Contains(a.body, "secret") || strings.Contains(a.body, "hidden-value") {
					t.Errorf("got %s; want %s named and nothing shown", a.body, c.want)
				}
			}
			if a := k.ask("POST", "/api/v1/config/plan", text(c.token, c.level)); a.status != 422 {
				t.Errorf("plan: got %d %s; want 422", a.status, a.body)
			}
		})
	}
	for _, more := range []string{`{"admin":{"env_names":["ALLOWED","HOME"]}}`, `{"admin":{"file_roots":["/"]}}`} {
		if a := k.ask("PATCH", "/api/v1/config", more, "If-Match: *"); a.status != 422 || !strings.Contains(a.body, "file") {
			t.Errorf("%s: got %d %s; want it refused", more, a.status, a.body)
		}
	}
	for _, good := range [][2]string{{"${FILE:" + filepath.Join(roots, "in") + "}", "${ENV:KNOWN}"}, {"x", "${ENV:ALLOWED}"}} {
		decoded[api.Applied](t, k.ask("PUT", "/api/v1/config", text(good[0], good[1]), "If-Match: *"), 200)
	}
}

// TestWaitAnswersAtTheNextChange waits on one connection, and changes on another.
func TestWaitAnswersAtTheNextChange(t *testing.T) {
	k := started(t, plainConfig)
	tag := k.etag("/api/v1/config")
	c := dial(t, k.server)
	head := strings.ReplaceAll(request("GET", "/api/v1/config?wait=60s", "If-None-Match: "+tag+"\r\n", ""), "$HOST", k.server.Addr().String())
	if _, err := io.WriteString(c, head); err != nil {
		t.Fatal(err)
	}
	for k.server.waiting.Load() == 0 { // it waits
		if a := k.ask("GET", "/health", ""); a.status != 200 {
			t.Fatal(a)
		}
	}
	k.put(weight("2"))
	got := readAnswer(t, c, "GET")
	if got.status != 200 || got.header.Get("ETag") == tag || got.header.Get("ETag") != k.etag("/api/v1/config") {
		t.Errorf("got %d, ETag %s; want the new configuration", got.status, got.header.Get("ETag"))
	}
	if got := k.ask("GET", "/api/v1/config?wait=60s", "", "If-None-Match: "+tag); got.status != 200 {
		t.Errorf("stale: got %d; want it at once", got.status)
	}
	if got := k.ask("GET", "/api/v1/config", "", "If-None-Match: "+k.etag("/api/v1/config")); got.status != 304 {
		t.Errorf("got %d; want 304", got.status)
	}
}

func TestOneChangeAtATime(t *testing.T) {
	k := keep(t, plainConfig)
	file, err := k.read()
	if err != nil {
		t.Fatal(err)
	}
	busy := func(context.Context, func()) error { return context.DeadlineExceeded }
	l, err := ledger.Open(ledger.Options{Do: busy, Apply: k.take, Load: k.load, ReadFile: k.read, File: k.file, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	l.Begin(file)
	l.Begun()
	k.server = start(t, Options{Sources: Sources{Ledger: l}})
	a := k.ask("PUT", "/api/v1/config", weight("2"), "If-Match: *")
	refusedWith(t, a, 409, api.CodeBusy)
	if a.header.Get("Retry-After") == "" {
		t.Errorf("got %v; want Retry-After", a.header)
	}
}

// TestRefusedApplyChangesNothing has the engine refuse, as where an address is in use.
func TestRefusedApplyChangesNothing(t *testing.T) {
	k := started(t, plainConfig)
	before := k.etag("/api/v1/config")
	k.refuseWith(errors.New("cannot listen on \"127.0.0.1:8080\": the address is already in use"))
	p := refusedWith(t, k.ask("PUT", "/api/v1/config", weight("2"), "If-Match: *"), 422, api.CodeInvalid)
	if len(p.Errors) != 1 || !strings.Contains(p.Errors[0].Text, "already in use") {
		t.Errorf("got %+v; want the reason", p)
	}
	k.refuseWith(nil)
	if got := k.etag("/api/v1/config"); got != before {
		t.Errorf("got ETag %s; want %s as before", got, before)
	}
	list := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200)
	if len(list) != 2 || list[0].Outcome != api.OutcomeRefused || list[0].Generation != 0 || !strings.Contains(list[0].Reason, "in use") {
		t.Errorf("got %+v; want a refused one without a number", list)
	}
	if a := k.put(weight("3")); a.Generation != 2 {
		t.Errorf("got %+v; want no number lost", a)
	}
}

// TestChangeKeepsItsToken has an author lock themselves out, with a token, and with a
// session that is bound to it.
func TestChangeKeepsItsToken(t *testing.T) {
	for _, via := range []string{viaToken, viaSession} {
		t.Run(via, func(t *testing.T) {
			k := keep(t, plainConfig+"admin: {tokens: [{name: a, role: write, secret: first-secret}]}\n")
			k.start()
			k.server = start(t, Options{
				Tokens: []Token{{Name: "a", Role: api.RoleWrite, Secret: "first-secret"}}, Sources: Sources{Ledger: k.ledger},
			})
			who := "Authorization: Bearer first-secret"
			if via == viaSession {
				who = strings.TrimRight(login(t, k.server, "first-secret")+sameOrigin, "\r\n")
			}
			ask := func(tokens, query string) answer {
				return k.ask("PUT", "/api/v1/config"+query, weight("2")+"admin: {tokens: ["+tokens+"]}\n", "If-Match: *", who)
			}
			for _, c := range []struct{ name, tokens string }{
				{"another one", "{name: a, role: write, secret: second-secret}"},
				{"a lower role", "{name: a, role: read, secret: first-secret}, {name: b, role: write, secret: second-secret}"},
			} {
				if p := refusedWith(t, ask(c.tokens, ""), 422, api.CodeInvalid); !strings.Contains(p.Detail, "confirm") {
					t.Errorf("%s: got %+v; want what to do", c.name, p)
				}
				refusedWith(t, ask(c.tokens, "?dry_run=1"), 422, api.CodeInvalid)
			}
			k.runs(1)
			decoded[api.Applied](t, ask("{name: b, role: write, secret: first-secret}, {name: a, role: write, secret: second-secret}", ""), 200)
			decoded[api.Applied](t, ask("{name: a, role: write, secret: second-secret}", "?confirm=60s"), 200)
		})
	}
}
