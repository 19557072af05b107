package engine

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/pool"
)

// explained asks about a URL.
func (r *rig) explained(q explain.Question) *explain.Explanation {
	r.t.Helper()
	e, err := r.engine.Explain(&q)
	if err != nil {
		r.t.Fatalf("%s: %v", q.URL, err)
	}
	return e
}

// lines are field lines, "Name: value" each.
func lines(texts ...string) (fields []explain.Field) {
	for _, text := range texts {
		name, value, _ := strings.Cut(text, ": ")
		fields = append(fields, explain.Field{Name: name, Value: value})
	}
	return fields
}

const explainText = `
listeners:
  web: {address: "127.0.0.1:0", trusted_proxies: [10.0.0.0/8]}
  edge: {address: "127.0.0.1:0", client_ip_header: CF-Connecting-IP, trusted_proxies: [private], redirect_https: {status: 308, except: {path_prefixes: [/plain]}}}
routes:
  canary: {hosts: [a.test], path_prefix: /api, headers: {X-Env: canary}, pool: p}
  api: {hosts: [a.test], path_prefix: /api, pool: p, timeout: 7s, retry: {attempts: 3, on: [reset]}, hedge: {after: 50ms}}
  rest: {pool: q}
  old: {path: /old, redirect: {to: "https://new.test{uri}"}}
  ping: {path: /ping, respond: {status: 200, body: pong}}
  big: {path: /big, middleware: [small], pool: p}
pools:
  p: {backends: [{address: "{{backend}}"}, {address: "127.0.0.1:1", weight: 3}], algorithm: weighted_round_robin}
  q: {backends: [{address: "{{backend}}"}], algorithm: maglev, hash_on: path}
middleware: {small: {type: buffer_limit, body_bytes: 10B}}
shutdown: {drain: 5s}
`

func TestExplainForward(t *testing.T) {
	r := start(t, explainText, nobody(t))
	e := r.explained(explain.Question{URL: "http://A.test/api//x/../y?z=1", Listener: "web", Fields: lines("Accept: */*")})
	if e.Generation != 1 || e.Reply != nil || e.Forward == nil || e.Route == nil {
		t.Fatalf("got %+v; want a request that is forwarded", e)
	}
	if e.Request.Path != "/api/y" || e.Request.Host != "A.test" || e.Request.Protocol != "HTTP/1.1" || e.Request.Scheme != "http" {
		t.Errorf("request: got %+v", e.Request)
	}
	var tried []string
	for _, c := range e.Candidates {
		tried = append(tried, fmt.Sprintf("%s %s %s %s", c.Route, c.Verdict, c.Predicate, c.Reason))
	}
	want := []string{
		"canary failed headers.x-env there is no header x-env",
		`api won  goes before route "rest": host "a.test" is more specific than "*"`,
		"rest lost  matches as well, but comes later",
	}
	if !slices.Equal(tried, want) {
		t.Errorf("candidates: got %q; want %q", tried, want)
	}
	f := e.Forward
	if f.Method != "GET" || f.Target != "/api//y?z=1" || f.Host != "A.test" || f.Timeout != 7*time.Second || f.Attempts != 3 || !f.Repeatable || f.Hedge == "" {
		t.Errorf("forward: got %+v", f)
	}
	for _, want := range lines("Accept: */*", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: A.test", "Via: 1.1 isame") {
		if !slices.Contains(f.Fields, want) {
			t.Errorf("fields: got %v; want %v among them", f.Fields, want)
		}
	}
	p := f.Pools[0]
	if len(f.Pools) != 1 || p.Name != "p" || p.Share != 1 || p.Pick != "" || p.Members[0].Share != 0.25 || p.Members[1].Share != 0.75 {
		t.Errorf("pool: got %+v", p)
	}
}

