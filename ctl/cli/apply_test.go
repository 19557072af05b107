package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// desk answers calls about the configuration as a test says, and notes what was asked.
type desk struct {
	answers map[string]any // by method and path
	asked   []string
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.RequestURI
	if m := r.Header.Get("If-Match"); m != "" {
		line += " for " + m
	}
	if len(body) > 0 {
		line += " " + r.Header.Get("Content-Type") + " " + string(body)
	}
	d.asked = append(d.asked, line)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"tag"`)
	answer := d.answers[r.Method+" "+r.URL.Path]
	if p, ok := answer.(*api.Problem); ok {
		w.Header().Set("Content-Type", api.ProblemType)
		w.WriteHeader(p.Status)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func TestConfigCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "next.yaml")
	if err := os.WriteFile(file, []byte("a: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := now.Add(time.Minute)
	changes := []api.Change{{Path: "pools.p.algorithm", Action: "changed", Old: `"random"`, New: `"p2c"`}, {Path: "routes.x", Action: "removed", Old: "{}"}}
	d := &desk{answers: map[string]any{
		"GET /api/v1/config":           map[string]any{},
		"GET /api/v1/status":           api.Status{Config: &api.ConfigState{Pending: &api.Pending{Generation: 8}}},
		"PUT /api/v1/config":           api.Applied{Generation: 8, Changes: changes, Previous: 7, ConfirmBefore: &before, Overridden: []api.Override{{Path: "log.level", Env: "X"}}},
		"POST /api/v1/config/plan":     api.Plan{Changes: changes, Routes: api.Touched{Removed: []string{"x"}}, RestartNeeded: []api.ConfigProblem{{Text: "admin.address: restart"}}},
		"POST /api/v1/config/confirm":  api.Applied{Generation: 8},
		"POST /api/v1/config/rollback": api.Applied{Generation: 9},
		"GET /api/v1/config/history": []api.Generation{
			{Generation: 8, At: now.Add(-time.Minute), Trigger: "api", Author: "ann", Message: "more", Outcome: "applied", Changes: changes},
			{At: now.Add(-time.Hour), Trigger: "file", Author: "isame-lb", Outcome: "refused", Reason: "isame.yaml:1:1: bad"},
		},
		"GET /api/v1/config/history/8": api.Generation{Generation: 8, At: now.Add(-time.Minute), Author: "ann", Outcome: "applied", Changes: changes},
		"GET /api/v1/config/why":       api.Why{Path: "log.level", Value: `"debug"`, Origin: "env ISAME_LOG__LEVEL", Generation: 8, Author: "ann", Trigger: "api", Since: 3},
	}}
	server := httptest.NewServer(d)
	defer server.Close()
	p := &proxy{url: server.URL}
	for _, c := range []struct {
		args  string
		code  int
		asked []string
		want  []string
	}{
		{"config apply " + file, ExitDone, []string{
			"GET /api/v1/config?format=json", `PUT /api/v1/config for "tag" application/yaml a: 1`,
		}, []string{"applied: generation 8, 2 changes", "rolled back to generation 7 in 60s, unless", "isame-ctl config confirm 8", "decided by env X: log.level"}},
		{"config apply --force --confirm 60s -m hello " + file, ExitDone, []string{
			`PUT /api/v1/config?confirm=1m0s&message=hello for * application/yaml a: 1`,
		}, nil},
		{"config apply --dry-run " + file, ExitDone, []string{"PUT /api/v1/config?dry_run=1 application/yaml a: 1"}, []string{"changed pools.p.algorithm"}},
		{"config diff " + file, ExitFailed, []string{"POST /api/v1/config/plan application/yaml a: 1"}, []string{
			"changed pools.p.algorithm\n  - \"random\"\n  + \"p2c\"\nremoved routes.x\n  - {}\n",
		}},
		{"config plan --format toml " + file, ExitFailed, []string{"POST /api/v1/config/plan application/toml a: 1"}, []string{
			"routes removed: x", "not in effect before a restart: admin.address: restart",
		}},
		{"config confirm", ExitDone, []string{"GET /api/v1/status", `POST /api/v1/config/confirm application/json {"generation":8}`}, []string{"confirmed: generation 8"}},
		{"config confirm 5", ExitDone, []string{`POST /api/v1/config/confirm application/json {"generation":5}`}, nil},
		{"config rollback", ExitDone, []string{"POST /api/v1/config/rollback application/json {}"}, []string{"applied: generation 9"}},
		{"config rollback 3 -m why", ExitDone, []string{`POST /api/v1/config/rollback?message=why application/json {"generation":3}`}, nil},
		{"config history", ExitDone, nil, []string{"8  60s  applied", "ann", "more", "60m  refused", "bad"}},
		{"config history 8", ExitDone, nil, []string{"generation 8, applied 60s ago by ann", "changed pools.p.algorithm"}},
		{"config why log.level", ExitDone, nil, []string{`log.level: "debug"`, "env ISAME_LOG__LEVEL", "generation 3"}},
		{"config why log.level -o json", ExitDone, nil, []string{`"origin": "env ISAME_LOG__LEVEL"`}},
		{"config show", ExitDone, []string{"GET /api/v1/config?format=yaml"}, []string{"{}"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			d.asked = nil
			got := run(p, nil, strings.Fields(c.args)...)
			if got.code != c.code {
				t.Fatalf("got %+v; want exit %d", got, c.code)
			}
			if c.asked != nil && !slices.Equal(d.asked, c.asked) {
				t.Errorf("asked %q; want %q", d.asked, c.asked)
			}
			for _, want := range c.want {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("got\n%s\nwant %q in it", got.stdout, want)
				}
			}
		})
	}
}

// TestReloadWaits tries again while another change is in the way.
func TestReloadWaits(t *testing.T) {
	answers := []any{
		api.NewProblem(409, "busy").WithCode(api.CodeBusy), api.NewProblem(409, "pending").WithCode(api.CodeConfirmPending), api.ReloadResult{Generation: 9, Unchanged: true},
	}
	d := &desk{answers: map[string]any{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.answers["POST /api/v1/reload"] = answers[0]
		answers = answers[1:]
		d.ServeHTTP(w, r)
	}))
	defer server.Close()
	p := &proxy{url: server.URL}
	if got := run(p, nil, "reload", "--wait"); got.code != ExitDone || !strings.Contains(got.stdout, "unchanged: generation 9") {
		t.Errorf("got %+v; want it done in the end", got)
	}
	answers = []any{api.NewProblem(409, "busy").WithCode(api.CodeBusy)}
	if got := run(p, nil, "reload"); got.code != ExitFailed {
		t.Errorf("got %+v; want the refusal at once", got)
	}
}
