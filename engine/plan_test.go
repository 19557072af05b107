package engine

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isame-lb/isame-lb/engine/explain"
)

// planText has a pool that hashes over some backends.
func planText(backends []string, more string) string {
	list := make([]string, len(backends))
	for i, b := range backends {
		list[i] = fmt.Sprintf("{address: %q}", b)
	}
	return `
listeners: {web: {address: "127.0.0.1:0"}}
shutdown: {drain: 5s}
pools:
  hashed: {algorithm: maglev, hash_on: "header:X-User", backends: [` + strings.Join(list, ", ") + `]}
  stuck: {sticky: {secret: one}, backends: [` + strings.Join(list, ", ") + `]}
` + more
}

// The share of keys that move is that of the clients who meet another backend afterwards.
func TestPlanSaysHowManyKeysMove(t *testing.T) {
	var backends []string
	for range 3 {
		backends = append(backends, backend(t, tellWhatCame))
	}
	const routes = `routes:
  all: {pool: hashed}
  split: {path_prefix: /split, split: {hashed: 1, stuck: %d}, split_on: "header:X-User"}
`
	r := start(t, planText(backends, fmt.Sprintf(routes, 1)), "")
	owners := func() []string {
		var all []string
		for i := range 300 {
			resp, _ := r.ask("GET", "/", fmt.Sprintf("X-User: user-%d", i))
			all = append(all, resp.Header.Get("X-Backend"))
		}
		return all
	}
	before := owners()
	next := planText(backends[:2], fmt.Sprintf(routes, 3))
	p, err := r.engine.Plan(parse(t, next, ""))
	if err != nil {
		t.Fatal(err)
	}
	shares := map[string]float64{}
	for _, k := range p.Keys {
		shares[k.Kind+" "+k.Name+" "+k.By] = k.Share
	}
	r.apply(next, "")
	moved := 0
	for i, owner := range owners() {
		if owner != before[i] {
			moved++
		}
	}
	if got, want := shares["pool hashed hash_on header:x-user"], float64(moved)/300; got < want-0.12 || got > want+0.12 || want == 0 {
		t.Errorf("got a share of %.3f; %.3f have moved", got, want)
	}
	if got := shares["pool stuck sticky"]; got < 0.33 || got > 0.34 {
		t.Errorf("sticky: got %.3f; want a third", got)
	}
	if got := shares["route split split_on header:x-user"]; got < 0.2 || got > 0.3 {
		t.Errorf("split: got %.3f; want a quarter, as of one half another half goes", got)
	}
	if p, err = r.engine.Plan(parse(t, next, "")); err != nil || len(p.Keys) != 0 {
		t.Errorf("got %+v, %v; want nothing to move any more", p.Keys, err)
	}
}