func TestExplainChoosesTheListener(t *testing.T) {
	r := start(t, explainText, nobody(t))
	all := r.engine.Listeners() // edge, web
	for _, c := range []struct {
		name, url, asked, want string
	}{
		{"first by name", "http://a.test/plain", "", "edge"},
		{"by name", "http://a.test/", "web", "web"},
		{"by its address", "http://a.test/", all[1].Bound, "web"},
		{"by the port of the URL", "http://a.test" + all[1].Bound[strings.LastIndexByte(all[1].Bound, ':'):] + "/", "", "web"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if e := r.explained(explain.Question{URL: c.url, Listener: c.asked}); e.Listener.Name != c.want || e.Listener.Why == "" {
				t.Errorf("got %+v; want %s", e.Listener, c.want)
			}
		})
	}
	none := ""
	for _, c := range []struct {
		name, want string
		q          explain.Question
	}{
		{"unknown listener", `there is no listener "wed" (did you mean "web"?)`, explain.Question{URL: "a.test", Listener: "wed"}},
		{"HTTP/2 without", "h2c is off", explain.Question{URL: "a.test", Listener: "web", Protocol: "h2"}},
		{"HTTP/3 without", "http3 is off", explain.Question{URL: "a.test", Listener: "web", Protocol: "h3"}},
		{"a name without TLS", "has no TLS", explain.Question{URL: "a.test", Listener: "web", ServerName: &r.address}},
		{"no name without TLS", "", explain.Question{URL: "a.test", Listener: "web", ServerName: &none}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := r.engine.Explain(&c.q)
			if c.want == "" && err == nil {
				return
			}
			if !errors.Is(err, explain.ErrQuestion) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %s", err, c.want)
			}
		})
	}
}

func TestExplainAnswersOfTheProxy(t *testing.T) {
	r := start(t, explainText, nobody(t))
	long := strings.Repeat("x", 20<<10)
	for _, c := range []struct {
		name     string
		q        explain.Question
		status   int
		cause    string
		location string
		by       string
	}{
		{"redirect", explain.Question{URL: "/old?x", Fields: lines("Host: a.test")}, 308, "", "https://new.test/old?x", "route old"},
		{"respond", explain.Question{URL: "a.test/ping"}, 200, "", "", "route ping"},
		{"https first", explain.Question{URL: "http://a.test/x", Listener: "edge"}, 308, "", "https://a.test/x", "redirect_https"},
		{"options", explain.Question{URL: "*", Method: "OPTIONS", Fields: lines("Host: a.test")}, 204, "", "", "the proxy"},
		{"trace", explain.Question{URL: "a.test/", Method: "TRACE"}, 405, "method_not_allowed", "", "TRACE"},
		{"two lengths", explain.Question{URL: "a.test/", Fields: lines("Content-Length: 1", "Content-Length: 2")}, 400, "conflicting_length", "", "the parser"},
		{"two hosts", explain.Question{URL: "/", Fields: lines("Host: a", "Host: b")}, 400, "duplicate_host", "", "the parser"},
		{"bad path", explain.Question{URL: "a.test/%zz"}, 400, "bad_path", "", "the check of paths"},
		{"long head", explain.Question{URL: "a.test/", Fields: lines("X: " + long)}, 431, "header_too_large", "", "the parser"},
		{"long body", explain.Question{URL: "a.test/big", Method: "POST", Fields: lines("Content-Length: 11")}, 413, "body_too_large", "", "the limit of content"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.q.Listener == "" {
				c.q.Listener = "web"
			}
			a := r.explained(c.q).Reply
			if a == nil || a.Status != c.status || a.Cause != c.cause || a.Location != c.location || !strings.Contains(a.By, c.by) {
				t.Errorf("got %+v; want %d %s %s by %s", a, c.status, c.cause, c.location, c.by)
			}
		})
	}
}

