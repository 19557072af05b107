package e2e

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// ctl runs isame-ctl against a proxy and returns exit code and output.
func ctl(t *testing.T, admin string, args ...string) (int, string) {
	t.Helper()
	return ctlAt(t, "http://"+admin, args...)
}

// ctlAt is ctl for any kind of address.
func ctlAt(t *testing.T, admin string, args ...string) (int, string) {
	t.Helper()
	command := exec.Command(ctlBinary, append([]string{"--admin", admin}, args...)...)
	command.Env = cleanEnvironment()
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatalf("cannot run isame-ctl: %v", err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

func TestAdminEndpoints(t *testing.T) {
	b := newBackends(t, 2)
	p := start(t, toPool(b...))
	get(t, p.url("/")).wantStatus(t, 200)
	for _, c := range []struct{ path, want string }{
		{"/api/v1/status", `"generation"`},
		{"/api/v1/pools", b[0].address},
		{"/api/v1/pools/p", b[1].address},
		{"/api/v1/routes", `"all"`},
		{"/api/v1/listeners", `"web"`},
		{"/api/v1/config", `listeners`},
		{"/api/v1/openapi.json", `"3.1`},
	} {
		t.Run(c.path, func(t *testing.T) {
			a := get(t, "http://"+p.admin+c.path).wantStatus(t, 200)
			if !strings.Contains(string(a.body), c.want) {
				t.Errorf("lacks %q: %s", c.want, a.body)
			}
		})
	}
	for _, path := range []string{"/health", "/ready"} {
		get(t, "http://"+p.admin+path).wantStatus(t, 200)
	}
	missing := get(t, "http://"+p.admin+"/api/v1/pools/none").wantStatus(t, 404)
	if got := missing.header.Get("Content-Type"); !strings.HasPrefix(got, "application/problem+json") {
		t.Errorf("error document: got %q", got)
	}
	if a := get(t, "http://"+p.admin+"/api/v1/status", "Host", "evil.example"); a.status < 400 {
		t.Errorf("a foreign Host was answered %d; want a refusal", a.status)
	}
	if a := exchange(t, request(t, "POST", "http://"+p.admin+"/api/v1/reload", "", "Origin", "http://evil.example")); a.status < 400 {
		t.Errorf("a cross-site change was answered %d; want a refusal", a.status)
	}
}

// TestMetricsUnderTraffic compares the counters with what was sent.
func TestMetricsUnderTraffic(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, header+"routes: {api: {path_prefix: /api, pool: p}}\npools: {p: {backends: "+members(b)+"}}\n")
	for range 5 {
		get(t, p.url("/api")).wantStatus(t, 200)
	}
	for range 3 {
		get(t, p.url("/none")).wantStatus(t, 404)
	}
	p.eventuallyCounts(5, "isame_requests_total", "listener", "web", "route", "api", "code", "200")
	p.eventuallyCounts(3, "isame_requests_total", "listener", "web", "code", "404")
	p.eventuallyCounts(5, "isame_request_duration_seconds", "route", "api")
	p.eventuallyCounts(5, "isame_backend_requests_total", "pool", "p", "backend", b.address, "code", "200")
	p.eventuallyCounts(5, "isame_backend_duration_seconds", "pool", "p")
	p.eventuallyCounts(1, "isame_backend_up", "pool", "p", "backend", b.address)
	p.eventuallyCounts(0, "isame_backend_inflight", "pool", "p", "backend", b.address)
	p.eventuallyCounts(0, "isame_breaker_state", "pool", "p", "backend", b.address)
	p.eventuallyCounts(1, "isame_config_generation")
	families := p.families()
	for _, name := range []string{
		"isame_connections", "isame_bytes_total", "isame_config_reloads_total",
		"go_goroutines", "go_memstats_heap_inuse_bytes", "process_cpu_seconds_total",
	} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if in, out := p.metric("isame_bytes_total", "direction", "in"), p.metric("isame_bytes_total", "direction", "out"); in < 100 || out < 100 {
		t.Errorf("isame_bytes_total: got %v in, %v out; want what was sent", in, out)
	}
	var status struct {
		Generation  uint64 `json:"generation"`
		Connections int64  `json:"connections"`
	}
	p.api("/api/v1/status", &status)
	if status.Generation != 1 {
		t.Errorf("generation: got %d; want 1", status.Generation)
	}
}

// TestConnectionsAreCounted holds one active and one idle connection.
func TestConnectionsAreCounted(t *testing.T) {
	h := newHeld(t)
	p := start(t, header+"routes: {all: {pool: p}, fixed: {path: /fixed, respond: {status: 204}}}\npools: {p: {backends: "+members(h.backend)+"}}\n")
	idle := dial(t, p.address()).send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
	idle.response("GET").wantStatus(t, 204)
	dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-h.arrived
	p.eventuallyCounts(1, "isame_connections", "listener", "web", "state", "active")
	p.eventuallyCounts(1, "isame_connections", "listener", "web", "state", "idle")
	p.eventuallyCounts(1, "isame_backend_inflight", "pool", "p")
	close(h.release)
	p.eventuallyCounts(0, "isame_connections", "listener", "web", "state", "active")
	p.eventuallyCounts(0, "isame_backend_inflight", "pool", "p")
}

func TestCtl(t *testing.T) {
	b := newBackends(t, 2)
	p := start(t, toPool(b...))
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"status"}, []string{"running", "generation 1", "round_robin"}},
		{[]string{"pools"}, []string{"p", "round_robin"}},
		{[]string{"backends", "list"}, []string{b[0].address, b[1].address}},
		{[]string{"routes"}, []string{"all"}},
		{[]string{"health"}, nil},
		{[]string{"config", "show"}, []string{"listeners", b[0].address}},
		{[]string{"version"}, []string{"go1."}},
		{[]string{"completion", "bash"}, []string{"isame-ctl"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, out := ctl(t, p.admin, c.args...)
			if code != 0 {
				t.Errorf("exit code: got %d; want 0", code)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("output lacks %q:\n%s", want, out)
				}
			}
		})
	}
	t.Run("json", func(t *testing.T) {
		code, out := ctl(t, p.admin, "-o", "json", "pools")
		if code != 0 || !json.Valid([]byte(out)) {
			t.Errorf("got code %d, %q; want JSON", code, out)
		}
	})
	t.Run("config check", func(t *testing.T) {
		good, bad := writeConfig(t, responding(204)), writeConfig(t, faulty)
		if code, out := ctl(t, p.admin, "config", "check", good); code != 0 {
			t.Errorf("good file: got code %d; want 0\n%s", code, out)
		}
		if code, out := ctl(t, p.admin, "config", "check", bad); code != 1 || !strings.Contains(out, "did you mean") {
			t.Errorf("bad file: got code %d; want 1 and every problem\n%s", code, out)
		}
	})
}

