package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/rs/zerolog"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// now is the time of every command in these tests.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// proxy is a fake process behind a real admin endpoint.
type proxy struct {
	mu    sync.Mutex
	pools []pool.Status
	ready string // why it is not ready; empty is ready

	reloaded api.ReloadResult // what a reload answers
	refused  error            // why it is refused; nil when it is not
	url      string
	quiet    atomic.Bool // it has too little load to tell its headroom
}

// ago is a moment before now.
func ago(d time.Duration) *time.Time {
	t := now.Add(-d)
	return &t
}

func samplePools() []pool.Status {
	return []pool.Status{
		{
			Name: "api", Algorithm: "least_connections", Members: 4, Healthy: 2, InFlight: 12, Requests: 1234567, Failures: 89,
			Discovery: &pool.DiscoveryStatus{
				Name: "_http._tcp.api.internal", Type: "SRV", Resolver: "10.0.0.53:53", Found: 1, Resolved: ago(90 * time.Second),
				Failures: 3, Failed: ago(time.Second), Error: "cannot look up SRV of \"_http._tcp.api.internal\": timeout",
			},
			Backends: []pool.BackendStatus{
				{Address: "10.0.0.1:8080", Weight: 1, State: "enabled", Health: "healthy", Breaker: "closed", Up: true, InFlight: 12, Requests: 1230000, Since: now.Add(-90 * time.Minute)},
				{
					Address: "10.0.0.2:8080", Weight: 10, State: "enabled", Health: "unhealthy", Breaker: "closed", Requests: 4000, Failures: 80, Since: now.Add(-42 * time.Second),
					Reason: "3 probes failed: status 500, want 200-299",
					Probes: []health.Probe{
						{At: now.Add(-time.Second), Reason: "live traffic failed: connect_refused", Live: true},
						{At: now.Add(-2 * time.Second), DurationMS: 1.25, Reason: "status 500, want 200-299"},
						{At: now.Add(-7 * time.Second), DurationMS: 1000, Reason: "no answer within 1s"},
						{At: now.Add(-12 * time.Second), DurationMS: 0.8, OK: true, Reason: "status 200"},
					},
				},
				{Address: "10.0.0.3:8080", Weight: 1, State: "drain", Health: "healthy", Breaker: "half-open", Requests: 567, Failures: 9, Since: now.Add(-72 * time.Hour), Reason: "drained by the operator"},
				{Address: "unix:/run/isame/spare.sock", Weight: 1, Backup: true, Rank: 2, Zone: "b", State: "enabled", Health: "unchecked", Breaker: "closed", Up: true},
			},
			Concurrency: &pool.LimiterStatus{
				Limit: 24, Adaptive: true, InProgress: 24, Waiting: 3, MaxQueue: 100,
				Shed: map[string]uint64{"concurrency_limit": 0, "queue_full": 12, "queue_timeout": 1700},
			},
		},
		{Name: "static", Algorithm: "round_robin", Panic: true, Members: 1, Healthy: 1, Backends: []pool.BackendStatus{
			{Address: "10.0.1.1:80", TLS: "unverified", Weight: 1, State: "enabled", Health: "unhealthy", Breaker: "open", Up: true, Reason: "evil \x1b[31mred\x1b[0m\nline", Since: now},
		}},
	}
}

func sampleRoutes() []api.RouteStatus {
	return []api.RouteStatus{
		{
			Name: "api", Listeners: []string{"web"}, RoutePredicates: api.RoutePredicates{
				Hosts: []string{"api.example.com", "*.example.org"}, Path: api.PathMatch{Kind: api.PathPrefix, Value: "/api"},
				Methods: []string{"GET", "POST"}, Headers: map[string]api.ValueMatch{"X-Env": {Is: "canary"}}, Query: map[string]api.ValueMatch{"debug": {Is: "1"}},
			}, Priority: 10,
			Middleware: []string{"limit"}, Action: api.Action{Kind: api.ActionSplit, Split: map[string]int{"api": 95, "static": 5}}, Requests: 1234567,
		},
		{Name: "old", RoutePredicates: api.RoutePredicates{Path: api.PathMatch{Kind: api.PathExact, Value: "/old"}}, Action: api.Action{Kind: api.ActionRedirect, Redirect: &api.Redirect{To: "https://{host}{uri}", Status: 308}}, Requests: 3},
		{Name: "ping", RoutePredicates: api.RoutePredicates{Path: api.PathMatch{Kind: api.PathRegex, Value: "^/ping[0-9]*$"}}, Action: api.Action{Kind: api.ActionRespond, Respond: &api.Respond{Status: 200, BodyBytes: 4}}},
		{Name: "rest", RoutePredicates: api.RoutePredicates{Path: api.PathMatch{Kind: api.PathAny}}, Action: api.Action{Kind: api.ActionPool, Pool: "static"}, Requests: 99},
	}
}

