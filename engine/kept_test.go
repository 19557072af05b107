package engine

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/pool"
)

// shifting draws configurations that have much in common.
type shifting struct {
	*rand.Rand
	parts map[string]string // by path; what was not drawn anew stays
}

// one redraws a part of the configuration now and then.
func (s *shifting) one(part string, words ...string) string {
	if _, drawn := s.parts[part]; !drawn || s.IntN(12) == 0 {
		s.parts[part] = words[s.IntN(len(words))]
	}
	return s.parts[part]
}

func (s *shifting) listeners() (text string) {
	text = "listeners:\n  web: {address: \"127.0.0.1:0\"}\n"
	if s.one("listeners", "", "", "", "alt") != "" {
		text += "  alt: {address: \"127.0.0.1:0\"}\n"
	}
	return text
}

func (s *shifting) pool(name string) string {
	backends := s.one(name+" backends", "{address: \"127.0.0.1:1\"}", "{address: \"127.0.0.1:1\", weight: 3}, {address: \"127.0.0.1:2\"}",
		"{address: \"127.0.0.1:2\", max_requests: 4}, {address: \"127.0.0.1:3\", backup: true}")
	return fmt.Sprintf("  %s: {algorithm: %s, backends: [%s]%s}\n", name, s.one(name+" algorithm", "round_robin", "p2c", "random", "maglev"), backends,
		s.one(name+" keys", "", "", ", timeouts: {read: 3s}", ", sticky: {}", ", concurrency: {max_requests: 9}", ", hash_on: path"))
}

func (s *shifting) action(name string) string {
	return s.one(name+" action", "pool: p0", "pool: p1", "pool: p2", "split: {p0: 1, p2: 3}", "split: {p1: 2, p2: 0}, split_on: path", "pool: p1, mirror: {pool: p2}",
		"pool: p0, retry: {attempts: 4}", "pool: p2, hedge: {after: 7ms}", "redirect: {to: /other}", "respond: {status: 201, body: made}",
		"respond: {file: testdata/denied.html}", "respond: {headers: {X-Path: \"{path}\"}}", "files: {root: testdata}")
}

func (s *shifting) route(name string) string {
	return fmt.Sprintf("  %s: {%s, %s, timeout: %s, access_log: %s%s}\n", name, s.action(name),
		s.one(name+" asks", "path_prefix: /"+name, "path: /"+name, "path_regex: ^/"+name, "path_prefix: /"+name+", priority: 1", "path_prefix: /"+name+", hosts: [a.test]",
			"path_prefix: /"+name+", hosts_regex: [^a]", "path_prefix: /"+name+", methods: [GET]"),
		s.one(name+" timeout", "1s", "2s"), s.one(name+" log", "true", "false"),
		s.one(name+" stages", "", "", ", middleware: [one]", ", middleware: [one, two]", ", middleware: [both]", ", skip: [three]"))
}

// text is the next configuration.
func (s *shifting) text() string {
	var b strings.Builder
	b.WriteString(s.listeners() + "pools:\n")
	for i := range 3 {
		b.WriteString(s.pool(fmt.Sprintf("p%d", i)))
	}
	fmt.Fprintf(&b, "middleware:\n  one: {type: headers, request: {set: {X-One: %s}}}\n  two: {type: %s}\n  both: {type: chain, stages: [one, two]}\n  three: {type: buffer}\n",
		s.one("one", "a", "b"), s.one("two", "buffer", "compress"))
	skips := false
	var routes strings.Builder
	routes.WriteString("routes:\n")
	for i := range 8 {
		name := fmt.Sprintf("r%d", i)
		if s.one(name, "", "", "", "absent") == "" {
			line := s.route(name)
			skips = skips || strings.Contains(line, "skip")
			routes.WriteString(line)
		}
	}
	routes.WriteString("  last: {pool: p0}\n")
	if skips || s.one("defaults", "", "", "three") != "" { // what is skipped has to be there
		b.WriteString("defaults: {middleware: [three]}\n")
	}
	b.WriteString(routes.String() + "shutdown: {drain: 5s}\n")
	return b.String()
}

