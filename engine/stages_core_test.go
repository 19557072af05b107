package engine

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// marks are stages that tell where they were, and how often.
const marks = `
s: {type: headers, request: {add: {X-Seen: "1"}}, response: {add: {X-Back: "{status}"}, remove: [X-Gone]}}
`

// coreRows are what an exchange may go through beside its stages.
func coreRows() map[string]func(t *testing.T) *stageRow {
	back := func(status, cause string, of int) effect {
		return effect{status: of, cause: cause, fields: []string{"X-Back: " + status}}
	}
	return map[string]func(t *testing.T) *stageRow{
		"nobody is there": func(t *testing.T) *stageRow {
			t.Helper()
			return &stageRow{
				stages: marks, address: nobody(t), route: "retry: {attempts: 2, backoff: {initial: 1ms}}",
				cases: []stageCase{{name: "502", want: back("502", "connect_refused", 502)}},
			}
		},
		"no room": func(*testing.T) *stageRow {
			return &stageRow{
				stages: marks, pool: ", concurrency: {max_requests: 1, max_queue: 0}", begin: fill, serve: stuck,
				cases: []stageCase{{name: "503", want: back("503", "concurrency_limit", 503)}},
			}
		},
		"a content that is too large": func(*testing.T) *stageRow {
			return &stageRow{
				stages: marks, listener: ", limits: {body_bytes: 4B}",
				cases: []stageCase{
					{name: "413", kinds: []string{callWay}, want: back("413", "body_too_large", 413)},
					{
						name: "413", kinds: []string{plainWay}, want: back("413", "body_too_large", 413),
						but: map[string]effect{"http/1.1 GET": back("200", "", 0), "http/2 GET": back("200", "", 0), "http/3 GET": back("200", "", 0)},
					},
				},
			}
		},
		"a bug": bugRow,
		"a handler": func(*testing.T) *stageRow {
			return &stageRow{
				stages: marks + "h: {type: t_pass}\nno: {type: deny, when: {path: /no}}\n", order: "[s, h, no]", check: once,
				cases: []stageCase{
					{
						name: "passes", want: effect{seen: []string{"X-Seen: 1\r\n"}, fields: []string{"X-Back: 200", "X-Backend: yes"}},
						but: map[string]effect{
							upgradeWay: {seen: []string{"X-Seen: 1\r\n"}, fields: []string{"X-Back: 101", "X-Backend: yes"}},
						},
					},
					{name: "sees a refusal", target: "/no", want: back("403", "denied", 403)},
				},
			}
		},
		"another attempt": anotherAttempt,
		"another backend": anotherBackend,
		"an answer that is cut": func(t *testing.T) *stageRow {
			t.Helper()
			return &stageRow{
				stages: marks,
				address: scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					if readHead(in) != nil {
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n")
					}
				}),
				route: "retry: {attempts: 1}",
				cases: []stageCase{{name: "behind its head", kinds: []string{plainWay}, want: back("502", "bad_response", 502)}},
				check: once,
			}
		},
	}
}

// stuck is a backend that holds some requests until their clients leave.
func stuck(_ http.ResponseWriter, q *http.Request) bool {
	if q.URL.Path == "/stuck" {
		_, _ = io.Copy(io.Discard, q.Body) // until then nobody looks whether the client is there
		<-q.Context().Done()
	}
	return false
}

// hold sends a request for /stuck with each of those fields, and returns when all are with
// their backend. end is when their clients leave.
func (m *matrix) hold(fields ...map[string]string) (end func()) {
	ctx, leave := context.WithCancel(m.t.Context())
	var all sync.WaitGroup
	for _, with := range fields {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://a.test/stuck", http.NoBody)
		if err != nil {
			m.t.Fatal(err)
		}
		for name, value := range with {
			q.Header.Set(name, value)
		}
		client := m.web.h2Client()
		all.Go(func() {
			if resp, err := client.Do(q); err == nil {
				_ = resp.Body.Close()
			}
		})
	}
	eventually(m.t, func() string { return "all in flight" }, func() bool { return m.inFlight() == int64(len(fields)) })
	return func() {
		leave()
		all.Wait()
	}
}

// fill takes the only place of both pools.
func fill(m *matrix) (end func()) {
	return m.hold(map[string]string{}, map[string]string{"Content-Type": "application/grpc+proto"})
}

// once tells that the stages have seen one request and one answer.
func once(t *testing.T, _ *way, _ *stageCase, got *told) {
	t.Helper()
	if n := len(got.fields.Values("X-Back")); n != 1 {
		t.Errorf("answers have passed %d times: %v", n, got.fields)
	}
	if n := strings.Count(got.body, "X-Seen: 1\r\n"); n > 1 {
		t.Errorf("the request has passed %d times:\n%s", n, got.body)
	}
}

// anotherAttempt is a backend that says 503 to each first request.
func anotherAttempt(*testing.T) *stageRow {
	var asked sync.Map
	return &stageRow{
		stages: marks, route: `retry: {attempts: 2, on: ["503"], methods: [GET, POST], backoff: {initial: 1ms}}`,
		serve: func(w http.ResponseWriter, q *http.Request) bool {
			_, _ = io.Copy(io.Discard, q.Body)
			if _, again := asked.LoadOrStore(q.Header.Get("X-Way"), true); again {
				return false
			}
			w.Header().Set("X-Gone", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		cases: []stageCase{{
			name: "after a 503", fields: []string{"X-Way: {way}"}, want: effect{seen: []string{"X-Seen: 1\r\n"}, fields: []string{"X-Back: 200", "-X-Gone"}},
			but: map[string]effect{upgradeWay: {fields: []string{"X-Back: 101", "-X-Gone"}}},
		}},
		check: once,
	}
}

// anotherBackend is asked where one does not answer soon.
func anotherBackend(t *testing.T) *stageRow {
	t.Helper()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	slow := seeingBackend(t, func(_ http.ResponseWriter, q *http.Request) bool {
		select {
		case <-stuck:
		case <-q.Context().Done():
		}
		return false
	})
	return &stageRow{
		stages: marks, route: "hedge: {after: 5ms}\n", ahead: slow,
		cases: []stageCase{{
			name: "hedged", kinds: gets(), before: 1, want: effect{seen: []string{"X-Seen: 1\r\n"}, fields: []string{"X-Back: 200"}},
		}},
		check: once,
	}
}

func TestStagesSeeWhatBecomesOfAnExchange(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	for name, rowOf := range coreRows() {
		t.Run(name, func(t *testing.T) { rowOf(t).run(t, p) })
	}
}
