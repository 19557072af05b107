package observe

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestCountersSurviveReload resolves every handle twice, as two tables do.
func TestCountersSurviveReload(t *testing.T) {
	r := NewRegistry(2)
	count := func() {
		r.Route("web", "api").Observe(0, 200, 0)
		r.Retries("api", "reset").Add(0)
		r.Listener("web").BytesIn.Add(0, 1)
		r.Backend("p", "a:1").Codes.Add(0, 200)
		r.Pool("p").Durations.Observe(0, 0)
		r.RateLimited("limit").Add(0, 1)
	}
	count()
	count()
	_, families := scrape(t, r)
	for _, name := range []string{
		"isame_requests_total", "isame_request_duration_seconds", "isame_backend_requests_total",
		"isame_backend_duration_seconds", "isame_retries_total", "isame_rate_limited_total",
	} {
		for labels, got := range samples(families[name]) {
			if got != 2 {
				t.Errorf("%s{%s}: got %v; want 2", name, labels, got)
			}
		}
	}
}

func TestNamesAreApart(t *testing.T) {
	r := NewRegistry(1)
	// Keys that would meet if they were joined to one string.
	r.Route("a", "b/c").Observe(0, 200, 0)
	r.Route("a/b", "c").Observe(0, 200, 0)
	r.Route("", "abc").Observe(0, 200, 0)
	want := map[string]uint64{"b/c": 1, "c": 1, "abc": 1}
	if got := r.RequestsByRoute(); !maps.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestTotals(t *testing.T) {
	r := busyRegistry()
	if got := r.Requests(); got != 5 {
		t.Errorf("Requests: got %d; want 5", got)
	}
	if got, want := r.RequestsByRoute(), map[string]uint64{"api": 4, "": 1}; !maps.Equal(got, want) {
		t.Errorf("RequestsByRoute: got %v; want %v", got, want)
	}
	if got, want := r.RequestsByListener(), map[string]uint64{"web": 4, "admin": 1}; !maps.Equal(got, want) {
		t.Errorf("RequestsByListener: got %v; want %v", got, want)
	}
	all := r.Traffic()
	if got, want := all.Shards, []uint64{3, 2}; !slices.Equal(got, want) {
		t.Errorf("Shards: got %v; want %v", got, want)
	}
	classes := uint64(0)
	for _, n := range all.Classes {
		classes += n
	}
	if all.Requests != 5 || classes != 5 || all.Failed != all.Classes[5] {
		t.Errorf("Traffic: got %d requests, %d failed, classes %v; want 5 in all", all.Requests, all.Failed, all.Classes)
	}
	if got := r.Generation(); got != 7 {
		t.Errorf("Generation: got %d; want 7", got)
	}
}

// TestFirstUseIsRaceFree lets handles of two tables meet a name at the same time.
func TestFirstUseIsRaceFree(t *testing.T) {
	const routes, writers = 50, 8
	r := NewRegistry(2)
	var wg sync.WaitGroup
	for w := range writers {
		handles := make([]*RouteStats, routes)
		retries := make([]*RetryStats, routes)
		for i := range handles {
			handles[i] = r.Route("web", strconv.Itoa(i))
			retries[i] = r.Retries(strconv.Itoa(i), "reset")
		}
		wg.Go(func() {
			for i := range handles {
				handles[i].Observe(w%2, 200, time.Millisecond)
				retries[i].Add(w % 2)
			}
		})
		wg.Go(func() { scrape(t, r) })
	}
	wg.Wait()
	if got, want := r.Requests(), uint64(routes*writers); got != want {
		t.Errorf("Requests: got %d; want %d", got, want)
	}
	_, families := scrape(t, r)
	for labels, got := range samples(families["isame_retries_total"]) {
		if got != writers {
			t.Errorf("retries %s: got %v; want %d", labels, got, writers)
		}
	}
}

// TestUnusedRoutesCostLittle pins the price of a route that never takes traffic.
func TestUnusedRoutesCostLittle(t *testing.T) {
	const routes, bytesMax = 100_000, 80
	r := NewRegistry(64)
	handles := make([]*RouteStats, routes)
	before := heapBytes()
	for i := range handles {
		handles[i] = r.Route("web", "api")
	}
	cost := (heapBytes() - before) / routes
	if cost > bytesMax {
		t.Errorf("a handle costs %d bytes; want at most %d", cost, bytesMax)
	}
	if n := len(r.routeCells()); n != 0 {
		t.Errorf("%d routes joined without traffic", n)
	}
	runtime.KeepAlive(handles)
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
