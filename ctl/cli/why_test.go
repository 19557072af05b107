package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/end"
)

// recordOf is a record that ended so, with what an end says.
func recordOf(e end.End, p end.Phase, r api.Record) api.Record {
	r.Cause, r.Side, r.Phase, r.Meaning, r.Advice = e.Word(), e.Side().String(), e.In(p).String(), e.Text(), e.Advice()
	r.Generation, r.Listener, r.Attempts = 7, "web", len(r.Tries)
	return r
}

// sampleRecords are newest first.
func sampleRecords() []api.Record {
	return []api.Record{
		recordOf(end.ConnectRefused, end.PhaseConnect, api.Record{
			RequestID: "4f2a9c01b7d3e855", RequestIDCut: true, Started: now.Add(-12 * time.Minute), TookMS: 31.25, AdmitMS: 0.125,
			Route: "api", Pool: "api", Backend: "10.0.0.2:8080", Client: "2001:db8::7", Protocol: "HTTP/2", TLS: true,
			Method: "GET", Host: "shop.example", Path: "/" + strings.Repeat("a/long/path/", 5) + "end", PathCut: true,
			Status: 502, NoRetry: "budget", BytesIn: 350, BytesOut: 512,
			Tries: []api.RecordTry{
				{Attempt: 1, Backend: "10.0.0.1:8080", BeganMS: 0.125, AnswerMS: 4.5, Reused: true, ConnectionAgeSeconds: 88, IdleMS: 4321, Cause: end.Reset.Word()},
				{Attempt: 2, Backend: "10.0.0.2:8080", BeganMS: 30.5, AnswerMS: 0.25, Cause: end.ConnectRefused.Word()},
			},
		}),
		recordOf(end.OK, end.PhaseRelay, api.Record{
			RequestID: "b1", Started: now.Add(-time.Hour), TookMS: 61_234, ReadMS: 20, AdmitMS: 1020, Route: "api", Pool: "api", Backend: "10.0.0.3:8080",
			Client: "192.0.2.7", Protocol: "HTTP/1.1", Method: "POST", Host: strings.Repeat("h", 32), HostCut: true, Path: "/report",
			Status: 200, BytesIn: 1_234_567, BytesOut: 89,
			Tries: []api.RecordTry{
				{Attempt: 1, Backend: "10.0.0.1:8080", BeganMS: 1020, ConnectMS: 0.5, AnswerMS: 1000, Status: 503, Cause: end.OK.Word()},
				{Attempt: 2, Backend: "10.0.0.2:8080", BeganMS: 2050, ConnectMS: 0.5, AnswerMS: 1000, Status: 503, Cause: end.OK.Word()},
				{Attempt: 3, Backend: "10.0.0.1:8080", BeganMS: 3090, ConnectMS: 0.5, AnswerMS: 1000, Status: 503, Cause: end.OK.Word()},
				{Attempt: 6, Backend: "10.0.0.3:8080", BeganMS: 20_000, ConnectMS: 1.5, AnswerMS: 40_000, Hedge: true, HedgeWon: true, Status: 200, Cause: end.OK.Word()},
			},
		}),
		recordOf(end.NoRoute, end.PhaseRoute, api.Record{
			Started: now.Add(-2 * time.Hour), TookMS: 0.05, Client: "192.0.2.8", Protocol: "HTTP/1.0", Method: "GET", Host: "a.test", Path: "/\x1b[31mred",
			Status: 404, BytesIn: 60, BytesOut: 300,
		}),
		recordOf(end.MissingHost, end.PhaseRead, api.Record{
			Started: now.Add(-3 * time.Hour), TookMS: 0.05, Protocol: "HTTP/1.1", Status: 400, BytesIn: 20, BytesOut: 300,
		}),
		recordOf(end.BackendGone, end.PhaseTunnel, api.Record{
			RequestID: "c3", Started: now.Add(-4 * time.Hour), TookMS: 3_600_000, Route: "ws", Pool: "ws", Backend: "10.0.0.9:80", Client: "192.0.2.9",
			Protocol: "HTTP/1.1", Tunnel: true, Method: "GET", Host: "a.test", Path: "/chat", Status: 101, BytesIn: 5000, BytesOut: 700_000,
			Tries: []api.RecordTry{{Attempt: 1, Backend: "10.0.0.9:80", ConnectMS: 0.5, AnswerMS: 2, Status: 101, Cause: end.OK.Word()}},
		}),
		recordOf(end.ClientGone, end.PhaseAnswer, api.Record{
			RequestID: "d4", Started: now.Add(-5 * time.Hour), TookMS: 900, Route: "api", Pool: "api", Backend: "10.0.0.1:8080", Client: "192.0.2.9",
			Protocol: "HTTP/3", TLS: true, Method: "GET", Host: "a.test", Path: "/slow", Status: 499, BytesIn: 80,
			Tries: []api.RecordTry{
				{Attempt: 1, Backend: "10.0.0.1:8080", ConnectMS: 0.5, AnswerMS: 900, Cause: end.ClientGone.Word()},
				{Attempt: 2, Backend: "10.0.0.2:8080", BeganMS: 50, Hedge: true, Cause: end.Outrun.Word()},
			},
		}),
	}
}