// TestTablesBuiltOnOthersAreLikeFreshOnes: whatever was kept over a row of reloads, some of
// them refused, the table says and does what one does that is built from nothing.
func TestTablesBuiltOnOthersAreLikeFreshOnes(t *testing.T) {
	s := &shifting{rand.New(rand.NewPCG(7, 7)), map[string]string{}}
	r := start(t, s.text(), "")
	e := r.engine
	kept, linked := 0, 0
	for step := range 200 {
		was := e.table.Load()
		text := s.text()
		cfg := parse(t, text, "")
		if s.IntN(10) == 0 {
			refused := parse(t, text, "")
			p := refused.Pools["p1"]
			p.Algorithm = "none"
			refused.Pools["p1"] = p
			if err := e.Apply(refused); err == nil || e.table.Load() != was {
				t.Fatalf("step %d: an unknown algorithm: %v", step, err)
			}
		}
		if err := e.Apply(cfg); err != nil {
			t.Fatalf("step %d: %v\n%s", step, err, text)
		}
		now := e.table.Load()
		for _, entry := range now.routes {
			if slices.Contains(was.routes, entry) {
				kept++
			}
		}
		for name, entry := range now.entries {
			if was.entries[name] == entry {
				linked++
			}
		}
		fresh := freshTable(t, e, cfg)
		if problem := unlike(now, fresh, s.Rand); problem != "" {
			t.Fatalf("step %d: %s\n%s", step, problem, text)
		}
		fresh.pools.Retire(nil, 0)
	}
	if kept < 100 || linked < 200 {
		t.Errorf("kept %d routes and %d pools; that is too few to say anything", kept, linked)
	}
}

// freshTable compiles a running configuration from nothing.
func freshTable(t *testing.T, e *Engine, cfg *config.Config) *table {
	t.Helper()
	e.apply.Lock()
	defer e.apply.Unlock()
	opened, err := e.openListeners(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(opened.listeners); n > 0 {
		t.Fatalf("opened %d listeners; want those that run", n)
	}
	e.apply.stages.Begin()
	defer e.apply.stages.End(false)
	fresh := &table{cfg: cfg}
	b := e.builder(cfg, fresh, nil)
	if err := b.build(opened); err != nil {
		t.Fatal(err)
	}
	return fresh
}

// unlike says in what two tables of one configuration differ.
func unlike(got, want *table, random *rand.Rand) string {
	if !slices.Equal(got.index.Names(), want.index.Names()) || len(got.routes) != len(want.routes) {
		return fmt.Sprintf("routes %q; want %q", got.index.Names(), want.index.Names())
	}
	for i, r := range got.routes {
		if a, b := got.index.Description(i), want.index.Description(i); !reflect.DeepEqual(a, b) {
			return fmt.Sprintf("described as %+v; want %+v", a, b)
		}
		if problem := unlikeRoutes(got, r, want.routes[i]); problem != "" {
			return fmt.Sprintf("route %s: %s", want.routes[i].name, problem)
		}
	}
	for name, e := range got.entries {
		if problem := unlikePools(got, e, want.entries[name]); problem != "" {
			return fmt.Sprintf("pool %s: %s", name, problem)
		}
	}
	for range 50 {
		path := fmt.Sprintf("/r%d%s", random.IntN(9), []string{"", "/x", "x"}[random.IntN(3)])
		q := route.Query{Listener: random.IntN(2), Request: match.Request{
			Host: []byte([]string{"a.test", "b.test", ""}[random.IntN(3)]), Method: []byte([]string{"GET", "HEAD", "POST"}[random.IntN(3)]), Path: []byte(path),
		}}
		if a, b := got.index.Lookup(&q), want.index.Lookup(&q); a != b {
			return fmt.Sprintf("%s %s%s takes route %d; want %d", q.Method, q.Host, path, a, b)
		}
	}
	return ""
}

func unlikeRoutes(t *table, a, b *routeEntry) string {
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"name", a.name, b.name},
		{"action", a.action, b.action},
		{"pools", a.poolNames, b.poolNames},
		{"split", a.split, b.split},
		{"split on", a.splitOn, b.splitOn},
		{"split keyed", a.splitKeyed, b.splitKeyed},
		{"sticky", a.sticky, b.sticky},
		{"timeout", a.timeout, b.timeout},
		{"retry", a.retry, b.retry},
		{"hedge", a.hedge, b.hedge},
		{"redirect", a.redirect, b.redirect},
		{"status", a.status, b.status},
		{"body", a.body, b.body},
		{"content type", a.contentType, b.contentType},
		{"fields", a.fields, b.fields},
		{"files", a.files != nil, b.files != nil},
		{"unlogged", a.unlogged, b.unlogged},
		{"mirrors", a.mirrors, b.mirrors},
		{"listeners counted", len(a.stats), len(b.stats)},
		{"fallbacks", len(a.fallbacks), len(b.fallbacks)},
		{"stages", a.chain == nil, b.chain == nil},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			return fmt.Sprintf("%s: got %+v; want %+v", c.what, c.got, c.want)
		}
	}
	if a.chain != nil && (a.chain.Len() != b.chain.Len() || a.chain.Responds() != b.chain.Responds() || a.chain.Mirrors() != b.chain.Mirrors()) {
		return fmt.Sprintf("%d stages; want %d", a.chain.Len(), b.chain.Len())
	}
	for i, e := range a.pools {
		if e != t.entries[a.poolNames[i]] {
			return "its pool " + a.poolNames[i] + " is not the table's"
		}
	}
	return ""
}