func TestExplainWalksToTheClient(t *testing.T) {
	r := start(t, explainText, nobody(t))
	for _, c := range []struct{ name, listener, peer, field, client, hops string }{
		{"a stranger", "web", "9.9.9.9", "X-Forwarded-For: 1.2.3.4", "9.9.9.9", "9.9.9.9"},
		{"through proxies", "web", "10.0.0.1", "X-Forwarded-For: 1.2.3.4, 10.0.0.2", "1.2.3.4", "10.0.0.1 10.0.0.2 1.2.3.4"},
		{"by another field", "edge", "10.0.0.1", "CF-Connecting-IP: 1.2.3.4", "1.2.3.4", "10.0.0.1 1.2.3.4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := r.explained(explain.Question{URL: "http://a.test/plain", Listener: c.listener, Peer: netip.MustParseAddr(c.peer), Fields: lines(c.field)})
			var hops []string
			for _, h := range e.Client.Hops {
				hops = append(hops, h.Address)
			}
			if e.Client.Client != c.client || e.Client.Peer != c.peer || strings.Join(hops, " ") != c.hops {
				t.Errorf("got %+v; want %s by %s", e.Client, c.client, c.hops)
			}
		})
	}
}

func TestExplainSaysThatNobodyIsThere(t *testing.T) {
	r := start(t, explainText, "127.0.0.1:9")
	if err := r.engine.PoolSet().Pool("q").Ask("127.0.0.1:9", pool.Wish{State: pool.Disabled}); err != nil {
		t.Fatal(err)
	}
	e := r.explained(explain.Question{URL: "a.test/x", Listener: "web"})
	if a := e.Reply; a == nil || a.Status != http.StatusServiceUnavailable || a.Cause != "no_backend_enabled" || a.By != "pool q" {
		t.Errorf("got %+v; want 503", a)
	}
	if p := e.Forward.Pools[0]; p.Pick != "" || p.Cause != "no_backend_enabled" || p.Members[0].Up {
		t.Errorf("got %+v; want nobody", p)
	}
}

// What is certain is said to be: the hash of a client's part, and its cookie.
func TestExplainKnowsWhoIsCertain(t *testing.T) {
	hits := make(chan string, 1)
	record := func(name string) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) { hits <- name }
	}
	a, b := backend(t, record("a")), backend(t, record("b"))
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {hash: {path_prefix: /hash, pool: h}, stay: {pool: s}}
pools:
  h: {backends: [{address: "`+a+`"}, {address: "`+b+`"}], algorithm: consistent_hash, hash_on: "query:u"}
  s: {backends: [{address: "`+a+`"}, {address: "`+b+`"}], sticky: {cookie: stay}}
shutdown: {drain: 5s}
`, "")
	names := map[string]string{a: "a", b: "b"}
	c := r.dial()
	for i := range 20 {
		url := fmt.Sprintf("/hash?u=%d", i)
		p := r.explained(explain.Question{URL: "test" + url}).Forward.Pools[0]
		c.get(url)
		if hit := <-hits; names[p.Pick] != hit {
			t.Errorf("%s: said %q, asked was %q", url, names[p.Pick], hit)
		}
	}
	set, hit := c.get("/").Cookies(), <-hits
	if len(set) != 1 {
		t.Fatalf("got %v; want a cookie", set)
	}
	p := r.explained(explain.Question{URL: "test/", Fields: lines("Cookie: stay=" + set[0].Value)}).Forward.Pools[0]
	if names[p.Pick] != hit || !strings.Contains(p.PickWhy, "cookie stay") {
		t.Errorf("got %q: %s; want the one of the cookie, %s", names[p.Pick], p.PickWhy, hit)
	}
	if p = r.explained(explain.Question{URL: "test/"}).Forward.Pools[0]; p.Pick != "" {
		t.Errorf("got %q; want nobody for sure", p.Pick)
	}
}

// Asking changes nothing: no turn, no token, no place, no counter.
func TestExplainChangesNothing(t *testing.T) {
	a := numbered(t, 2)
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [limit, few]}}
pools: {p: {backends: [{address: "`+a[0]+`"}, {address: "`+a[1]+`"}], concurrency: {max_requests: 1}}}
middleware:
  limit: {type: rate_limit, rate: 1, per: 1h, burst: 3}
  few: {type: concurrency_limit, max_requests: 1}
shutdown: {drain: 5s}
`, "")
	c := r.dial()
	var got strings.Builder
	for want := 3; want >= 0; want-- {
		for range 5 {
			e := r.explained(explain.Question{URL: "test/"})
			if says := e.Stages[0].Says; !strings.Contains(says, fmt.Sprintf("has %d of 3 left", want)) {
				t.Fatalf("got %q; want %d left", says, want)
			}
			if refused := e.Reply != nil && e.Reply.Status == http.StatusTooManyRequests; refused != (want == 0) {
				t.Fatalf("got %+v with %d left", e.Reply, want)
			}
		}
		if a := c.get("/"); a.StatusCode == http.StatusOK {
			got.WriteString(a.body)
		} else if want > 0 {
			t.Fatalf("got %d with %d left", a.StatusCode, want)
		}
		// The client may have its answer a moment before its place is free again.
		eventually(t, func() string { return "nobody is in progress" }, func() bool {
			return !slices.ContainsFunc(r.engine.Limits(), func(l middleware.Limiter) bool { return l.InProgress > 0 })
		})
	}
	if s := got.String(); s != "010" && s != "101" {
		t.Errorf("backends %s were asked; want them in turns", s)
	}
	eventually(t, func() string { return "4 requests are counted" }, func() bool { return r.engine.registry.Requests() >= 4 })
	if n := r.engine.registry.Requests(); n != 4 {
		t.Errorf("%d requests were counted; want the 4 that came", n)
	}
}

