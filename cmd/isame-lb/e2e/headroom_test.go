package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// headroomSaid is what the admin endpoint says of the headroom.
type headroomSaid struct {
	Summary          string   `json:"summary"`
	Concluded        bool     `json:"concluded"`
	Times            *float64 `json:"times"`
	TargetMS         *float64 `json:"target_ms"`
	TargetConfigured bool     `json:"target_configured"`
	Limits           []struct {
		Limit string   `json:"limit"`
		Name  string   `json:"name"`
		Use   float64  `json:"use"`
		Most  float64  `json:"most"`
		Times *float64 `json:"times"`
	} `json:"limits"`
}

func (p *proxy) headroom(t *testing.T) (h headroomSaid) {
	t.Helper()
	a := get(t, "http://"+p.admin+"/api/v1/headroom")
	if err := json.Unmarshal(a.body, &h); err != nil || a.status != http.StatusOK {
		t.Fatalf("headroom: status %d, %v: %s", a.status, err, a.body)
	}
	return h
}

// TestHeadroomNamesTheLimitThatComesFirst holds 8 requests in a pool that takes 10.
func TestHeadroomNamesTheLimitThatComesFirst(t *testing.T) {
	const held = 8
	release := make(chan struct{})
	b := newBackend(t, func(http.ResponseWriter, *http.Request) { <-release })
	p := start(t, header+"headroom: {target_p99: 50ms}\nroutes: {all: {pool: p, timeout: 5m}}\n"+
		"pools: {p: {backends: "+members(b)+", concurrency: {max_requests: 10}, timeouts: {read: 5m}}}\n")
	var clients sync.WaitGroup
	for range held {
		clients.Go(func() { get(t, p.url("/")) })
	}
	defer clients.Wait()
	defer close(release)
	eventually(t, "the pool is the first limit", func() string {
		h := p.headroom(t)
		if !h.Concluded || h.Limits[0].Limit != "pool_requests" || h.Limits[0].Name != "p" || h.Limits[0].Use < held-0.5 {
			return fmt.Sprintf("%+v", h)
		}
		return ""
	})
	h := p.headroom(t)
	if first := h.Limits[0]; h.Times == nil || *h.Times < 0.7 || *h.Times > 1.26 || *first.Times != *h.Times || first.Most != 10 {
		t.Errorf("got %+v; want 1.25 times at most", h)
	}
	if h.TargetMS == nil || *h.TargetMS != 50 || !h.TargetConfigured {
		t.Errorf("got %+v; want the target of the configuration", h)
	}
	if got := p.metric("isame_headroom_ratio"); got < 0.7 || got > 1.26 {
		t.Errorf("isame_headroom_ratio: got %v; want 1.25 at most", got)
	}
	if got := p.metric("isame_headroom_limit_ratio", "limit", "pool_requests"); got < 0.7 || got > 1.26 {
		t.Errorf("isame_headroom_limit_ratio: got %v; want 1.25 at most", got)
	}
	code, said := ctl(t, p.admin, "headroom")
	if said = strings.Join(strings.Fields(said), " "); code != 0 || !strings.Contains(said, "First limit: requests in progress in pool p (8 of 10).") {
		t.Errorf("isame-ctl headroom: exit %d: %s", code, said)
	}
	tab := openTab(t, p.admin)
	tab.says(".figure", "Headroom\n1.")
	tab.says("main table", "requests in progress in pool p (8 of 10)")
	tab.shoot("headroom")
	if code, said := ctl(t, p.admin, "status"); code != 0 || !strings.Contains(said, "of the present load; first limit: requests in p") {
		t.Errorf("isame-ctl status: exit %d:\n%s", code, said)
	}
}

// TestIdleProcessCannotTellItsHeadroom: neither at the start nor later.
func TestIdleProcessCannotTellItsHeadroom(t *testing.T) {
	t.Parallel()
	p := start(t, header+"routes: {all: {respond: {body: hello}}}\n")
	if h := p.headroom(t); h.Concluded || h.Times != nil || !strings.HasPrefix(h.Summary, "Cannot tell yet: it has looked for") {
		t.Errorf("at the start: got %+v; want that it is too early", h)
	}
	get(t, p.url("/")).wantStatus(t, http.StatusOK)
	eventually(t, "it has too little to do", func() string {
		h := p.headroom(t)
		if h.Concluded || h.Times != nil {
			t.Fatalf("got %+v; want nothing told", h)
		}
		if !strings.HasPrefix(h.Summary, "Cannot tell yet: requests in the last") {
			return h.Summary
		}
		return ""
	})
	if metrics := get(t, "http://"+p.admin+"/metrics").body; strings.Contains(string(metrics), "\nisame_headroom_ratio ") {
		t.Error("isame_headroom_ratio is there; want none without an estimate")
	}
}