func unlikePools(t *table, a, b *poolEntry) string {
	if a.Pool != t.pools.Pool(a.Name()) || a.asks.Pool != a.Pool {
		return "it is not that of the set"
	}
	blank := func(s pool.Status) pool.Status {
		for i := range s.Backends {
			s.Backends[i].Since = b.Status().Backends[0].Since
		}
		return s
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"status", blank(a.Status()), blank(b.Status())},
		{"hashes", a.hashes, b.hashes},
		{"hash on", a.HashOn(), b.HashOn()},
		{"limiter", a.limiter == nil, b.limiter == nil},
		{"sticky", a.sticky, b.sticky},
		{"timeouts", a.timeouts, b.timeouts},
		{"stats", a.stats, b.stats},
		{"backends", len(a.backends), len(b.backends)},
		{"announces", a.announces, b.announces},
		{"read", a.asks.Read, b.asks.Read},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			return fmt.Sprintf("%s: got %+v; want %+v", c.what, c.got, c.want)
		}
	}
	for i := range a.backends {
		if a.backends[i] != b.backends[i] {
			return fmt.Sprintf("backend %d counts elsewhere", i)
		}
	}
	picked := func(p *poolEntry) map[string]bool {
		all := map[string]bool{}
		for i := range uint64(40) {
			if m, _ := p.Pick(pool.Query{Random: i * 0x9E3779B97F4A7C15, Hash: i * 0x9E3779B97F4A7C15}); m != nil {
				all[m.Address()] = true
			}
		}
		return all
	}
	if got, want := picked(a), picked(b); !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("picks %v; want %v", got, want)
	}
	return ""
}

// TestExchangesGoOnDuringReloads: clients that ask all the time meet nothing of reloads that
// change a route, a pool, the stages of all routes, or nothing.
func TestExchangesGoOnDuringReloads(t *testing.T) {
	backends := []string{backend(t, echo), backend(t, echo)}
	text := func(timeout, slow, value string) string {
		return `
listeners: {web: {address: "127.0.0.1:0"}}
defaults: {middleware: [mark]}
middleware: {mark: {type: headers, response: {set: {X-Mark: ` + value + `}}}}
routes:
  all: {pool: p, timeout: ` + timeout + `}
  other: {path_prefix: /other, pool: q}
pools:
  p: {backends: [{address: "` + backends[0] + `"}, {address: "` + backends[1] + `"}], slow_start: ` + slow + `}
  q: {backends: [{address: "` + backends[1] + `"}]}
shutdown: {drain: 5s}
`
	}
	r := start(t, text("9s", "0s", "a"), "")
	var stop atomic.Bool
	var asked atomic.Int64
	var clients sync.WaitGroup
	for i := range 4 {
		c := r.dial()
		path := []string{"/", "/other"}[i%2]
		clients.Go(func() {
			for !stop.Load() {
				renew(c)
				c.send("GET " + path + " HTTP/1.1\r\nHost: a.test\r\n\r\n")
				a := c.receive(http.MethodGet)
				if a.StatusCode != http.StatusOK || a.Header.Get("X-Mark") == "" {
					t.Errorf("got %d, marked %q", a.StatusCode, a.Header.Get("X-Mark"))
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 60 {
		before := asked.Load()
		r.apply(text(fmt.Sprintf("%ds", 8+i/2%2), fmt.Sprintf("%ds", i/4%2), []string{"a", "b"}[i/8%2]), "")
		for asked.Load() < before+4 && !t.Failed() {
			runtime.Gosched()
		}
	}
	stop.Store(true)
	clients.Wait()
	standing := func() string { // the last bytes of an answer come before its end is noted
		var text strings.Builder
		for _, s := range r.engine.Pools() {
			fmt.Fprintf(&text, "%s: %d failures, %d in flight; ", s.Name, s.Failures, s.InFlight)
		}
		return text.String()
	}
	const want = "p: 0 failures, 0 in flight; q: 0 failures, 0 in flight; "
	eventually(t, standing, func() bool { return standing() == want })
}
