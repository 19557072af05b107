package engine

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// statuses asks for / n times, and returns what came: "200 200 429".
func (r *rig) statuses(n int, lines ...string) string {
	r.t.Helper()
	var all []string
	for range n {
		resp, _ := r.ask("GET", "/", lines...)
		all = append(all, strconv.Itoa(resp.StatusCode))
	}
	return strings.Join(all, " ")
}

// Each key of the stage, by what it changes.
func TestRateLimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		stage string
		lines [][]string // of requests in order
		want  string
	}{
		{"burst", "rate: 1, per: 1h, burst: 2", [][]string{{}, {}, {}}, "200 200 429"},
		{"twice the rate", "rate: 1.5, per: 1h", [][]string{{}, {}, {}, {}}, "200 200 200 429"},
		{"key", "rate: 1, per: 1h, burst: 1, key: \"header:X-Key\"", [][]string{{"X-Key: a"}, {"X-Key: b"}, {"X-Key: a"}, {}, {}}, "200 200 429 200 429"},
		{
			"list of keys", "rate: 1, per: 1h, burst: 1, key: [host, \"query:q\"]",
			[][]string{{"Host: a"}, {"Host: b"}, {"Host: a"}},
			"200 200 429",
		},
		{
			"ipv6_prefix", "rate: 1, per: 1h, burst: 1, ipv6_prefix: 48",
			[][]string{{"X-Forwarded-For: 2001:db8:1:2::1"}, {"X-Forwarded-For: 2001:db8:1:3::1"}, {"X-Forwarded-For: 2001:db8:2::1"}},
			"200 429 200",
		},
		{
			"mapped address", "rate: 1, per: 1h, burst: 1, ipv6_prefix: 48",
			[][]string{{"X-Forwarded-For: 192.0.2.1"}, {"X-Forwarded-For: ::ffff:192.0.2.1"}},
			"200 429",
		},
		{"status", "rate: 1, per: 1h, burst: 1, status: 503", [][]string{{}, {}}, "200 503"},
		{"dry_run", "rate: 1, per: 1h, burst: 1, dry_run: true", [][]string{{}, {}, {}}, "200 200 200"},
		{
			"limits", `limits: [{name: wide, rate: 1, per: 1h, burst: 3, key: route}, {name: own, rate: 1, per: 1h, burst: 1, key: "header:X-Key"}]`,
			[][]string{{"X-Key: a"}, {"X-Key: a"}, {"X-Key: a"}, {"X-Key: b"}, {"X-Key: c"}, {"X-Key: d"}},
			"200 429 429 200 200 429",
		},
		{"max_keys", "rate: 1, per: 1h, burst: 1, max_keys: 10", [][]string{{}, {}}, "200 429"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8]}}
