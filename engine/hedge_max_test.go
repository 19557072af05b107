package engine

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// hedge.max bounds the rivals of one request, over four backends of which none answers
// before it is told to. One more than may be would have come before those of a second
// request, which begins when all of the first are there.
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
			asking := []*client{r.dial(), r.dial()}
			for i, c := range asking {
				c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
				all := int64((i + 1) * (most + 1))
				eventually(t, func() string { return fmt.Sprintf("%d asked; there are %d", all, waiting.Load()) }, func() bool { return waiting.Load() >= all })
			}
			close(free)
			want := fmt.Sprintf("1; hedge=%d", most)
			for _, c := range asking {
				if a := c.receive("GET"); a.StatusCode != http.StatusOK || a.Header.Get("X-Isame-Attempts") != want {
					t.Errorf("got %d %q; want 200 %q", a.StatusCode, a.Header.Get("X-Isame-Attempts"), want)
				}
			}
			if got := waiting.Load(); got != int64(2*(most+1)) {
				t.Errorf("%d backends asked; want %d", got, 2*(most+1))
			}
		})
	}
}