// records is the fake recorder of a fake process.
func (p *proxy) records(q *ctl.RecordQuery) (ctl.RecordPage, error) {
	page := ctl.RecordPage{Since: now.Add(-6 * time.Hour), ErrorsSince: now.Add(-48 * time.Hour)}
	for _, r := range sampleRecords() {
		failed := r.Cause != end.OK.Word() || r.Status >= 500
		if q.RequestID != "" && q.RequestID != r.RequestID || q.Errors && !failed || q.StatusFrom > r.Status || q.StatusTo > 0 && q.StatusTo < r.Status ||
			q.Route != "" && q.Route != r.Route {
			continue
		}
		page.Records = append(page.Records, r)
	}
	if q.Slowest {
		slices.SortFunc(page.Records, func(a, b api.Record) int { return int(b.TookMS - a.TookMS) })
	}
	page.Records = page.Records[:min(len(page.Records), q.Limit)]
	return page, nil
}

// What an explanation says is what a reader needs: nothing of it may be cut.
func TestExplanations(t *testing.T) {
	p := startProxy(t, "")
	for _, tc := range []struct {
		args string
		want []string
	}{
		{"why 4f2a9c01b7d3e855…", []string{
			"GET shop.example/a/long/path/a/long/path/a/long/path/a/long/path/a/long/path/end…: 502 connect_refused, 11m ago",
			"It came from 2001:db8::7 over HTTP/2 and TLS to listener web, at 2026-03-04 04:54:07.000 UTC.",
			"Its path is longer than the 64 bytes that are kept. Its id begins with 4f2a9c01b7d3e855.",
			"Route api of generation 7 has sent it to pool api.",
			"After 0.1ms 10.0.0.1:8080 was asked, on a connection that was used before, about 88.0s old, and had been idle for 4.3s. It ended 4.5ms after it had begun, without an answer: reset.",
			"After 30ms 10.0.0.2:8080 was asked. It ended 0.2ms later without a connection: connect_refused. The backend refuses connections.",
			"its retry budget was used up", "The client was answered 502.", "It is the backend's doing.", "Nobody listens at the backend's address",
		}},
		{"why --slowest --route api", []string{
			"Its host is longer than the 32 bytes that are kept. Its id is b1.",
			"61.2s in all: 20ms until the head of the request was here, 1.0s until a backend was asked",
			"59.0s until the head of the answer came, in all attempts, 1.2s from there to the end.",
			"It answered 503, 1.0s after it had begun.", "Of attempts 4 to 5 nothing is kept.",
			"After 20.0s 10.0.0.3:8080 was asked as well, as the answer was late, on a new connection (1.5ms). It answered 200, 40.0s after it had begun.",
			"1,234,567 bytes came from it, and 89 went to it.", "ok. The answer was sent whole.",
		}},
		{"why --slowest", []string{"GET a.test/chat: 101 backend_gone", "The client got 101, and then a tunnel.", "It answered 101, 2.0ms after it had begun."}},
		{"why d4", []string{"The client was not there to be answered: it counts as 499.", "Its answer was not needed", "It is the client's doing."}},
	} {
		whole := ""
		for _, width := range []int{300, 80, 40, 39, 12} {
			got := run(p, []string{fmt.Sprintf("COLUMNS=%d", width)}, strings.Fields(tc.args)...)
			if got.code != ExitDone || got.stderr != "" {
				t.Fatalf("%s: got %+v", tc.args, got)
			}
			if words := strings.Fields(got.stdout); width == 300 {
				whole = strings.Join(words, "")
				for _, want := range tc.want {
					if !strings.Contains(strings.Join(words, " "), want) {
						t.Errorf("%s: no %q in\n%s", tc.args, want, got.stdout)
					}
				}
			} else if strings.Join(words, "") != whole {
				t.Errorf("%s in %d columns says something else:\n%s", tc.args, width, got.stdout)
			}
		}
	}
}