routes: {all: {pool: p, middleware: [m]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {m: {type: rate_limit, `+c.stage+`}}
`, mirrorBackend(t))
			var got []string
			for _, lines := range c.lines {
				got = append(got, r.statuses(1, lines...))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v; want %s", got, c.want)
			}
			if c.name == "dry_run" && r.came("m", "would_answer") != 2 {
				t.Errorf("%d would have been refused; want 2", r.came("m", "would_answer"))
			}
			if c.name == "key" && r.came("m", "failed") != 2 {
				t.Errorf("%d had no key; want 2", r.came("m", "failed"))
			}
			if c.name == "burst" && r.sample(`isame_rate_limited_total{middleware="m"}`) != "1" {
				t.Errorf("the metrics do not count the refusal")
			}
		})
	}
}

// What answers say of the limits, those of backends and our own.
func TestRateLimitHeaders(t *testing.T) {
	stages := `
draft: {type: rate_limit, limits: [{name: hour, rate: 2, per: 1h, burst: 2}, {name: day, rate: 24, per: 24h, burst: 10}]}
legacy: {type: rate_limit, rate: 2, per: 1h, burst: 2, headers: legacy}
none: {type: rate_limit, rate: 2, per: 1h, burst: 1, headers: none}
dry: {type: rate_limit, rate: 2, per: 1h, burst: 1, dry_run: true}
`
	for _, c := range []struct {
		stage string
		want  []string // of the first and the third answer
	}{
		{"draft", []string{
			`RateLimit-Policy: "hour";q=2;w=3600, "day";q=10;w=36000`, `RateLimit: "hour";r=1;t=1800, "day";r=9;t=3600`,
			`RateLimit-Policy: "hour";q=2;w=3600, "day";q=10;w=36000`, `RateLimit: "hour";r=0;t=1800, "day";r=8;t=7200`, "Retry-After: 1800",
		}},
		{"legacy", []string{
			"X-RateLimit-Limit: 2", "X-RateLimit-Remaining: 1", "X-RateLimit-Reset: 1800",
			"X-RateLimit-Limit: 2", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 3600", "Retry-After: 1800",
		}},
		{"none", []string{"Retry-After: 1800"}},
		{"dry", nil},
	} {
		t.Run(c.stage, func(t *testing.T) {
			r := staged(t, stages, "middleware: ["+c.stage+"]")
			var got []string
			for n := range 3 {
				resp, _ := r.ask("GET", "/")
				for _, name := range []string{"RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
					if n != 1 && len(resp.Header.Values(name)) > 0 {
						got = append(got, name+": "+strings.Join(resp.Header.Values(name), " AND "))
					}
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// A request that is a little early waits for its turn; one that would wait too long is
// refused.
func TestRateLimitDelays(t *testing.T) {
	const requests = 20
	r := staged(t, "m: {type: rate_limit, rate: 5, burst: 1, max_delay: 300ms}", "middleware: [m]")
	began := time.Now()
	results := make(chan int, requests)
	for range requests {
		go func() { // of the test
			resp, err := http.Get("http://" + r.address + "/")
			if err != nil {
				results <- 0
				return
			}
			_ = resp.Body.Close()
			results <- resp.StatusCode
		}()
	}
	got := map[int]int{}
	for range requests {
		got[<-results]++
	}
	took := time.Since(began)
	if got[200] < 2 || got[429] == 0 || got[200]+got[429] != requests || took < 190*time.Millisecond || float64(got[200]) > 1+1.5+5*took.Seconds() {
		t.Errorf("got %v in %v; want one at once, one after each 200 ms, the others refused", got, took)
	}
}

// A client that leaves while it waits for its turn is let go.
func TestRateLimitDelayEndsWithTheClient(t *testing.T) {
	r := staged(t, "m: {type: rate_limit, rate: 1, per: 1m, burst: 1, max_delay: 1h}", "middleware: [m]")
	if got := r.statuses(1); got != "200" {
		t.Fatalf("got %s; want the first one to pass", got)
	}
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	_ = c.Close()
	eventually(t, func() string { return "the client is let go" }, func() bool { return r.came("m", "client_left") == 1 })
}

// A key that was refused stays so, whatever its rate allows.
func TestRateLimitBlocks(t *testing.T) {
	r := staged(t, "m: {type: rate_limit, rate: 1000, burst: 1, block_for: 1h, key: route}", "middleware: [m]")
	passed, refused := 0, 0
	eventually(t, func() string { return "a refusal" }, func() bool {
		results := make(chan string, 8)
		for range 8 {
			go func() { // of the test
				resp, err := http.Get("http://" + r.address + "/")
				if err != nil {
					results <- err.Error()
					return
				}
				_ = resp.Body.Close()
				results <- strconv.Itoa(resp.StatusCode)
			}()
		}
		for range 8 {
			switch <-results {
			case "200":
				passed++
			case "429":
				refused++
			}
		}
		return refused > 0
	})
	resp, _ := r.ask("GET", "/")
	if after := resp.Header.Get("Retry-After"); resp.StatusCode != 429 || after != "3600" && after != "3599" && after != "3598" {
		t.Errorf("got %d, Retry-After %q; want a block of an hour", resp.StatusCode, after)
	}
}

// A limit that is defined as before has counted what it had; another one begins anew.
func TestRateLimitSurvivesReload(t *testing.T) {
	text := func(stage string) string {
		return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [m]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {m: {type: rate_limit, ` + stage + `}}
`
	}
	backend := mirrorBackend(t)
	r := start(t, text("rate: 1, per: 1h, burst: 2"), backend)
	for _, c := range []struct{ stage, want string }{
		{"rate: 1, per: 1h, burst: 2", "200 200 429"},
		{"rate: 1, per: 1h, burst: 2, status: 503, headers: legacy", "503"}, // how it is said is another matter
		{"rate: 1, per: 1h, burst: 2, dry_run: true", "200"},
		{"rate: 1, per: 1h, burst: 2", "429"},
		{"rate: 1, per: 1h, burst: 2, key: host", "200 200 429"},
		{"rate: 1, per: 1h, burst: 1, key: host", "200 429"},
	} {
		r.apply(text(c.stage), backend)
		if got := r.statuses(strings.Count(c.want, " ") + 1); got != c.want {
			t.Errorf("%s: got %s; want %s", c.stage, got, c.want)
		}
	}
}
