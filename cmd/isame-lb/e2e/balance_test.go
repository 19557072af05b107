package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// shares counts which backend answers n requests.
func shares(t *testing.T, url string, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		got[get(t, url).wantStatus(t, 200).seen(t).Backend]++
	}
	return got
}

func TestRoundRobinIsEven(t *testing.T) {
	b := newBackends(t, 3)
	p := start(t, toPool(b...))
	for address, n := range shares(t, p.url("/"), 90) {
		// Every shard goes around by itself, so the turns may be a few apart.
		if n < 24 || n > 36 {
			t.Errorf("%s answered %d of 90; want about 30", address, n)
		}
	}
}

func TestWeightsAreKept(t *testing.T) {
	b := newBackends(t, 2)
	p := start(t, fmt.Sprintf(header+`
routes: {all: {pool: p}}
pools: {p: {algorithm: weighted_round_robin, backends: [{address: %q, weight: 3}, {address: %q, weight: 1}]}}
`, b[0].address, b[1].address))
	got := shares(t, p.url("/"), 80)
	if n := got[b[0].address]; n < 54 || n > 66 {
		t.Errorf("got %v; want 60 to 20", got)
	}
}

func TestLeastConnectionsAvoidsTheBusy(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 16)
	slow := newBackend(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	t.Cleanup(func() { close(release) })
	quick := newBackend(t, nil)
	p := start(t, strings.Replace(toPool(slow, quick), "{p: {", "{p: {algorithm: least_connections, ", 1))
	// Requests go one after the other until one is held by the slow backend.
	for holding := false; !holding; {
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			if response, err := freshClient().Get(p.url("/")); err == nil {
				_ = response.Body.Close()
			}
		}()
		select {
		case <-arrived:
			holding = true
		case <-finished:
		}
	}
	for range 10 {
		// The last exchange must be over for the proxy too, or both are as busy.
		p.eventuallyCounts(0, "isame_backend_inflight", "backend", quick.address)
		get(t, p.url("/")).wantStatus(t, 200)
	}
	if got := slow.requests.Load(); got != 1 {
		t.Errorf("the busy backend got %d requests; want only the first", got)
	}
}

// TestConnectFailureTriesTheNext stops a backend nobody probes: not one request
// fails, whatever its method.
func TestConnectFailureTriesTheNext(t *testing.T) {
	b := newBackends(t, 3)
	p := start(t, toPool(b...))
	b[1].stop()
	for _, method := range []string{"GET", "POST"} {
		for range 20 {
			exchange(t, request(t, method, p.url("/"), "body")).wantStatus(t, 200)
		}
	}
	if got := p.metric("isame_retries_total", "reason", "connect_failure"); got == 0 {
		t.Error("isame_retries_total{reason=connect_failure} is 0; want the retries counted")
	}
}

// TestReusedConnectionThatDied closes idle connections behind the proxy's back.
func TestReusedConnectionThatDied(t *testing.T) {
	b := newRawBackend(t, once(okResponse)) // says nothing about closing
	p := start(t, toAddress(b.address))
	c := dial(t, p.address())
	for i := range 50 {
		a := c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response("GET")
		if a.status != 200 {
			t.Fatalf("exchange %d: got status %d; want 200", i, a.status)
		}
	}
}

func TestNoBackendIsUnavailable(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, header+`
routes: {all: {pool: p}}
pools:
  p:
    panic_threshold: 0
    health_check: {type: tcp, interval: 200ms, timeout: 200ms, healthy_after: 1, unhealthy_after: 1}
    backends: `+members(b)+"\n")
	get(t, p.url("/")).wantStatus(t, 200)
	b.stop()
	eventually(t, "the backend is found unhealthy", func() string {
		if p.pool("p").Healthy == 0 {
			return ""
		}
		return "healthy"
	})
	a := get(t, p.url("/")).wantStatus(t, 503)
	if a.header.Get("Retry-After") == "" || a.header.Get("X-Isame-Error") == "" {
		t.Errorf("Retry-After or X-Isame-Error is missing: %v", a.header)
	}
	b.revive()
	eventually(t, "the backend serves again", func() string {
		if a, err := tryExchange(freshClient(), request(t, "GET", p.url("/"), "")); err != nil || a.status != 200 {
			return fmt.Sprint(a.status, err)
		}
		return ""
	})
}