// Tunnels, limits and sockets are counted as they are.
func TestPlanSaysWhatLivesOnWhatChanges(t *testing.T) {
	const before = `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {chat: {path: /chat, pool: p}, all: {pool: p, middleware: [limit, kept]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  limit: {type: rate_limit, rate: 1, per: 1h, burst: 5, key: "header:X-Key"}
  kept: {type: rate_limit, rate: 1, per: 1h, burst: 5, key: "header:X-Key"}
shutdown: {drain: 5s}
`
	b := switched(t, upgradeAnswer, echoBack)
	r := start(t, before, b)
	for i := range 7 {
		r.ask("GET", "/", fmt.Sprintf("X-Key: %d", i))
	}
	c := r.dial()
	c.upgrade()
	eventually(t, func() string { return "one tunnel" }, func() bool { return r.tunnels() == 1 })
	after := strings.NewReplacer("path: /chat", "path: /talk", "burst: 5", "burst: 6, max_keys: 100", `{address: "127.0.0.1:0"}`, `{address: "127.0.0.1:0", h2c: true}, more: {address: "127.0.0.1:0"}`).
		Replace(strings.Replace(before, "kept: {type: rate_limit, rate: 1, per: 1h, burst: 5", "kept: {type: rate_limit, status: 503, rate: 1, per: 1h, burst:  5", 1))
	p, err := r.engine.Plan(parse(t, after, b))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]explain.Connections{}
	for _, c := range p.Connections {
		found[c.Kind+" "+c.Name] = c
	}
	if c := found["route chat"]; c.Tunnels != 1 || c.Change != explain.Changes {
		t.Errorf("got %+v; want the tunnel of the route", p.Connections)
	}
	if c := found["listener web"]; c.Tunnels != 1 || c.Change != explain.Changes {
		t.Errorf("got %+v; want the tunnel of the listener", p.Connections)
	}
	if len(p.Limiters) != 1 || p.Limiters[0].Stage != "limit" || p.Limiters[0].Keys != 7 {
		t.Errorf("got %+v; want the 7 keys of the one that is defined anew", p.Limiters)
	}
	if len(p.Sockets) != 1 || p.Sockets[0] != (explain.Socket{Listener: "more", Network: "tcp", Address: "127.0.0.1:0", Action: explain.Binds}) {
		t.Errorf("got %+v; want the new one", p.Sockets)
	}
	p, err = r.engine.Plan(parse(t, strings.NewReplacer("web:", "other:", "chat: {path: /chat, pool: p}, ", "", "limit, kept", "kept", "p:", "q:", "pool: p", "pool: q").Replace(before), b))
	if err != nil {
		t.Fatal(err)
	}
	goes := 0
	for _, c := range p.Connections {
		if c.Change == explain.Goes {
			goes++
		}
	}
	if goes != 3 || len(p.Sockets) != 2 {
		t.Errorf("got %+v, %+v; want listener, route and pool to go, and two sockets", p.Connections, p.Sockets)
	}
	c.stop()
	eventually(t, func() string { return "no tunnel" }, func() bool { return r.tunnels() == 0 })
	if p, err = r.engine.Plan(parse(t, after, b)); err != nil || found["route chat"].Tunnels == 0 {
		t.Errorf("got %v", err)
	}
	for _, c := range p.Connections {
		if c.Tunnels != 0 {
			t.Errorf("got %+v; want no tunnel any more", c)
		}
	}
}

// Asking what a configuration would do opens nothing, asks nobody, and leaves nothing
// behind, however large the difference is.
func TestCandidateLeavesNothingBehind(t *testing.T) {
	var probes atomic.Int64
	b := backend(t, func(_ http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/health" {
			probes.Add(1)
		}
	})
	r := start(t, plain, b)
	r.ask("GET", "/")
	next := parse(t, `
listeners: {web: {address: "127.0.0.1:0"}, acme: {address: "127.0.0.1:0", tls: {acme: {email: a@b.test, hosts: [a.test], directory: "https://127.0.0.1:1/dir", storage: "`+t.TempDir()+`"}}}}
routes: {new: {pool: probed, hedge: {after: 1s}}, found: {path: /found, pool: found}, tls: {hosts: [a.test], pool: probed, middleware: [limit, who]}}
pools:
  probed: {backends: [{address: "{{backend}}"}], health_check: {type: http, path: /health, interval: 10ms}, circuit_breaker: {window: 3s}}
  found: {discovery: {dns: {name: "x.invalid", port: 80}}}
middleware: {limit: {type: rate_limit, rate: 1}, who: {type: affinity, response_header: Mcp-Session-Id}}
shutdown: {drain: 5s}
`, b)
	metrics := func() string {
		var text bytes.Buffer
		r.engine.registry.WriteMetrics(&text, "")
		return text.String()
	}
	ask := func() {
		if _, err := r.engine.Plan(next); err != nil {
			t.Fatal(err)
		}
		e, err := r.engine.ExplainBy(next, &explain.Question{URL: "http://x.test/found"})
		if err != nil || e.Route.Name != "found" || e.Reply == nil || e.Reply.Cause != "no_backends" {
			t.Fatalf("got %+v, %v; want the route of the candidate, whose pool knows nobody", e, err)
		}
	}
	ask()
	routines, table, slots := runtime.NumGoroutine(), r.engine.table.Load(), r.engine.apply.slots
	for range 20 {
		ask()
	}
	eventually(t, func() string { return fmt.Sprintf("%d goroutines, as before", routines) }, func() bool { return runtime.NumGoroutine() <= routines })
	if text := metrics(); strings.Contains(text, "probed") || strings.Contains(text, `"found"`) || strings.Contains(text, "acme") {
		t.Errorf("what does not run is in the metrics: %s", text)
	}
	if r.engine.table.Load() != table || r.engine.apply.slots != slots || len(r.engine.apply.listeners) != 1 || probes.Load() != 0 {
		t.Errorf("another table, %d slots, %d listeners, %d probes", r.engine.apply.slots, len(r.engine.apply.listeners), probes.Load())
	}
	if _, there := r.engine.apply.learnt["new"]; there {
		t.Error("something was learnt of a route that does not run")
	}
	var busy net.Listener
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	taken := parse(t, strings.Replace(plain, "127.0.0.1:0", busy.Addr().String(), 1), b)
	if p, err := r.engine.Plan(taken); err != nil || len(p.Sockets) != 2 {
		t.Errorf("got %+v, %v; want no attempt to bind", p, err)
	}
}

