package engine

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A stream to a backend may be closed by whoever hedged it in the very moment in which
// the loop reads its answer.
func TestStreamIsClosedWhileItsAnswerComes(t *testing.T) {
	const clients, requests = 8, 100
	var asked sync.Map // by path: closed when both backends are
	answer := func(_ http.ResponseWriter, q *http.Request) {
		first, again := asked.LoadOrStore(q.URL.Path, make(chan struct{}))
		both, ok := first.(chan struct{})
		if !ok {
			panic("not a channel")
		}
		if again {
			close(both)
		}
		select {
		case <-both:
		case <-q.Context().Done():
		}
	}
	text := strings.Replace(overH2C, "pool: p", "pool: p, hedge: {after: 1ms}, retry: {budget: {percent: 100, min_per_second: 10000}}", 1)
	text = strings.Replace(text, `[{address: "{{backend}}"}]`, `[{address: "{{backend}}"}, {address: "`+h2Backend(t, nil, answer)+`"}]`, 1)
	r := start(t, text, h2Backend(t, nil, answer))
	var all sync.WaitGroup
	for i := range clients {
		c := r.dial()
		all.Go(func() {
			for j := range requests {
				if a := c.get(fmt.Sprintf("/%d/%d", i, j)); a.StatusCode != http.StatusOK {
					t.Errorf("got %d %q; want 200", a.StatusCode, a.body)
					return
				}
			}
		})
	}
	all.Wait()
	eventually(t, func() string { return "nothing in flight" }, func() bool { return r.inFlight() == 0 })
}