// startProxy runs a fake process until the test ends.
func startProxy(t *testing.T, token string) *proxy {
	t.Helper()
	p := &proxy{pools: samplePools(), reloaded: api.ReloadResult{Generation: 7}}
	s := ctl.New(ctl.Options{
		Address: "127.0.0.1:0", Token: token, Logger: zerolog.Nop(),
		Sources: ctl.Sources{
			Status: func() api.Status {
				return api.Status{
					Name: "isame-lb", Version: "v0.1.0", Commit: "0123456789ab", GoVersion: "go1.26.8", PID: 4711, State: api.StateRunning, Started: now.Add(-3 * time.Hour),
					UptimeSeconds: 3 * 3600, Generation: 7, ConfigFile: "/etc/isame/isame.yaml", Shards: 2, Connections: 1024, RequestsTotal: 1234666, RequestsPerSecond: 1500.25,
					LastReload: &api.Reload{At: now.Add(-5 * time.Minute), Result: "rejected", Trigger: "signal", Reason: "/etc/isame/isame.yaml:3:5: pools.api.algoritm: unknown key (did you mean algorithm?)"},
				}
			},
			Pools:     p.status,
			Summaries: p.summaries,
			Routes:    sampleRoutes,
			Ready:     p.isReady,

			Certificates: sampleCertificates,
			Limits:       sampleLimits,
			Reload:       p.reload,
			Config: func(format string) (ctl.ConfigDocument, error) {
				return ctl.ConfigDocument{Body: []byte(format + "\n")}, nil
			},
			PatchBackend: p.patch,
			Records:      p.records,
			Blame:        p.blame,
			Headroom:     p.headroom,
		},
	})
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
	p.url = "http://" + s.Addr().String()
	return p
}

func (p *proxy) status() []pool.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]pool.Status, len(p.pools))
	for i := range p.pools {
		out[i] = p.pools[i]
		out[i].Backends = append([]pool.BackendStatus{}, p.pools[i].Backends...)
	}
	return out
}

func (p *proxy) isReady() (bool, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready == "", p.ready
}

func (p *proxy) patch(name, address string, change api.BackendPatch, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.pools {
		for j := range p.pools[i].Backends {
			b := &p.pools[i].Backends[j]
			if p.pools[i].Name != name || b.Address != address {
				continue
			}
			if change.State != nil {
				b.State = *change.State
			}
			if change.Weight != nil {
				b.Weight = *change.Weight
			}
			return nil
		}
	}
	return ctl.ErrNotFound
}

// outcome is what one command line led to.
type outcome struct {
	code           int
	stdout, stderr string
}

// run executes a command line against p; env are NAME=value.
func run(p *proxy, env []string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	if p != nil {
		env = append([]string{"ISAME_ADMIN=" + p.url}, env...)
	}
	code := Run(context.Background(), Env{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Version: "v0.1.0",
		Now:     func() time.Time { return now },
		Environ: env,
	}, args)
	return outcome{code, stdout.String(), stderr.String()}
}

// TestTables compares what a human sees with the files in testdata, and that
// nothing is wider than the terminal.
func TestTables(t *testing.T) {
	p := startProxy(t, "")
	for _, c := range []struct{ name, args string }{
		{"status", "status"},
		{"pools", "pools"},
		{"pool", "pools api"},
		{"pool_tls", "pools static"},
		{"backends", "backends list"},
		{"backends_of_pool", "backends list --pool api"},
		{"routes", "routes"},
		{"why", "why 4f2a9c01b7d3e855"},
		{"why_error", "why --last-error"},
		{"why_slowest", "why --slowest"},
		{"why_filtered", "why --status 5xx"},
		{"why_list", "why --list"},
	} {
		for _, width := range []int{60, 80, 160} {
			t.Run(fmt.Sprintf("%s/width=%d", c.name, width), func(t *testing.T) {
				got := run(p, []string{fmt.Sprintf("COLUMNS=%d", width)}, strings.Fields(c.args)...)
				if got.code != ExitDone || got.stderr != "" {
					t.Fatalf("got %+v; want exit 0", got)
				}
				for line := range strings.Lines(got.stdout) {
					line = strings.TrimSuffix(line, "\n")
					if n := len([]rune(line)); n > width {
						t.Errorf("line of %d characters: %q", n, line)
					}
					if strings.TrimRight(line, " ") != line || strings.Contains(line, "\x1b") {
						t.Errorf("blanks at the end or an escape sequence: %q", line)
					}
				}
				compareGolden(t, fmt.Sprintf("%s.%d.txt", c.name, width), got.stdout)
			})
		}
	}
}

