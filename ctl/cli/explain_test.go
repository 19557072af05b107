package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
)

var errNoHost = errors.New("cannot explain: the URL names no host")

// sampleExplanation has everything that can be shown, but for an answer of the proxy.
func sampleExplanation() *api.Explanation {
	until := time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	return &api.Explanation{
		Generation: 7, Summary: "route api, pool api, one of its backends",
		Request:  api.ExplainedRequest{Method: "GET", Host: "api.example.com", Target: "/v1//users/../users?page=2", Path: "/v1/users", Protocol: "HTTP/1.1", Scheme: "https"},
		Listener: api.ExplainedListener{Name: "web", Address: "0.0.0.0:443", TLS: true, Why: "it has the scheme and the port of the URL"},
		Client: api.ExplainedClient{Peer: "10.0.0.1", Client: "203.0.113.7", Field: "X-Forwarded-For", Hops: []api.ExplainedHop{
			{Address: "10.0.0.1", Trusted: true, Says: "is the peer, whose X-Forwarded-For is believed"},
			{Address: "203.0.113.7", Says: "is the client"},
		}},
		Certificate: &api.ExplainedCertificate{ServerName: "api.example.com", Name: "*.example.com", File: "/etc/isame/wild.pem", NotAfter: &until, Why: "it is good for all names of the domain", MinVersion: "TLS 1.2", ClientAuth: "request"},
		Candidates: []api.ExplainedCandidate{
			{Route: "canary", Host: "api.example.com", Path: "/v1/*", Verdict: "failed", Predicate: "headers.x-env", Reason: "there is no header x-env"},
			{Route: "api", Host: "api.example.com", Path: "/v1/*", Verdict: "won", Reason: `goes before route "rest": host "api.example.com" is more specific than "*"`},
			{Route: "rest", Host: "*", Path: "*", Verdict: "lost", Reason: "matches as well, but comes later"},
		},
		Route: &api.ExplainedRoute{Name: "api", Action: "pool api", Why: "…"},
		Middleware: []api.ExplainedStage{
			{Name: "limit", Type: "rate_limit", Outcome: "passes", Says: "limit limit: key 203.0.113.7 has 199 of 200 left"},
			{Name: "auth", Type: "forward_auth", Outcome: "unsure", Says: "asks http://auth.internal/check, which is not done here; where that does not answer neither does the request pass"},
			{Name: "no-admin", Type: "deny", Outcome: "skipped", Says: `its when does not hold: path "/v1/users" is not /admin/*`},
		},
		Forward: &api.ExplainedForward{
			Method: "GET", Target: "/v1//users?page=2", Host: "api.example.com",
			Headers:        []api.ExplainedField{{Name: "X-Forwarded-For", Value: "203.0.113.7, 10.0.0.1"}, {Name: "X-Internal-Key", Value: "***"}},
			TimeoutSeconds: 30, Attempts: 2, RetryOn: []string{"connect_failure", "reset"}, Repeatable: true,
			Hedge: "after 50ms another backend is asked too, up to 1 of them", Mirror: "1% of the requests are copied to pool shadow",
			Pools: []api.ExplainedPool{{
				Name: "api", Share: 0.95, Why: "drawn by weight", Algorithm: "round_robin", PickWhy: "backends take turns", Limit: "3 of 24 requests in progress, 0 of 100 waiting",
				Backends: []api.ExplainedBackend{
					{Address: "10.0.1.1:8080", Weight: 1, State: "enabled", Health: "healthy", Breaker: "closed", Up: true, InFlight: 3, Share: new(0.5)},
					{Address: "10.0.1.2:8080", Weight: 1, State: "enabled", Health: "unhealthy", Breaker: "open", Share: new(0.0)},
					{Address: "10.0.1.3:8080", Weight: 1, State: "drain", Health: "healthy", Breaker: "closed"},
				},
				BackendsCut: 2,
			}},
		},
	}
}

// startExplaining is a proxy that explains.
func startExplaining(t *testing.T, asked *[]*api.ExplainRequest) *proxy {
	t.Helper()
	s := ctl.New(ctl.Options{Address: "127.0.0.1:0", Sources: ctl.Sources{
		Explain: func(q *api.ExplainRequest) (*api.Explanation, error) {
			if asked != nil {
				*asked = append(*asked, q)
			}
			if strings.HasPrefix(q.URL, "/") {
				return nil, errNoHost
			}
			e := sampleExplanation()
			if strings.Contains(q.URL, "no-route") {
				e.Candidates, e.Route, e.Middleware, e.Forward = nil, nil, nil, nil
				e.Summary = "answered 404 (no_route) by the routes: none takes the request"
				e.Answer = &api.ExplainedAnswer{Status: 404, Cause: "no_route", Detail: "no route matches", By: "the routes: none takes the request"}
			}
			return e, nil
		},
	}})
	serve(t, s)
	return &proxy{url: "http://" + s.Addr().String()}
}