func TestBackendThatRefusesIsBadGateway(t *testing.T) {
	p := start(t, toAddress(freeAddress(t)))
	a := get(t, p.url("/"))
	if a.status != 502 && a.status != 503 {
		t.Errorf("got status %d; want 502 or 503", a.status)
	}
	if a.header.Get("X-Isame-Error") == "" {
		t.Error("the answer names no cause")
	}
}

func TestSlowBackendTimesOut(t *testing.T) {
	b := newRawBackend(t, func(conn net.Conn, _ string) { _, _ = conn.Read(make([]byte, 1)) })
	p := start(t, header+`
routes: {all: {timeout: 200ms, pool: p}}
pools: {p: {backends: [{address: "`+b.address+`"}]}}
`)
	a := get(t, p.url("/")).wantStatus(t, 504)
	if a.header.Get("X-Isame-Error") == "" {
		t.Error("the answer names no cause")
	}
}

func TestRedirectAndRespondAndSplit(t *testing.T) {
	b := newBackends(t, 2)
	p := start(t, fmt.Sprintf(header+`
routes:
  old: {path: /old, redirect: {to: "https://{host}{uri}", status: 308}}
  fixed: {path: /fixed, respond: {status: 418, body: "short and stout", content_type: text/plain}}
  split: {path_prefix: /split, split: {first: 90, second: 10}}
pools:
  first: {backends: [{address: %q}]}
  second: {backends: [{address: %q}]}
`, b[0].address, b[1].address))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	redirect, err := tryExchange(client, request(t, "GET", p.url("/old?a=b"), "", "Host", "shop.example"))
	if err != nil {
		t.Fatal(err)
	}
	redirect.wantStatus(t, 308)
	if got, want := redirect.header.Get("Location"), "https://shop.example/old?a=b"; got != want {
		t.Errorf("Location: got %q; want %q", got, want)
	}
	fixed := get(t, p.url("/fixed")).wantStatus(t, 418)
	if string(fixed.body) != "short and stout" || fixed.header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %q, %v", fixed.body, fixed.header)
	}
	const n = 300
	got := shares(t, p.url("/split"), n)
	// Binomial with p = 0.1: 30 expected, 60 is more than five deviations away.
	if second := got[b[1].address]; second == 0 || second > 60 {
		t.Errorf("the second pool answered %d of %d; want about 30", second, n)
	}
}

func TestMostSpecificRouteWins(t *testing.T) {
	p := start(t, header+`
routes:
  any: {respond: {status: 200, body: any}}
  host: {hosts: [a.example], respond: {status: 200, body: host}}
  wildcard: {hosts: ["*.a.example"], respond: {status: 200, body: wildcard}}
  prefix: {path_prefix: /p, respond: {status: 200, body: prefix}}
  longer: {path_prefix: /p/q, respond: {status: 200, body: longer}}
  exact: {path: /p/q/r, respond: {status: 200, body: exact}}
  regex: {path_regex: "^/v[0-9]+/", respond: {status: 200, body: regex}}
  post: {path: /m, methods: [POST], respond: {status: 200, body: post}}
  field: {path: /m, headers: {X-Env: canary}, respond: {status: 200, body: field}}
  query: {path: /m, query: {debug: "1"}, respond: {status: 200, body: query}}
`)
	for _, c := range []struct{ method, host, target, field, want string }{
		{"GET", "x", "/", "", "any"},
		{"GET", "a.example", "/", "", "host"},
		{"GET", "A.EXAMPLE:81", "/p", "", "host"},
		{"GET", "b.a.example", "/", "", "wildcard"},
		{"GET", "x", "/p", "", "prefix"},
		{"GET", "x", "/pq", "", "any"},
		{"GET", "x", "/p/q/", "", "longer"},
		{"GET", "x", "/p/q/r", "", "exact"},
		{"GET", "x", "/v12/a", "", "regex"},
		{"GET", "x", "/va/a", "", "any"},
		{"POST", "x", "/m", "", "post"},
		{"GET", "x", "/m", "canary", "field"},
		{"GET", "x", "/m?a&debug=1", "", "query"},
		{"GET", "x", "/m", "", "any"},
	} {
		t.Run(c.method+" "+c.host+c.target+" "+c.field, func(t *testing.T) {
			fields := []string{"Host", c.host}
			if c.field != "" {
				fields = append(fields, "X-Env", c.field)
			}
			a := exchange(t, request(t, c.method, p.url(c.target), "", fields...)).wantStatus(t, 200)
			if string(a.body) != c.want {
				t.Errorf("got route %q; want %q", a.body, c.want)
			}
		})
	}
}
