package engine

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRetriesAndHedgesLeaveTurnsAlone: one client at a time, two backends, one of
// which fails or is late: it has the first turn of half the requests, not of all.
func TestRetriesAndHedgesLeaveTurnsAlone(t *testing.T) {
	const requests = 52
	for _, tc := range []struct {
		name, route string
		fails       http.HandlerFunc
	}{
		{"retried 503", `retry: {attempts: 2, on: ["503"], backoff: {initial: 1ms}, budget: {percent: 100, min_per_second: 1000}}`, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}},
		{"hedged", "hedge: {after: 25ms}, retry: {budget: {percent: 100, min_per_second: 1000}}", func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }},
	} {
		for _, algorithm := range []string{"round_robin", "weighted_round_robin", "least_connections"} {
			t.Run(tc.name+", "+algorithm, func(t *testing.T) {
				var bad, good atomic.Int64
				failing := backend(t, func(w http.ResponseWriter, q *http.Request) { bad.Add(1); tc.fails(w, q) })
				fine := backend(t, func(http.ResponseWriter, *http.Request) { good.Add(1) })
				text := `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, ` + tc.route + `}}
pools: {p: {algorithm: ` + algorithm + `, backends: [{address: "` + failing + `"}, {address: "` + fine + `"}]}}
shutdown: {drain: 5s}
`
				c := start(t, text, "").dial()
				for range requests {
					if a := c.get("/"); a.StatusCode != http.StatusOK {
						t.Fatalf("got %d; want 200 of the backend that is fine", a.StatusCode)
					}
				}
				eventually(t, func() string { // a backend that lost may hear of it late
					return fmt.Sprintf("%d requests to the failing backend and %d to the other: %d and %d", requests/2, requests, bad.Load(), good.Load())
				}, func() bool {
					n := bad.Load()
					return n >= requests/2-2 && n <= requests/2+2 && good.Load() == requests
				})
			})
		}
	}
}

// TestTheThirdAttemptAsksAnother: when all have been tried, the one that failed last
// is not asked again at once.
func TestTheThirdAttemptAsksAnother(t *testing.T) {
	var asked atomic.Pointer[[]string]
	asked.Store(&[]string{})
	fail := func(name string) string {
		return backend(t, func(w http.ResponseWriter, _ *http.Request) {
			all := append(append([]string{}, *asked.Load()...), name)
			asked.Store(&all) // one request at a time
			w.WriteHeader(http.StatusServiceUnavailable)
		})
	}
	text := `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, retry: {attempts: 6, on: ["503"], backoff: {initial: 1ms, max: 1ms}, budget: {percent: 100, min_per_second: 1000}}}}
pools: {p: {backends: [{address: "` + fail("a") + `"}, {address: "` + fail("b") + `"}]}}
shutdown: {drain: 5s}
`
	c := start(t, text, "").dial()
	for _, want := range []string{"ababab", "bababa", "ababab"} {
		asked.Store(&[]string{})
		c.get("/")
		if got := strings.Join(*asked.Load(), ""); got != want {
			t.Errorf("asked %s; want %s", got, want)
		}
	}
}
