package engine

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	records "github.com/isame-lb/isame-lb/engine/record"
)

// A record says how long the client was waited for: to send the content of its request, read
// by a stage before or on its way to the backend, and to take the answer.
func TestRecordsTellWhoWasWaitedFor(t *testing.T) {
	const patience = 100 * time.Millisecond
	piece := make([]byte, 64<<10)
	var written atomic.Int64 // pieces: a client that is waited for holds them up
	b := backend(t, func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		if q.URL.Path == "/take" {
			for range 32 << 20 / len(piece) {
				_, _ = w.Write(piece)
				written.Add(1)
			}
		}
	})
	const held = `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [hold]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {hold: {type: buffer, request_bytes: 64KiB}}
`
	for _, tc := range []struct {
		name, text, first, path, rest string
		waited                        func(v *records.View) time.Duration
	}{
		{"content", plain, "POST /send HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab", "/send", "cd", func(v *records.View) time.Duration { return v.BodyWait }},
		{"chunks", plain, "POST /send HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "/send", "0\r\n\r\n", func(v *records.View) time.Duration { return v.BodyWait }},
		{"content that a stage reads", held, "POST /send HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab", "/send", "cd", func(v *records.View) time.Duration { return v.BodyWait }},
		{"answer", plain, "GET /take HTTP/1.1\r\nHost: t\r\n\r\n", "/take", "", func(v *records.View) time.Duration { return v.SendWait }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, tc.text, b)
			c := r.dial()
			c.send(tc.first)
			var still time.Time
			count := int64(-1)
			eventually(t, func() string { return "a while in which nothing goes on" }, func() bool {
				if now := written.Load(); now != count {
					count, still = now, time.Now()
				}
				return time.Since(still) > patience
			})
			c.send(tc.rest)
			c.receive("GET")
			v := r.recorded(tc.path)
			most := min(patience, v.Took) // of the pause, however late its head was read
			if waited := tc.waited(&v); waited < most/2 || waited > v.Took {
				t.Errorf("got %v of %v: %+v; want most of %v", waited, v.Took, v, most)
			}
			if other := v.BodyWait + v.SendWait - tc.waited(&v); other > most/2 {
				t.Errorf("got %v for the other one, of %v", other, v.Took)
			}
		})
	}
	r := start(t, plain, backend(t, func(_ http.ResponseWriter, _ *http.Request) { <-time.After(patience) }))
	r.dial().get("/late")
	if v := r.recorded("/late"); v.BodyWait > 0 || v.SendWait > v.Took/4 {
		t.Errorf("a slow backend: got %+v; want nobody else blamed", v)
	}
}
