package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

// Rhythm of the soak test.
const (
	soakReload = time.Second
	soakKill   = 5 * time.Second
	soakSettle = 10 * time.Second
	soakShort  = 8 * time.Second // when ISAME_SOAK is not set
)

// TestSoak mixes load, reloads and dying backends, and asks that no exchange
// fails and nothing grows. ISAME_SOAK is its duration (make soak).
func TestSoak(t *testing.T) {
	duration := soakShort
	if text := os.Getenv("ISAME_SOAK"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("ISAME_SOAK: %v", err)
		}
	} else if testing.Short() {
		t.Skip("short")
	}
	b := newBackends(t, 3)
	p := start(t, soakConfig(0, b))
	stopLoad := startLoad(t, soakExchange(p.url("")))
	settle := min(soakSettle, duration/2)
	before := settled(t, p, settle)
	soak(p, b, duration)
	stopLoad()
	after := settled(t, p, settle)
	t.Logf("before %+v, after %+v, reloads %v", before, after, p.reloads("applied"))
	// Some slack: pools of workers and buffers grow to what the load needs.
	if after.goroutines > before.goroutines+20 {
		t.Errorf("goroutines grew from %v to %v", before.goroutines, after.goroutines)
	}
	if after.heapBytes > before.heapBytes+16<<20 {
		t.Errorf("heap grew from %v to %v bytes", before.heapBytes, after.heapBytes)
	}
	if after.descriptors > before.descriptors+20 {
		t.Errorf("descriptors grew from %v to %v", before.descriptors, after.descriptors)
	}
	if got := p.reloads("rejected"); got != 0 {
		t.Errorf("%v reloads were rejected", got)
	}
}

// soak reloads and kills in its rhythm until duration is over.
func soak(p *proxy, backends []*backend, duration time.Duration) {
	reload, kill := time.NewTicker(soakReload), time.NewTicker(soakKill)
	defer reload.Stop()
	defer kill.Stop()
	end := time.After(duration)
	var dead *backend
	for reloads, kills := 1, 0; ; {
		select {
		case <-end:
			if dead != nil {
				dead.revive()
			}
			return
		case <-reload.C:
			p.reload(soakConfig(reloads, backends), "applied")
			reloads++
		case <-kill.C:
			if dead != nil {
				dead.revive()
				dead = nil
				continue
			}
			dead = backends[kills%len(backends)]
			dead.stop()
			kills++
		}
	}
}

// soakConfig changes weights, routes and timeouts with n; members stay.
func soakConfig(n int, b []*backend) string {
	return header + fmt.Sprintf(`
recorder: {records: 1024, keep_errors: 256, keep_slow: 256} # full soon: what grows else does not end
routes:
  all: {pool: p, timeout: 15s, retry: {attempts: 3, on: [connect_failure, reset]}}
  extra%d: {path: /extra, respond: {status: 204}}
pools:
  p:
    algorithm: weighted_round_robin
    health_check: {type: tcp, interval: 500ms, timeout: 500ms, healthy_after: 1, unhealthy_after: 1}
    backends: [{address: %q, weight: %d}, {address: %q, weight: 2}, {address: %q, weight: 2}]
`, n%7, b[0].address, 1+n%3, b[1].address, b[2].address)
}

// soakExchange mixes small GETs, PUTs with a body, chunked bodies and fresh connections.
// All of them are idempotent: a backend that is killed while it works may have
// done its work, so only these can be saved by a retry.
func soakExchange(base string) func(context.Context, *http.Client, int) error {
	fresh := freshClient()
	return func(ctx context.Context, client *http.Client, n int) error {
		switch n % 10 {
		case 0:
			return expectOK(ctx, fresh, http.MethodGet, base+"/fresh", "")
		case 1, 2, 3:
			return expectOK(ctx, client, http.MethodPut, base+"/put", "a small body")
		case 4:
			return expectOK(ctx, client, http.MethodDelete, base+"/delete", "")
		default:
			return expectOK(ctx, client, http.MethodGet, base+"/get", "")
		}
	}
}

// usage is what must not grow.
type usage struct{ goroutines, heapBytes, descriptors float64 }

// settled reads the usage again and again for a while and returns the lowest
// values: what remains when garbage is collected and exchanges have ended.
func settled(t *testing.T, p *proxy, during time.Duration) usage {
	t.Helper()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	end := time.After(during)
	lowest := measure(p)
	for {
		select {
		case <-end:
			return lowest
		case <-ticker.C:
			now := measure(p)
			lowest.goroutines = min(lowest.goroutines, now.goroutines)
			lowest.heapBytes = min(lowest.heapBytes, now.heapBytes)
			lowest.descriptors = min(lowest.descriptors, now.descriptors)
		}
	}
}

func measure(p *proxy) usage {
	return usage{p.metric("go_goroutines"), p.metric("go_memstats_heap_inuse_bytes"), p.metric("process_open_fds")}
}

// TestMemoryDoesNotGrowWithBodies sends bodies far larger than what may be held.
func TestMemoryDoesNotGrowWithBodies(t *testing.T) {
	const size, slack = 256 << 20, 32 << 20
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodGet {
			n, _ = io.Copy(w, discard(size))
		}
		_ = n
	})
	p := start(t, toPool(b))
	before := p.metric("process_resident_memory_bytes")
	up := request(t, http.MethodPut, p.url("/up"), "")
	up.Body, up.ContentLength = io.NopCloser(discard(size)), size
	exchange(t, up).wantStatus(t, 200)
	response, err := http.DefaultClient.Do(request(t, http.MethodGet, p.url("/down"), ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
		t.Fatalf("got %d bytes, %v; want %d", n, err, size)
	}
	if after := p.metric("process_resident_memory_bytes"); after > before+slack {
		t.Errorf("resident memory grew from %v to %v bytes; want less than %d more", before, after, slack)
	}
}