func TestNarrowTerminalsHoldEverything(t *testing.T) {
	p := startProxy(t, "")
	for width := 1; width < 60; width++ {
		for _, args := range [][]string{{"backends", "list"}, {"routes"}, {"pools", "api"}, {"status"}, {"why", "--list"}, {"why", "--slowest"}, {"why", "--status", "5xx"}} {
			got := run(p, []string{fmt.Sprintf("COLUMNS=%d", width)}, args...)
			for line := range strings.Lines(got.stdout) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width {
					t.Fatalf("%v in %d columns: line of %d characters %q", args, width, n, line)
				}
			}
		}
	}
}

func TestWidthWithoutTerminal(t *testing.T) {
	p := startProxy(t, "")
	want := run(p, []string{"COLUMNS=80"}, "backends", "list").stdout
	for _, env := range [][]string{nil, {"COLUMNS="}, {"COLUMNS=wide"}, {"COLUMNS=-1"}} {
		if got := run(p, env, "backends", "list").stdout; got != want {
			t.Errorf("%v: got\n%s\nwant 80 columns", env, got)
		}
	}
}

func TestColours(t *testing.T) {
	s := &screen{width: 80, colour: true}
	tab := table{columns: []column{{title: "A"}, {title: "N", right: true}}}
	tab.row(cell{"UP", green}, c("1"))
	tab.row(cell{"DOWN", red}, c("100"))
	tab.draw(s, "")
	want := "\x1b[1mA\x1b[0m       \x1b[1mN\x1b[0m\n\x1b[32mUP\x1b[0m      1\n\x1b[31mDOWN\x1b[0m  100\n"
	if got := s.buf.String(); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestOutputFormats(t *testing.T) {
	p := startProxy(t, "")
	for _, c := range []struct {
		args, want string
	}{
		{"status -o json", "\"generation\": 7,\n"},
		{"status -o yaml", "generation: 7\n"},
		{"pools -o json", "\"name\": \"api\",\n"},
		{"pools -o yaml", "- name: api\n"},
		{"pools api -o yaml", "name: api\nalgorithm: least_connections\n"},
		{"backends list -o json", "\"pool\": \"api\",\n    \"address\": \"10.0.0.1:8080\",\n"},
		{"backends list -o yaml --pool static", "- pool: static\n  address: 10.0.1.1:80\n"},
		{"backends list -o yaml --pool static", `reason: "evil \e[31mred\e[0m\nline"`},
		{"routes -o json", "\"to\": \"https://{host}{uri}\","},
		{"health -o json", "{\n  \"live\": true,\n  \"ready\": true\n}\n"},
		{"reload -o yaml", "generation: 7\n"},
		{"version -o json", "\"version\": \"v0.1.0\","},
		{"config show --effective", "yaml\n"},
		{"config show --effective -o yaml", "yaml\n"},
		{"config show --effective --output=json", "json\n"},
	} {
		t.Run(c.args, func(t *testing.T) {
			got := run(p, nil, strings.Fields(c.args)...)
			if got.code != ExitDone || !strings.Contains(got.stdout, c.want) {
				t.Errorf("got %d\n%s%s; want %q in it", got.code, got.stdout, got.stderr, c.want)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	p := startProxy(t, "")
	for _, c := range []struct {
		args       string
		want       int
		wantStderr string
	}{
		{"", ExitDone, ""},
		{"--help", ExitDone, ""},
		{"help backends", ExitDone, ""},
		{"version", ExitDone, ""},
		{"health", ExitDone, ""},
		{"backends add 10.0.0.9:80 --pool api", ExitFailed, "adding a backend at run time: not supported yet"},
		{"backends remove 10.0.0.1:8080", ExitFailed, "removing a backend at run time: not supported yet"},
		{"pools nothing", ExitFailed, `pool "nothing": not found: there are api, static`},
		{"backends drain 10.9.9.9:1", ExitFailed, `no pool has a backend "10.9.9.9:1"`},
		{"backends drain 10.9.9.9:1 --pool api", ExitFailed, "not found"},
		{"statsu", ExitUsage, `unknown command "statsu" for isame-ctl (did you mean status?)`},
		{"tip", ExitUsage, `unknown command "tip"`},
		{"config dif", ExitUsage, `unknown command "dif" for isame-ctl config (did you mean diff?)`},
		{"config diff", ExitUsage, "isame-ctl config diff FILE"},
		{"config rollback x", ExitUsage, `generation "x" is no number from 1 on`},
		{"config apply --format xml x", ExitUsage, `format "xml" is not one of yaml, json, toml`},
		{"config apply /no/such/file", ExitFailed, "cannot read the configuration"},
		{"backends", ExitUsage, "needs one of: add, disable, drain, enable, list, remove, weight"},
		{"config", ExitUsage, "needs one of: apply, check, confirm, diff, history, plan, rollback, show, why"},
		{"status x", ExitUsage, "isame-ctl status"},
		{"status --nope", ExitUsage, "unknown flag: --nope"},
		{"status -o xml", ExitUsage, `output "xml" is not one of table, json, yaml`},
		{"status --timeout -1s", ExitUsage, "timeout"},
		{"status --admin ftp://x", ExitUsage, "want http://HOST:PORT"},
		{"status --admin 127.0.0.1:9901", ExitUsage, "want http://HOST:PORT"},
		{"backends weight 10.0.0.1:8080", ExitUsage, "accepts 2 arg(s)"},
		{"backends weight 10.0.0.1:8080 many", ExitUsage, `weight "many"`},
		{"backends weight 10.0.0.1:8080 65536", ExitUsage, "0 to 65535"},
		{"backends add 10.0.0.9:80", ExitUsage, "--pool is needed"},
		{"completion tcsh", ExitUsage, "tcsh"},
		{"status --admin unix:/nonexistent/a.sock", ExitUnreachable, "cannot reach the admin API at unix:/nonexistent/a.sock"},
	} {
		t.Run(c.args, func(t *testing.T) {
			got := run(p, nil, strings.Fields(c.args)...)
			if got.code != c.want || !strings.Contains(got.stderr, c.wantStderr) {
				t.Errorf("got %d %q; want %d %q", got.code, got.stderr, c.want, c.wantStderr)
			}
			if (got.code == ExitDone) != (got.stderr == "") || (got.code != ExitDone && got.stdout != "") {
				t.Errorf("got exit %d with stdout %q and stderr %q", got.code, got.stdout, got.stderr)
			}
			if c.want == ExitUsage && !strings.Contains(got.stderr, "--help") {
				t.Errorf("got %q; want a pointer to --help", got.stderr)
			}
		})
	}
}

func TestHealthOfProcessThatDrains(t *testing.T) {
	p := startProxy(t, "")
	p.mu.Lock()
	p.ready = "draining"
	p.mu.Unlock()
	got := run(p, nil, "health")
	if got != (outcome{ExitFailed, "live, but not ready: draining\n", ""}) {
		t.Errorf("got %+v; want exit 1 and the reason", got)
	}
	if got := run(p, nil, "health", "-o", "yaml"); got.stdout != "live: true\nready: false\nreason: draining\n" {
		t.Errorf("got %q", got.stdout)
	}
}

func TestBackendsAreChanged(t *testing.T) {
	p := startProxy(t, "t0ken")
	b := func() pool.BackendStatus { return p.status()[0].Backends[0] }
	if got := run(p, nil, "backends", "drain", "10.0.0.1:8080"); got.code != ExitFailed || !strings.Contains(got.stderr, "$ISAME_TOKEN") || b().State != "enabled" {
		t.Fatalf("without token: got %+v, state %s; want a refusal that names the token", got, b().State)
	}
	env := []string{"ISAME_TOKEN=t0ken"}
	for _, c := range []struct {
		args       string
		wantState  string
		wantWeight int
	}{
		{"backends drain 10.0.0.1:8080", "drain", 1},
		{"backends disable 10.0.0.1:8080 --pool api", "disabled", 1},
		{"backends enable 10.0.0.1:8080 -o json", "enabled", 1},
		{"backends weight 10.0.0.1:8080 0", "enabled", 0},
		{"backends weight 10.0.0.1:8080 7 --token t0ken", "enabled", 7},
	} {
		t.Run(c.args, func(t *testing.T) {
			got := run(p, env, strings.Fields(c.args)...)
			if got.code != ExitDone || !strings.Contains(got.stdout, "10.0.0.1:8080") {
				t.Errorf("got %+v; want exit 0 and the backend", got)
			}
			if b().State != c.wantState || b().Weight != c.wantWeight {
				t.Errorf("got %s, weight %d; want %s, %d", b().State, b().Weight, c.wantState, c.wantWeight)
			}
		})
	}
	if got := run(p, env, "backends", "drain", "unix:/run/isame/spare.sock"); got.code != ExitDone || p.status()[0].Backends[3].State != "drain" {
		t.Errorf("socket: got %+v", got)
	}
}

func TestAmbiguousBackendAsksForPool(t *testing.T) {
	p := startProxy(t, "")
	p.mu.Lock()
	p.pools[1].Backends = append(p.pools[1].Backends, pool.BackendStatus{Address: "10.0.0.1:8080", State: "enabled"})
	p.mu.Unlock()
	got := run(p, nil, "backends", "drain", "10.0.0.1:8080")
	if got.code != ExitFailed || !strings.Contains(got.stderr, "api, static: choose one with --pool") {
		t.Errorf("got %+v; want a question", got)
	}
	if got := run(p, nil, "backends", "drain", "10.0.0.1:8080", "--pool", "static"); got.code != ExitDone {
		t.Errorf("got %+v; want exit 0", got)
	}
}

func TestUnreachable(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.Addr().String()
	t.Run("no answer", func(t *testing.T) {
		got := run(nil, nil, "status", "--admin", "http://"+address, "--timeout", "20ms")
		if got.code != ExitUnreachable || !strings.Contains(got.stderr, "no answer in time") {
			t.Errorf("got %+v; want exit 3", got)
		}
	})
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"status", "pools", "pools x", "backends list", "backends drain a:1", "routes", "health", "config show", "reload"} {
		t.Run(args, func(t *testing.T) {
			got := run(nil, []string{"ISAME_ADMIN=http://" + address}, strings.Fields(args)...)
			if got.code != ExitUnreachable || !strings.Contains(got.stderr, address) || !strings.Contains(got.stderr, "connection refused") || !strings.Contains(got.stderr, "--admin") {
				t.Errorf("got %+v; want exit 3, the cause and what to do", got)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	p := startProxy(t, "")
	for _, c := range []struct{ name, args, want string }{
		{"pools", "__complete pools ", "api\tleast_connections\nstatic\tround_robin\n:4\n"},
		{"backends", "__complete backends drain ", "10.0.0.1:8080\tapi\n10.0.0.2:8080\tapi\n10.0.0.3:8080\tapi\nunix:/run/isame/spare.sock\tapi\n10.0.1.1:80\tstatic\n:4\n"},
		{"backends of a pool", "__complete backends drain --pool static ", "10.0.1.1:80\tstatic\n:4\n"},
		{"flag", "__complete backends list --pool ", "api\tleast_connections\nstatic\tround_robin\n:4\n"},
		{"admin flag is used", "__complete --admin " + p.url + " pools ", "api\tleast_connections\nstatic\tround_robin\n:4\n"},
		{"nobody answers", "__complete --admin http://127.0.0.1:1 pools ", ":4\n"},
		{"wrong address", "__complete --admin x pools ", ":4\n"},
		{"formats", "__complete status -o ", "table\njson\nyaml\n:4\n"},
		{"second argument", "__complete pools api ", ":4\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := strings.Fields(c.args)
			got := run(p, nil, append(args, "")...)
			if got.stdout != c.want {
				t.Errorf("got %q; want %q", got.stdout, c.want)
			}
		})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := run(nil, nil, "completion", shell); got.code != ExitDone || !strings.Contains(got.stdout, "__complete") {
			t.Errorf("%s: got exit %d and %d bytes", shell, got.code, len(got.stdout))
		}
	}
}

// brokenPipe is a stdout that is gone.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	p := startProxy(t, "")
	var stderr bytes.Buffer
	code := Run(t.Context(), Env{Stdout: brokenPipe{}, Stderr: &stderr, Now: time.Now}, []string{"status", "--admin", p.url})
	if code != ExitFailed || !strings.Contains(stderr.String(), "cannot write the output") {
		t.Errorf("got %d %q; want 1 and the cause", code, stderr.String())
	}
}
