package engine

import (
	"io"
	"net/http"
	"testing"
	"time"

	records "github.com/isame-lb/isame-lb/engine/record"
)

// A record says how long the client was waited for: to send the content of its request, read
// by a stage before or on its way to the backend, and to take the answer.
func TestRecordsTellWhoWasWaitedFor(t *testing.T) {
	const patience = 100 * time.Millisecond
	piece := make([]byte, 64<<10)
	b := backend(t, func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		if q.URL.Path == "/take" {
			for range 32 << 20 / len(piece) {
				_, _ = w.Write(piece)
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
			began := time.Now()
			eventually(t, func() string { return "a while" }, func() bool { return time.Since(began) > patience })
			c.send(tc.rest)
			c.receive("GET")
			v := r.recorded(tc.path)
			if waited := tc.waited(&v); waited < v.Took/2 || waited > v.Took || v.Took < patience {
				t.Errorf("got %v of %v: %+v; want most of it", waited, v.Took, v)
			}
			if other := v.BodyWait + v.SendWait - tc.waited(&v); other > v.Took/2 {
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
