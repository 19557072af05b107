package cli

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// samplePlan has something of everything.
func samplePlan() api.Plan {
	return api.Plan{
		Generation: 7, Changes: []api.Change{{Path: "routes.api.hosts", Action: "changed", Old: `["a.test"]`, New: `["b.test"]`}},
		Routes: api.Touched{Changed: []string{"api"}},
		Effects: &api.Effects{
			Connections: []api.PlannedConnections{
				{Kind: "listener", Name: "internal-web", Change: "removed", Tunnels: 1, Streams: 2, Active: 1, Idle: 1234, Then: "they are told to leave, and cut after shutdown.drain (30s)"},
				{Kind: "pool", Name: "api", Change: "changed", InProgress: 1, Then: "they go on with their backends, also with those that go"},
			},
			Keys: []api.PlannedKeys{
				{Kind: "pool", Name: "api", By: "hash_on header:x-user", Share: new(0.3333), Says: "of the hashes of 4096 keys, tried on both as if all backends were well"},
				{Kind: "pool", Name: "own", By: "hash_on path", Says: "not asked"},
			},
			Limiters: []api.PlannedLimiter{{Stage: "limit", Type: "rate_limit", Keys: 4321, Says: "its definition changes"}},
			Sockets:  []api.PlannedSocket{{Listener: "internal-web", Network: "tcp", Address: "[2001:db8::1]:8443", Action: "closed"}},
		},
		Replay: &api.Replay{
			Requests: 2000, Kept: 4096, Stale: 3, WindowSeconds: 61.5, Changed: 150,
			Routes: api.ReplayedChanges{Requests: 150, Kinds: 12, Examples: []api.ReplayedChange{
				{Before: "api", After: "none", Requests: 100, Method: "GET", Host: "a.test", Path: "/a/rather/long/path/of/some/request/that/was/served/once", Listener: "web", Peer: "2001:db8::7", Protocol: "h2"},
			}},
			Answers: api.ReplayedChanges{Requests: 150, Kinds: 1, Examples: []api.ReplayedChange{
				{Before: "forwarded", After: "404 no_route", Requests: 150, Method: "POST", Host: "a.test", Path: "/p", Listener: "web", Protocol: "http1"},
			}},
			Blind: []string{"routes.canary.headers.Cookie"},
		},
	}
}

// Nothing of a plan is cut, on a narrow screen and on a wide one, and JSON has all of it.
func TestPlanShowsEverything(t *testing.T) {
	file := filepath.Join(t.TempDir(), "next.yaml")
	if err := os.WriteFile(file, []byte("a: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&desk{answers: map[string]any{"POST /api/v1/config/plan": samplePlan()}})
	defer server.Close()
	p := &proxy{url: server.URL}
	for _, columns := range []string{"80", "200"} {
		got := run(p, []string{"COLUMNS=" + columns}, "config", "plan", file)
		if got.code != ExitFailed || strings.Contains(got.stdout, "…") {
			t.Fatalf("%s columns: got %+v; want exit 1 and nothing cut", columns, got)
		}
		text := strings.Join(strings.Fields(got.stdout), " ")
		for _, want := range []string{
			"changed routes.api.hosts", "routes changed: api",
			"connections listener internal-web (removed) has 1 tunnel, 2 streams, 1 active connection, 1,234 idle connections: they are told to leave, and cut after shutdown.drain (30s)",
			"pool api (changed) has 1 attempt in progress: they go on",
			"keys pool api, hash_on header:x-user: 33.3% move (of the hashes of 4096 keys, tried on both as if all backends were well)",
			"pool own, hash_on path: ? move (not asked)",
			"limits stage limit (rate_limit) forgets 4,321 keys: its definition changes",
			"sockets tcp [2001:db8::1]:8443 of listener internal-web is closed",
			"replay 2,000 requests of the last 1m2s were tried: something changes for 150 of them (7.5%)",
			"another answer: 150 of them (7.5%) 150: forwarded -> 404 no_route as POST a.test/p by http1 of listener web",
			"another route: 150 of them (7.5%) 100: api -> none as GET a.test/a/rather/long/path/of/some/request/that/was/served/once by h2 of listener web from 2001:db8::7 and 11 more kinds",
			"not told: routes.canary.headers.Cookie looks at a value that is not kept of requests",
			"3 requests had come by a listener that is gone",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s columns: got\n%s\nwant %q in it", columns, got.stdout, want)
			}
		}
		for line := range strings.Lines(got.stdout) {
			if columns == "80" && utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("a line is wider than the screen: %q", line)
			}
		}
	}
	var back api.Plan
	got := run(p, nil, "config", "plan", "-o", "json", file)
	if err := json.Unmarshal([]byte(got.stdout), &back); err != nil || got.code != ExitFailed || !reflect.DeepEqual(back, samplePlan()) {
		t.Errorf("got %+v, %v; want all of the plan", got, err)
	}
}

// A plan that changes nothing is no failure, and one of a process that served nobody says so.
func TestPlanThatChangesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "next.yaml")
	if err := os.WriteFile(file, []byte("a: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&desk{answers: map[string]any{
		"POST /api/v1/config/plan": api.Plan{Unchanged: true, Effects: &api.Effects{}, Replay: &api.Replay{}},
	}})
	defer server.Close()
	got := run(&proxy{url: server.URL}, nil, "config", "plan", file)
	if got.code != ExitDone || !strings.Contains(got.stdout, "no differences") || !strings.Contains(got.stdout, "no request was served yet") {
		t.Errorf("got %+v; want nothing to be different", got)
	}
}

func TestExplainSendsTheFileItIsAskedToExplainWith(t *testing.T) {
	file := filepath.Join(t.TempDir(), "next.toml")
	if err := os.WriteFile(file, []byte("a = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := sampleExplanation()
	e.Candidate = true
	d := &desk{answers: map[string]any{"POST /api/v1/explain": e}}
	server := httptest.NewServer(d)
	defer server.Close()
	got := run(&proxy{url: server.URL}, nil, "explain", "--config", file, "http://a.test/")
	if want := `POST /api/v1/explain application/json {"url":"http://a.test/","config":"a = 1","config_format":"toml"}`; got.code != ExitDone || len(d.asked) != 1 || d.asked[0] != want {
		t.Errorf("asked %q, got %+v; want %q", d.asked, got, want)
	}
	if !strings.Contains(got.stdout, "with another configuration than the one that runs") {
		t.Errorf("got %s; want it to say so", got.stdout)
	}
	if got := run(&proxy{url: server.URL}, nil, "explain", "--config", file+".none", "http://a.test/"); got.code != ExitFailed || len(d.asked) != 1 {
		t.Errorf("got %+v; want the file missed", got)
	}
}