func TestExplainNeedsAConfiguration(t *testing.T) {
	if _, err := (&Engine{}).Explain(&explain.Question{URL: "a.test"}); err == nil || errors.Is(err, explain.ErrQuestion) {
		t.Errorf("got %v; want that nothing runs", err)
	}
}

// A value that a stage has put into the request may be a credential.
func TestExplainHidesWhatStagesSet(t *testing.T) {
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [auth]}}
pools: {p: {backends: [{address: "127.0.0.1:9"}]}}
middleware: {auth: {type: headers, request: {set: {X-Internal-Key: s3cret}}}}
shutdown: {drain: 5s}
`, "")
	e := r.explained(explain.Question{URL: "test/", Fields: lines("X-Own: mine")})
	if text := fmt.Sprintf("%+v %+v", e, e.Forward); strings.Contains(text, "s3cret") {
		t.Errorf("got %s; want no secret", text)
	}
	for _, want := range lines("X-Internal-Key: ***", "X-Own: mine") {
		if !slices.Contains(e.Forward.Fields, want) {
			t.Errorf("got %v; want %v among them", e.Forward.Fields, want)
		}
	}
}

// Questions come while requests and reloads do, and disturb neither.
func TestExplainBesideTraffic(t *testing.T) {
	a := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	text := `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [limit, path]}}
pools: {p: {backends: [{address: "{{backend}}"}, {address: "127.0.0.1:9", backup: true}]}}
middleware: {limit: {type: rate_limit, rate: 1000000}, path: {type: rewrite, add_prefix: /new}}
shutdown: {drain: 5s}
`
	r := start(t, text, a)
	done, failed := make(chan struct{}), make(chan string, 4)
	for range 4 {
		go func() {
			for {
				select {
				case <-done:
					failed <- ""
					return
				default:
				}
				e, err := r.engine.Explain(&explain.Question{URL: "http://test/x"})
				if err != nil || e.Forward == nil || e.Forward.Target != "/new/x" || e.Forward.Pools[0].Pick != a {
					failed <- fmt.Sprintf("got %+v, %v", e, err)
					return
				}
			}
		}()
	}
	c := r.dial()
	for range 10 {
		for range 20 {
			if got := c.get("/x"); got.body != "ok" {
				t.Errorf("got %d %q", got.StatusCode, got.body)
			}
		}
		r.apply(text, a)
	}
	close(done)
	for range 4 {
		if why := <-failed; why != "" {
			t.Error(why)
		}
	}
}
