package engine

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hedge.max bounds the rivals of one request, over four backends of which none answers
// before it is told to.
func TestHedgesOfOneRequestAreBounded(t *testing.T) {
	for _, most := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("max %d", most), func(t *testing.T) {
			var waiting atomic.Int64
			free := make(chan struct{})
			var backends []string
			for range 4 {
				backends = append(backends, fmt.Sprintf("{address: %q}", backend(t, func(_ http.ResponseWriter, q *http.Request) {
					waiting.Add(1)
					select {
					case <-free:
					case <-q.Context().Done():
					}
				})))
			}
			text := strings.Replace(plain, "pool: p", fmt.Sprintf("pool: p, hedge: {after: 5ms, max: %d}", most), 1)
			r := start(t, strings.Replace(text, `{address: "{{backend}}"}`, strings.Join(backends, ", "), 1), "")
			c := r.dial()
			c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
			eventually(t, func() string { return fmt.Sprintf("%d asked; there are %d", most+1, waiting.Load()) }, func() bool { return waiting.Load() >= int64(most+1) })
			done := time.NewTimer(50 * time.Millisecond) // one more would come within this
			<-done.C
			close(free)
			want := fmt.Sprintf("1; hedge=%d", most)
			if a := c.receive("GET"); a.StatusCode != http.StatusOK || a.Header.Get("X-Isame-Attempts") != want || waiting.Load() != int64(most+1) {
				t.Errorf("got %d %q, %d backends asked; want 200 %q", a.StatusCode, a.Header.Get("X-Isame-Attempts"), waiting.Load(), want)
			}
		})
	}
}