// serve runs an admin endpoint until the test ends.
func serve(t *testing.T, s *ctl.Server) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestExplainTables(t *testing.T) {
	p := startExplaining(t, nil)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"explain", []string{"explain", "https://api.example.com/v1//users/../users?page=2", "--from", "10.0.0.1"}},
		{"explain_no_route", []string{"explain", "POST", "https://api.example.com/no-route"}},
	} {
		for _, width := range []int{60, 80, 160} {
			t.Run(fmt.Sprintf("%s/width=%d", c.name, width), func(t *testing.T) {
				got := run(p, []string{fmt.Sprintf("COLUMNS=%d", width)}, c.args...)
				if got.code != ExitDone || got.stderr != "" {
					t.Fatalf("got %+v; want exit 0", got)
				}
				checkWidth(t, got.stdout, width)
				compareGolden(t, fmt.Sprintf("%s.%d.txt", c.name, width), got.stdout)
			})
		}
	}
	for width := 1; width < 60; width++ {
		checkWidth(t, run(p, []string{fmt.Sprintf("COLUMNS=%d", width)}, "explain", "https://api.example.com/").stdout, width)
	}
}

func checkWidth(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := len([]rune(line)); n > width || strings.TrimRight(line, " ") != line {
			t.Errorf("in %d columns: %d characters, or blanks at the end: %q", width, n, line)
		}
	}
}

// Nothing that an explanation says is cut in 80 columns.
func TestExplainCutsNothing(t *testing.T) {
	got := run(startExplaining(t, nil), []string{"COLUMNS=80"}, "explain", "https://api.example.com/")
	text := strings.Join(strings.Fields(got.stdout), " ")
	e := sampleExplanation()
	for _, want := range []string{
		e.Summary, e.Listener.Why, e.Certificate.Why, e.Client.Hops[0].Says, e.Candidates[1].Reason, e.Middleware[1].Says, e.Middleware[2].Says,
		e.Forward.Hedge, e.Forward.Mirror, "203.0.113.7, 10.0.0.1", "connect_failure, reset", "50.0%", "and 2 more", "which is matched as /v1/users",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, got.stdout)
		}
	}
	if strings.Contains(text, "…") {
		t.Errorf("something is cut:\n%s", got.stdout)
	}
}

func TestExplainSendsWhatItWasTold(t *testing.T) {
	var asked []*api.ExplainRequest
	p := startExplaining(t, &asked)
	got := run(p, nil, "explain", "put", "a.test/x", "-H", "X-A: 1", "-H", "X-A:2", "--header", "B: c: d", "--from", "::1", "--listener", "web", "--sni", "", "--protocol", "h2", "-o", "json")
	if got.code != ExitDone || !strings.Contains(got.stdout, `"summary": "route api, pool api, one of its backends"`) {
		t.Fatalf("got %+v", got)
	}
	q := asked[0]
	if q.Method != "put" || q.URL != "a.test/x" || fmt.Sprint(q.Headers) != "map[B:[c: d] X-A:[1 2]]" || q.PeerIP != "::1" || q.Listener != "web" ||
		q.SNI == nil || *q.SNI != "" || q.Protocol != "h2" {
		t.Errorf("got %+v", q)
	}
	if got = run(p, nil, "explain", "a.test", "-o", "yaml"); got.code != ExitDone || !strings.Contains(got.stdout, "summary: route api") || asked[1].SNI != nil || asked[1].Method != "" {
		t.Errorf("got %+v, %+v", got, asked[1])
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{ExitUsage, "want -H", []string{"a.test", "-H", "nothing"}},
		{ExitUsage, "want an address", []string{"a.test", "--from", "1.2.3.4:5"}},
		{ExitUsage, "want http1", []string{"a.test", "--protocol", "spdy"}},
		{ExitUsage, "arg", nil},
		{ExitFailed, "names no host", []string{"/x"}},
	} {
		if got := run(p, nil, append([]string{"explain"}, c.args...)...); got.code != c.code || !strings.Contains(got.stderr, c.want) {
			t.Errorf("%v: got %+v; want exit %d: %s", c.args, got, c.code, c.want)
		}
	}
}

func TestRoutesUnused(t *testing.T) {
	last := func(ago time.Duration) *time.Time { at := now.Add(-ago); return &at }
	s := ctl.New(ctl.Options{Address: "127.0.0.1:0", Sources: ctl.Sources{
		Status: func() api.Status { return api.Status{UptimeSeconds: 3 * 24 * 3600} },
		Routes: func() []api.RouteStatus {
			all := sampleRoutes()
			all[0].LastUsed, all[1].LastUsed, all[3].LastUsed = last(time.Minute), last(26*time.Hour), last(23*time.Hour)
			return all
		},
	}})
	serve(t, s)
	p := &proxy{url: "http://" + s.Addr().String()}
	for _, c := range []struct{ age, want, note string }{
		{"24h", "old ping", ""}, {"1d", "old ping", ""}, {"30s", "api old ping rest", ""}, {"0.5d", "old ping rest", ""}, {"30d", "ping", "has been up for 3d"},
	} {
		got := run(p, []string{"COLUMNS=80"}, "routes", "--unused", c.age)
		var names []string
		for line := range strings.Lines(got.stdout) {
			names = append(names, strings.Fields(line)[0])
		}
		if got.code != ExitDone || strings.Join(names[1:], " ") != c.want || (c.note == "") != (got.stderr == "") || !strings.Contains(got.stderr, c.note) {
			t.Errorf("%s: got %+v; want %s", c.age, got, c.want)
		}
	}
	for _, age := range []string{"", "x", "-1h", "0d", "1w"} {
		if got := run(p, nil, "routes", "--unused="+age); got.code != ExitUsage {
			t.Errorf("%q: got %+v; want wrong usage", age, got)
		}
	}
}
