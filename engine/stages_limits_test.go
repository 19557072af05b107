package engine

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Each key has as much in progress as it may, and no more; a tunnel is in progress until
// it ends.
func TestConcurrencyLimit(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{}, 16)
	at := backend(t, func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, "/hold") {
			arrived <- struct{}{}
			<-release
		}
		_, _ = io.WriteString(w, "ok")
	})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [few]}, dry: {path_prefix: /holdry, pool: p, middleware: [dry]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  few: {type: concurrency_limit, max_requests: 2, key: "header:X-Key", status: 503, max_keys: 100, ipv6_prefix: 48}
  dry: {type: concurrency_limit, max_requests: 1, dry_run: true}
`, at)
	hold := func(path, key string) {
		go func() {
			req, err := http.NewRequest(http.MethodGet, "http://"+r.address+path, http.NoBody)
			if err != nil {
				return
			}
			req.Header.Set("X-Key", key)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}()
		select {
		case <-arrived:
		case <-time.After(10 * time.Second):
			t.Error("the request has not come to the backend")
		}
	}
	hold("/hold", "a")
	hold("/hold", "a")
	resp, _ := r.ask("GET", "/", "X-Key: a")
	if resp.StatusCode != 503 || resp.Header.Get("X-Isame-Error") != "client_concurrency" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the third of a: got %d %v; want 503 client_concurrency", resp.StatusCode, resp.Header)
	}
	if resp, _ := r.ask("GET", "/", "X-Key: b"); resp.StatusCode != 200 {
		t.Errorf("b: got %d; want 200", resp.StatusCode)
	}
	if resp, _ := r.ask("GET", "/"); resp.StatusCode != 200 {
		t.Errorf("without a key: got %d; want 200, counted by address", resp.StatusCode)
	}
	hold("/holdry", "a")
	hold("/holdry", "a") // on trial
	for range 4 {
		release <- struct{}{}
	}
	eventually(t, func() string { return "a is served again" }, func() bool {
		resp, _ := r.ask("GET", "/", "X-Key: a")
		return resp.StatusCode == 200
	})
	var b strings.Builder
	r.engine.registry.WriteMetrics(&b, "")
	if !strings.Contains(b.String(), `isame_middleware_total{middleware="dry",outcome="would_answer"} 1`) {
		t.Errorf("the metrics do not say what dry would have refused")
	}
}

// What comes faster than the rate waits, in both directions; exchanges of one key share it.
func TestBandwidthLimit(t *testing.T) {
	text := strings.Repeat("x", 64<<10)
	at := backend(t, func(w http.ResponseWriter, q *http.Request) {
		n, _ := io.Copy(io.Discard, q.Body)
		if q.Method == http.MethodGet {
			_, _ = io.WriteString(w, text)
			return
		}
		_, _ = io.WriteString(w, strconv.FormatInt(n, 10))
	})
	run := func(t *testing.T, keys string) *rig {
		t.Helper()
		return start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [slow]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {slow: {type: bandwidth_limit, `+keys+`}}
`, at)
	}
	t.Run("response", func(t *testing.T) {
		r := run(t, "response: 128KiB")
		began := time.Now()
		if _, body := r.ask("GET", "/"); len(body) != len(text) {
			t.Errorf("got %d bytes; want %d", len(body), len(text))
		}
		if took := time.Since(began); took < 200*time.Millisecond { // the last piece does not wait
			t.Errorf("64 KiB took %v at 128 KiB a second", took)
		}
	})
	t.Run("request", func(t *testing.T) {
		r := run(t, "request: 4MiB")
		c := r.dial()
		began := time.Now()
		c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2097152\r\n\r\n")
		c.send(strings.Repeat("x", 2<<20)) // no buffer takes all of it: what comes in one piece does not wait
		if a := c.receive("POST"); a.body != "2097152" {
			t.Errorf("got %q; want all of it", a.body)
		}
		if took := time.Since(began); took < 200*time.Millisecond {
			t.Errorf("2 MiB took %v at 4 MiB a second", took)
		}
	})
	t.Run("key", func(t *testing.T) {
		r := run(t, "response: 256KiB, key: source_ip, max_keys: 10, ipv6_prefix: 48")
		began := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { r.ask("GET", "/") })
		}
		all.Wait()
		if took := time.Since(began); took < 500*time.Millisecond { // 256 KiB together
			t.Errorf("4 x 64 KiB took %v at 256 KiB a second for all", took)
		}
	})
	t.Run("a client that leaves", func(t *testing.T) {
		r := run(t, "response: 1KiB, request: 1KiB")
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		if _, err := c.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		eventually(t, func() string { return "nothing in flight" }, func() bool { return r.engine.Pools()[0].Backends[0].InFlight == 0 })
		c = r.dial()
		c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 65536\r\n\r\n" + text[:8<<10])
		_ = c.Close()
		eventually(t, func() string { return "nothing in flight" }, func() bool { return r.engine.Pools()[0].Backends[0].InFlight == 0 })
	})
}