func TestWhyUsage(t *testing.T) {
	p := startProxy(t, "")
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"why", ExitUsage, "why needs a request id"},
		{"why a b", ExitUsage, "why [REQUEST-ID]"},
		{"why a --last-error", ExitUsage, "a request id stands alone"},
		{"why a --route x", ExitUsage, "a request id stands alone"},
		{"why --list --slowest", ExitUsage, "--list stands alone"},
		{"why --last-error --slowest", ExitUsage, "exclude each other"},
		{"why --limit 0", ExitUsage, "limit 0"},
		{"why --limit 1001", ExitFailed, "between 1 and 1000"},
		{"why --cause none", ExitFailed, "no word of the list of ends"},
		{"why --status abc", ExitFailed, "502, 5xx or 500-599"},
		{"why nobody", ExitFailed, "every exchange that has ended since 2026-03-03T23:06:07Z is kept"},
		{"why --route nobody", ExitDone, "no request that is kept is so"},
	} {
		got := run(p, nil, strings.Fields(tc.args)...)
		if got.code != tc.code || !strings.Contains(got.stdout+got.stderr, tc.want) {
			t.Errorf("%s: got %+v; want exit %d and %q", tc.args, got, tc.code, tc.want)
		}
	}
}

func TestWhyAsValues(t *testing.T) {
	p := startProxy(t, "")
	got := run(p, nil, "why", "--last-error", "-o", "json")
	var list []api.Record
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || len(list) != 1 || list[0].Cause != "connect_refused" || len(list[0].Tries) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	if got = run(p, nil, "why", "b1", "-o", "yaml"); !strings.Contains(got.stdout, "request_id: b1") || !strings.Contains(got.stdout, "hedge_won: true") {
		t.Errorf("got %+v", got)
	}
	got = run(nil, nil, "why", "--list", "-o", "json")
	var ends []endReport
	if err := json.Unmarshal([]byte(got.stdout), &ends); err != nil || len(ends) != int(end.Ends) || ends[0].Cause != "ok" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Several exchanges with one id are all told, up to a bound.
func TestWhySeveral(t *testing.T) {
	s := newScreen(&Env{Now: func() time.Time { return now }})
	r := sampleRecords()[0]
	explainRecords(s, slices.Repeat([]api.Record{r}, recordsExplained+3))
	if got := s.buf.String(); strings.Count(got, "To do") != recordsExplained || !strings.Contains(got, "3 more have the same request id") {
		t.Errorf("got\n%s", got)
	}
}

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 5, nil},
		{"a b c", 5, []string{"a b c"}},
		{"a b  c d", 3, []string{"a b", "c d"}},
		{"abcdefgh i", 3, []string{"abc", "def", "gh", "i"}},
		{"a bcdef", 3, []string{"a", "bcd", "ef"}},
		{"ää öö", 2, []string{"ää", "öö"}},
	} {
		if got := wrap(tc.text, tc.width); !slices.Equal(got, tc.want) {
			t.Errorf("%q in %d: got %q; want %q", tc.text, tc.width, got, tc.want)
		}
	}
}

// Every way in which an attempt may end reads as sentences.
func TestAttemptsAreTold(t *testing.T) {
	for e := range end.Ends {
		for _, status := range []int{0, 200} {
			text := attempted(&api.RecordTry{Attempt: 1, Backend: "10.0.0.1:80", Status: status, Cause: e.Word()})
			if !strings.HasSuffix(text, ".") || strings.Contains(text, "..") || strings.Contains(text, "%!") || !strings.Contains(text, "10.0.0.1:80") {
				t.Errorf("%v %d: %q", e, status, text)
			}
		}
	}
	for _, tc := range []struct {
		try  api.RecordTry
		want string
	}{
		{api.RecordTry{Trial: true, Breaker: "opened"}, " It was a trial: the circuit breaker was half-open. With that the circuit breaker of b:1 has opened."},
		{api.RecordTry{Trial: true, Breaker: "closed"}, " It was a trial: the circuit breaker was half-open. With that the circuit breaker of b:1 has closed."},
		{api.RecordTry{Breaker: "opened"}, "was asked, on a new connection (0.0ms). It ended 0.0ms after it had begun, without an answer: reset. " +
			end.Reset.Text() + " With that the circuit breaker of b:1 has opened."},
	} {
		tc.try.Backend, tc.try.Cause = "b:1", end.Reset.Word()
		if text := attempted(&tc.try); !strings.HasSuffix(text, tc.want) {
			t.Errorf("got %q; want it to end with %q", text, tc.want)
		}
	}
	for _, reason := range []string{"body", "budget", "deadline", "something new"} {
		if text := notRepeated(reason); !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", reason, text)
		}
	}
}
