package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// startDefault runs the embedded default, moved to free ports.
func startDefault(t *testing.T) *proxy {
	t.Helper()
	p := launch(t, "", "--set", "listeners.web.address=127.0.0.1:0", "--set", "admin.address=127.0.0.1:0")
	p.waitReady()
	return p
}

func TestDefaultAnswersHealthItself(t *testing.T) {
	p := startDefault(t)
	a := get(t, p.url("/health")).wantStatus(t, 200)
	if a.header.Get("X-Backend") != "" {
		t.Errorf("a backend answered: %v", a.header)
	}
}

func TestDefaultServicePage(t *testing.T) {
	p := startDefault(t)
	for _, c := range []struct{ name, accept, wantType, wantText string }{
		{"browser", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html", "<h1"},
		{"json", "application/json", "application/json", `"uptime"`},
		{"curl", "*/*", "application/json", `"version"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := get(t, p.url("/"), "Accept", c.accept).wantStatus(t, 200)
			if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, c.wantType) {
				t.Errorf("Content-Type: got %q; want %q", got, c.wantType)
			}
			if !strings.Contains(string(a.body), c.wantText) {
				t.Errorf("body lacks %q: %s", c.wantText, a.body)
			}
		})
	}
}

// TestDefaultThreeBackends is the first thing a newcomer tries.
func TestDefaultThreeBackends(t *testing.T) {
	p := startDefault(t)
	backends := map[string]bool{}
	for range 3 {
		backends[demoName(t, get(t, p.url("/anything")))] = true
	}
	if len(backends) != 3 {
		t.Errorf("three requests reached %v; want three backends", backends)
	}
	if page := curl(t, "-i", p.url("/anything")); !strings.HasPrefix(page, "HTTP/1.1 200 ") {
		t.Errorf("curl got %q; want status 200", page)
	}
}

// TestDefaultStoppedBackendCostsNothing stops a demo backend while requests come.
func TestDefaultStoppedBackendCostsNothing(t *testing.T) {
	p := startDefault(t)
	stopped := p.pool("demo").Backends[0].Address
	names := map[string]bool{}
	for range 6 {
		names[demoName(t, get(t, p.url("/anything")))] = true
	}
	exchange(t, request(t, http.MethodPost, "http://"+stopped+"/stop?for=5m", "")).wantStatus(t, 200)
	for range 60 {
		get(t, p.url("/anything")).wantStatus(t, 200)
		exchange(t, request(t, http.MethodPost, p.url("/anything"), "a body")).wantStatus(t, 200)
	}
	eventually(t, "the stopped backend is found out", func() string {
		if b := p.pool("demo").Backends[0]; b.Up {
			return b.Health + ": " + b.Reason
		}
		return ""
	})
	if len(names) != 3 {
		t.Errorf("before the stop, got backends %v; want three", names)
	}
}

// TestDefaultLogSaysWhatToTry reads the first lines as a newcomer does.
func TestDefaultLogSaysWhatToTry(t *testing.T) {
	p := startDefault(t)
	if line := p.log.find("try: curl"); line == nil {
		t.Error("the log does not say what to try")
	}
}

func demoName(t *testing.T, a answer) string {
	t.Helper()
	a.wantStatus(t, 200)
	var v struct {
		Backend string `json:"backend"`
	}
	if err := json.Unmarshal(a.body, &v); err != nil || v.Backend == "" {
		t.Fatalf("not an answer of a demo backend (%v): %s", err, a.body)
	}
	return v.Backend
}