func TestCtlExitCodes(t *testing.T) {
	p := start(t, responding(204))
	for _, c := range []struct {
		name, admin string
		args        []string
		want        int
	}{
		{"done", p.admin, []string{"status"}, 0},
		{"refused", p.admin, []string{"pools", "none"}, 1},
		{"wrong usage", p.admin, []string{"status", "--no-such-flag"}, 2},
		{"unreachable", freeAddress(t), []string{"status"}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code, out := ctl(t, c.admin, c.args...); code != c.want {
				t.Errorf("exit code: got %d; want %d\n%s", code, c.want, out)
			}
		})
	}
}

// TestRoutesAreListed compares the API with the configuration.
func TestRoutesAreListed(t *testing.T) {
	p := start(t, header+"routes: {b: {path: /b, respond: {status: 204}}, a: {respond: {status: 204}}}\n")
	var routes []struct {
		Name string `json:"name"`
	}
	var raw json.RawMessage
	p.api("/api/v1/routes", &raw)
	if json.Unmarshal(raw, &routes) != nil {
		var wrapped struct {
			Routes json.RawMessage `json:"routes"`
		}
		if err := json.Unmarshal(raw, &wrapped); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(wrapped.Routes, &routes); err != nil {
			t.Fatal(err)
		}
	}
	names := make([]string, 0, len(routes))
	for _, r := range routes {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("got %v; want a, b", names)
	}
}
