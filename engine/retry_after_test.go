package engine

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patient is a configuration that retries 503 three times, of two backends where
// the second is given.
func patient(options, second string) string {
	if second != "" {
		second = `, {address: "` + second + `"}`
	}
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, ` + options + ` retry: {attempts: 3, on: [reset, "503"], backoff: {initial: 1ms, max: 2ms}}}}
pools: {p: {backends: [{address: "{{backend}}"}` + second + `], circuit_breaker: {failures: 1000}}}
`
}

func TestRetryAfterOfTheOnlyBackendIsHonoured(t *testing.T) {
	busy := func(after string) http.HandlerFunc {
		var asked atomic.Int64
		return func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				w.Header().Set("Retry-After", after)
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}
	}
	for _, tc := range []struct {
		name, after, options string
		others               bool
		want                 int
		least, most          time.Duration
	}{
		{"seconds", "1", "", false, 200, time.Second, 4 * time.Second},
		{"date", time.Now().Add(3 * time.Second).UTC().Format(http.TimeFormat), "", false, 200, 500 * time.Millisecond, 6 * time.Second},
		{"date gone by", "Mon, 02 Jan 2006 15:04:05 GMT", "", false, 200, 0, 3 * time.Second},
		{"nonsense", "soon", "", false, 200, 0, 3 * time.Second},
		{"beyond the deadline", "5", "timeout: 2s,", false, 503, 0, 2 * time.Second},
		{"another backend is left", "5", "", true, 200, 0, 4 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			second := ""
			if tc.others {
				second = backend(t, func(http.ResponseWriter, *http.Request) {})
			}
			r := start(t, patient(tc.options, second), backend(t, busy(tc.after)))
			c := r.dial()
			began := time.Now()
			for range 2 { // one of them meets the busy backend
				if a := c.get("/"); a.StatusCode != tc.want && tc.want != 503 {
					t.Fatalf("got %d; want %d", a.StatusCode, tc.want)
				} else if tc.want == 503 {
					if a.StatusCode != 503 || a.Header.Get("Retry-After") != tc.after {
						t.Errorf("got %d %q; want the backend's own answer", a.StatusCode, a.Header.Get("Retry-After"))
					}
					break
				}
			}
			if took := time.Since(began); took < tc.least || took > tc.most {
				t.Errorf("took %v; want %v to %v", took, tc.least, tc.most)
			}
		})
	}
}

func TestAttemptsAreToldToWhoAsks(t *testing.T) {
	var asked atomic.Int64
	var seen atomic.Value
	r := start(t, patient("", ""), backend(t, func(w http.ResponseWriter, q *http.Request) {
		seen.Store(q.Header.Get("X-Isame-Attempts"))
		if asked.Add(1)%3 != 0 && q.URL.Path != "/first" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	for _, tc := range []struct{ path, ask, want string }{
		{"/third", "X-Isame-Attempts: yes\r\n", "3; status=2"},
		{"/third", "", ""},
		{"/first", "x-isame-attempts: 1\r\n", "1"},
	} {
		asked.Store(0)
		c := r.dial()
		c.send("GET " + tc.path + " HTTP/1.1\r\nHost: t\r\n" + tc.ask + "\r\n")
		a := c.receive("GET")
		if got := a.Header.Get("X-Isame-Attempts"); got != tc.want || a.StatusCode != 200 {
			t.Errorf("%s asked by %q: got %d %q; want 200 %q", tc.path, tc.ask, a.StatusCode, got, tc.want)
		}
		if seen.Load() != "" {
			t.Error("the backend saw the question")
		}
	}
	c := start(t, plain, nobody(t)).dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
	if a := c.receive("GET"); a.Header.Get("X-Isame-Attempts") != "2; connect_failure=1" {
		t.Errorf("own answer: got %q; want both attempts", a.Header.Get("X-Isame-Attempts"))
	}
}

func TestIdempotencyKeyAllowsARetryOfAPost(t *testing.T) {
	for _, tc := range []struct {
		name, option, field string
		want                int
	}{
		{"key and option", "idempotency_key: true, ", "Idempotency-Key: 1\r\n", 200},
		{"key alone", "", "Idempotency-Key: 1\r\n", 503},
		{"option alone", "idempotency_key: true, ", "", 503},
	} {
		var asked atomic.Int64
		r := start(t, strings.Replace(patient("", ""), "attempts: 3", tc.option+"attempts: 3", 1),
			backend(t, func(w http.ResponseWriter, q *http.Request) {
				if body, _ := io.ReadAll(q.Body); asked.Add(1) == 1 || string(body) != "hello" {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
		c := r.dial()
		c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n" + tc.field + "\r\nhello")
		if a := c.receive("POST"); a.StatusCode != tc.want {
			t.Errorf("%s: got %d; want %d", tc.name, a.StatusCode, tc.want)
		}
	}
}

// An answer is only given up for a retry that is made: the budget is taken before
// it is dropped, however many exchanges want it at once.
func TestAnswerIsNotDroppedForARetryWithoutBudget(t *testing.T) {
	text := strings.Replace(patient("", ""), "attempts: 3", "budget: {percent: 0, min_per_second: 1}, attempts: 3", 1)
	r := start(t, text, backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	var wg sync.WaitGroup
	for range 16 {
		c := r.dial()
		wg.Go(func() {
			for range 20 {
				if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
					t.Error(err)
					return
				}
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if cause := resp.Header.Get("X-Isame-Error"); resp.StatusCode != 503 || cause != "" {
					t.Errorf("got %d %q; want the backend's own 503", resp.StatusCode, cause)
				}
			}
		})
	}
	wg.Wait()
}
