package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// A wait that would be longer than the route's timeout is not begun, so the answer tells
// which wait was computed: factor makes the second one longer, max bounds it.
func TestBackoffThatOutlastsTheRouteIsNotBegun(t *testing.T) {
	for _, tc := range []struct {
		backoff          string
		status, attempts int
	}{
		{"initial: 250ms, factor: 1, max: 1h", 200, 3},
		{"initial: 250ms, factor: 100, max: 1h", 503, 2},
		{"initial: 250ms, factor: 100, max: 260ms", 200, 3},
		{"initial: 1h, max: 1h", 503, 1},
	} {
		t.Run(tc.backoff, func(t *testing.T) {
			var asked atomic.Int64
			text := strings.Replace(plain, "pool: p", `pool: p, timeout: 20s, retry: {attempts: 3, on: ["503"], backoff: {`+tc.backoff+`}}`, 1)
			r := start(t, text, backend(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) < 3 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			if a := r.dial().get("/"); a.StatusCode != tc.status || asked.Load() != int64(tc.attempts) {
				t.Errorf("got %d after %d attempts; want %d after %d", a.StatusCode, asked.Load(), tc.status, tc.attempts)
			}
		})
	}
}

// retry.methods says which requests may be sent twice, whatever the method means.
func TestMethodsOfTheSectionAreRetried(t *testing.T) {
	const usual = "GET HEAD PUT DELETE OPTIONS QUERY"
	for section, want := range map[string]string{
		"": usual, ", methods: [POST]": "POST", ", methods: [GET, PATCH]": "GET PATCH",
	} {
		t.Run("methods"+section, func(t *testing.T) {
			var asked atomic.Int64
			text := strings.Replace(plain, "pool: p", `pool: p, retry: {attempts: 2, on: ["503"], backoff: {initial: 1ms}`+section+`}`, 1)
			r := start(t, text, backend(t, func(w http.ResponseWriter, q *http.Request) {
				_, _ = io.Copy(io.Discard, q.Body)
				if asked.Add(1) == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			for method := range strings.FieldsSeq(usual + " POST PATCH") {
				asked.Store(0)
				c, wanted := r.dial(), int64(1)
				c.send(fmt.Sprintf("%s / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi", method))
				if strings.Contains(" "+want+" ", " "+method+" ") {
					wanted = 2
				}
				if a := c.receive(method); asked.Load() != wanted || (a.StatusCode == http.StatusOK) != (wanted == 2) {
					t.Errorf("%s: got %d after %d attempts; want %d", method, a.StatusCode, asked.Load(), wanted)
				}
			}
		})
	}
}
