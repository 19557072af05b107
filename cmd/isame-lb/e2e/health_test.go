package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// probed is a backend whose health the test decides.
func probed(t *testing.T) (*backend, *atomic.Pointer[string]) {
	t.Helper()
	var body atomic.Pointer[string]
	good := `{"status":"ok"}`
	body.Store(&good)
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			text := *body.Load()
			if strings.HasPrefix(text, "!") {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = io.WriteString(w, strings.TrimPrefix(text, "!"))
		}
	})
	return b, &body
}

func waitUp(t *testing.T, p *proxy, index int, up bool, reason string) {
	t.Helper()
	eventually(t, fmt.Sprintf("backend %d has up=%v", index, up), func() string {
		b := p.pool("p").Backends[index]
		if b.Up == up && strings.Contains(b.Reason, reason) {
			return ""
		}
		return fmt.Sprintf("up=%v: %s", b.Up, b.Reason)
	})
}

// TestHealthChecks takes a backend out for each kind of failure, shows the
// reason, and takes it back.
func TestHealthChecks(t *testing.T) {
	b, body := probed(t)
	other := newBackend(t, nil)
	p := start(t, header+`
routes: {all: {pool: p}}
pools:
  p:
    panic_threshold: 0
    health_check:
      {type: http, path: /healthz, interval: 200ms, timeout: 200ms, healthy_after: 2, unhealthy_after: 2, expect_json: {status: ok}}
    backends: `+members(b)+"\n")
	waitUp(t, p, 0, true, "")
	for _, c := range []struct{ name, body, reason string }{
		{"status", `!{"status":"ok"}`, "500"},
		{"value", `{"status":"sick"}`, "sick"},
		{"no JSON", `ok`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := body.Swap(&c.body)
			waitUp(t, p, 0, false, c.reason)
			if probes := p.pool("p").Backends[0].Probes; len(probes) == 0 || probes[0].OK || probes[0].Reason == "" {
				t.Errorf("probes: got %+v; want the last one failed, with its reason", probes)
			}
			p.eventuallyCounts(0, "isame_backend_up", "pool", "p")
			body.Store(good)
			waitUp(t, p, 0, true, "")
			p.eventuallyCounts(1, "isame_backend_up", "pool", "p")
		})
	}
	if other.requests.Load() != 0 {
		t.Error("a backend that is not configured was probed")
	}
}

// TestFirstProbeIsAtOnce has an interval nobody can wait for.
func TestFirstProbeIsAtOnce(t *testing.T) {
	b, body := probed(t)
	bad := "!down"
	body.Store(&bad)
	p := start(t, header+`
routes: {all: {pool: p}}
pools:
  p:
    panic_threshold: 0
    health_check: {type: http, path: /healthz, interval: 1h, timeout: 5s, healthy_after: 1, unhealthy_after: 1}
    backends: `+members(b)+"\n")
	waitUp(t, p, 0, false, "500")
}

// TestKilledBackendCostsNothing kills and revives probed backends under load.
// The route asks for a retry after a reset: without the section only connect
// failures and reused connections are retried, but a backend that dies also
// resets connections it has just accepted.
func TestKilledBackendCostsNothing(t *testing.T) {
	b := newBackends(t, 3)
	p := start(t, header+`
routes: {all: {pool: p, retry: {attempts: 3, on: [connect_failure, reset]}}}
pools:
  p:
    health_check: {type: tcp, interval: 200ms, timeout: 200ms, healthy_after: 1, unhealthy_after: 1}
    circuit_breaker: {failures: 5, open_for: 200ms}
    backends: `+members(b...)+"\n")
	stopLoad := load(t, p.url("/"))
	for _, killed := range b {
		killed.stop()
		waitUp(t, p, indexOf(p, killed), false, "")
		killed.revive()
		waitUp(t, p, indexOf(p, killed), true, "")
	}
	stopLoad()
}

func indexOf(p *proxy, b *backend) int {
	for i, member := range p.pool("p").Backends {
		if member.Address == b.address {
			return i
		}
	}
	return -1
}