// A candidate shares limits with what runs where they are the same, and changes none.
func TestExplainByLooksAtTheLimitsThatRun(t *testing.T) {
	text := plain + "defaults: {middleware: [limit, who]}\nmiddleware: {limit: {type: rate_limit, rate: 1, per: 1h, burst: 2}, who: {type: affinity, response_header: X-S, ttl: 1h}}\n"
	b := backend(t, func(http.ResponseWriter, *http.Request) {})
	r := start(t, text, b)
	if got := r.statuses(2); got != "200 200" {
		t.Fatalf("got %s", got)
	}
	for _, c := range []struct {
		name, text string
		status     int
	}{
		{"the same limit", strings.Replace(text, "ttl: 1h", "ttl: 1s", 1), 429},
		{"another limit", strings.Replace(text, "burst: 2", "burst: 3", 1), 0},
	} {
		e, err := r.engine.ExplainBy(parse(t, c.text, b), &explain.Question{URL: "http://a.test/"})
		if err != nil {
			t.Fatal(err)
		}
		status := 0
		if e.Reply != nil {
			status = e.Reply.Status
		}
		if status != c.status {
			t.Errorf("%s: got %d; want %d", c.name, status, c.status)
		}
	}
	if got := r.statuses(1); got != "429" {
		t.Errorf("got %s; want the limit as it was", got)
	}
}

// Heads of all versions are kept, without what may be a secret.
func TestSampleKeepsHeadsOfAllVersions(t *testing.T) {
	b := backend(t, func(http.ResponseWriter, *http.Request) {})
	r := start(t, strings.Replace(plain, `"127.0.0.1:0"`, `"127.0.0.1:0", h2c: true`, 1), b)
	r.ask("POST", "/a?b=c&d", "X-A: 1", "Cookie: a=b", "X-Api-Key: s3cret", "Host: h.test")
	resp, err := r.h2Client().Get("http://" + r.address + "/two")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	r.awaitEnds()
	var texts []string
	for _, h := range r.engine.sampler.Heads() {
		texts = append(texts, fmt.Sprintf("%d %s %s", h.Version, h.Peer, h.Text()))
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{"0 127.0.0.1 POST /a?b=&d HTTP/1.1\r\nHost: h.test\r\n", "X-A: 1\r\n", "Cookie: ***\r\n", "X-Api-Key: ***\r\n", "1 127.0.0.1 GET /two HTTP/1.1\r\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("got %q; want %q in it", all, want)
		}
	}
}
