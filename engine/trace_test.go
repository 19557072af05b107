package engine

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	records "github.com/isame-lb/isame-lb/engine/record"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
	sampledBy    = "traceparent: 00-" + callersTrace + "-" + callersSpan + "-01"
	ignoredBy    = "traceparent: 00-" + callersTrace + "-" + callersSpan + "-00"
)

// spans are those that a collector was given.
type spans struct {
	t    *testing.T
	url  string
	mu   sync.Mutex
	list []*otlp.Span
}

func newSpans(t *testing.T) *spans {
	t.Helper()
	s := &spans{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		var said collector.ExportTraceServiceRequest
		readOTLP(t, q, "/v1/traces", &said)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, of := range said.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				s.list = append(s.list, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// readOTLP reads what a collector is sent to a path.
func readOTLP(t *testing.T, q *http.Request, path string, said proto.Message) {
	t.Helper()
	in, err := gzip.NewReader(q.Body)
	if err != nil {
		t.Error(err)
		return
	}
	body, err := io.ReadAll(in)
	if err != nil || q.URL.Path != path || proto.Unmarshal(body, said) != nil {
		t.Errorf("%s: %v", q.URL.Path, err)
	}
}

func (s *spans) await(n int) []*otlp.Span {
	s.t.Helper()
	var list []*otlp.Span
	eventually(s.t, func() string { return fmt.Sprintf("%d spans: %v", n, list) }, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		list = slices.Clone(s.list)
		return len(list) >= n
	})
	return list
}

// traced is plain with tracing, and another route.
func (s *spans) traced(sample, route string) string {
	return strings.Replace(plain, "all: {pool: p", "all: {pool: p"+route, 1) +
		"tracing: {enabled: true, endpoint: \"" + s.url + "\", sample: " + sample + "}\n"
}

// seenBy is a backend that notes what it is told of traces, and answers with the statuses.
func seenBy(t *testing.T, statuses ...int) (address string, seen func() [][2]string) {
	t.Helper()
	var mu sync.Mutex
	var all [][2]string
	var n atomic.Int64
	address = backend(t, func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		all = append(all, [2]string{strings.Join(q.Header["Traceparent"], " | "), strings.Join(q.Header["Tracestate"], " | ")})
		mu.Unlock()
		if at := int(n.Add(1)) - 1; len(statuses) > 0 {
			w.WriteHeader(statuses[at%len(statuses)])
		}
	})
	return address, func() [][2]string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// getWith is get with further field lines.
func (c *client) getWith(path string, lines ...string) reply {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n")
	return c.receive("GET")
}

// TestAccessLogNamesTheTrace that the backend was told of, the caller's or a new one.
func TestAccessLogNamesTheTrace(t *testing.T) {
	for _, tc := range []struct {
		name, tracing string
		lines         []string
		want          string // NEW is what the backend has seen
	}{
		{"without tracing", "", []string{sampledBy}, callersTrace},
		{"without tracing, said twice", "", []string{sampledBy, ignoredBy}, ""},
		{"without tracing, said wrongly", "", []string{"traceparent: 00-" + callersTrace + "-0-01"}, ""},
		{"of the caller", "1", []string{ignoredBy}, callersTrace},
		{"begun here, not sampled", "0", nil, "NEW"},
		{"begun here, sampled", "1", nil, "NEW"},
		{"said twice, so begun here", "0", []string{sampledBy, ignoredBy}, "NEW"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := plain
			if tc.tracing != "" {
				text = newSpans(t).traced(tc.tracing, "")
			}
			var log lockedBuffer
			address, seen := seenBy(t)
			r := startLogged(t, &log, text+"log: {access: {enabled: true, fields: [log, status, trace_id]}}\n", address)
			r.dial().getWith("/", tc.lines...)
			eventually(t, func() string { return "a line: " + log.String() }, func() bool { return len(accessLines(t, &log)) == 1 })
			want := any(tc.want)
			switch tc.want {
			case "NEW":
				want = seen()[0][0][3:35]
			case "":
				want = nil
			}
			if got := accessLines(t, &log)[0]["trace_id"]; got != want {
				t.Errorf("got %v; want %v", got, want)
			}
		})
	}
}

func TestContextPassesByWhoSaysWhat(t *testing.T) {
	s := newSpans(t)
	for _, tc := range []struct {
		about, sample string
		fields        []string
		parent, state string // what the backend has to see: NEW is a trace of ours, SPAN a span of ours
	}{
		{"sampled", "0", []string{sampledBy, "tracestate: a=1,b=2"}, "00-" + callersTrace + "-SPAN-01", "a=1,b=2"},
		{"not sampled", "1", []string{ignoredBy, "Tracestate: a=1", "tracestate: b=2"}, "00-" + callersTrace + "-" + callersSpan + "-00", "a=1 | b=2"},
		{"a bad tracestate alone is dropped", "0", []string{ignoredBy, "tracestate: A"}, "00-" + callersTrace + "-" + callersSpan + "-00", ""},
		{"an empty one, too", "0", []string{ignoredBy, "tracestate:"}, "00-" + callersTrace + "-" + callersSpan + "-00", ""},
		{"said twice", "0", []string{ignoredBy, sampledBy, "tracestate: a=1"}, "00-NEW-SPAN-02", ""},
		{"said wrongly", "0", []string{"traceparent: 00-" + callersTrace + "-0-01", "tracestate: a=1"}, "00-NEW-SPAN-02", ""},
		{"a tracestate of no trace", "0", []string{"tracestate: a=1"}, "00-NEW-SPAN-02", ""},
		{"nothing, drawn", "1", nil, "00-NEW-SPAN-03", ""},
		{"nothing, not drawn", "0", nil, "00-NEW-SPAN-02", ""},
	} {
		address, seen := seenBy(t)
		r := start(t, s.traced(tc.sample, ""), address)
		if a := r.dial().getWith("/", tc.fields...); a.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d", tc.about, a.StatusCode)
		}
		got := seen()[0]
		parts := strings.Split(got[0], "-")
		if len(parts) != 4 || len(parts[1]) != 32 || len(parts[2]) != 16 {
			t.Errorf("%s: the backend saw %q", tc.about, got[0])
			continue
		}
		want := tc.parent
		if strings.Contains(want, "NEW") && parts[1] != callersTrace {
			want = strings.Replace(want, "NEW", parts[1], 1)
		}
		if strings.Contains(want, "SPAN") && parts[2] != callersSpan {
			want = strings.Replace(want, "SPAN", parts[2], 1)
		}
		if got[0] != want || got[1] != tc.state {
			t.Errorf("%s: the backend saw %q, %q; want %q, %q", tc.about, got[0], got[1], tc.parent, tc.state)
		}
	}
	address, seen := seenBy(t)
	r := start(t, plain, address)
	r.dial().getWith("/", sampledBy, "tracestate: A")
	if got := seen()[0]; got != [2]string{strings.TrimPrefix(sampledBy, "traceparent: "), "A"} {
		t.Errorf("without tracing the backend saw %q; want all as it came", got)
	}
}

// Each attempt has a span, whose id its backend was told, however Host is replaced.
func TestEachAttemptHasASpan(t *testing.T) {
	s := newSpans(t)
	address, seen := seenBy(t, http.StatusServiceUnavailable, http.StatusOK)
	text := strings.Replace(s.traced("0", `, path_prefix: /a, retry: {attempts: 2, on: ["503"], budget: {percent: 100, min_per_second: 1000}}`),
		"p: {backends", "p: {host: a-name-that-is-longer-than-that-of-the-client.test, backends", 1)
	r := start(t, text, address)
	if a := r.dial().getWith("/a/b?q=hush", sampledBy); a.StatusCode != http.StatusOK {
		t.Fatalf("got %d", a.StatusCode)
	}
	list := s.await(3)
	server := list[2]
	if server.GetName() != "GET /a" || hex.EncodeToString(server.GetParentSpanId()) != callersSpan || server.GetKind() != otlp.Span_SPAN_KIND_SERVER {
		t.Errorf("got %v", server)
	}
	for i, told := range seen() {
		if want := "00-" + callersTrace + "-" + hex.EncodeToString(list[i].GetSpanId()) + "-01"; told[0] != want {
			t.Errorf("attempt %d was told %q; want %q", i, told[0], want)
		}
		if list[i].GetKind() != otlp.Span_SPAN_KIND_CLIENT || hex.EncodeToString(list[i].GetParentSpanId()) != hex.EncodeToString(server.GetSpanId()) {
			t.Errorf("attempt %d: got %v", i, list[i])
		}
	}
	if strings.Contains(fmt.Sprint(list), "hush") {
		t.Errorf("a value of the query is exported: %v", list)
	}
}

// The line of a tunnel that has ended names the request and the trace that it began as, whose
// head is long gone.
func TestLineOfATunnelNamesItsRequest(t *testing.T) {
	for _, tracing := range []string{"", "0"} {
		text := plain
		if tracing != "" {
			text = newSpans(t).traced(tracing, "")
		}
		var log lockedBuffer
		r := startLogged(t, &log, text+"log: {access: {enabled: true, fields: [log, status, tunnel, request_id, trace_id]}}\n", switched(t, upgradeAnswer, echoBack))
		c := r.dial()
		c.send(strings.Replace(upgradeRequest, "Upgrade: websocket", sampledBy+"\r\nUpgrade: websocket", 1))
		if resp, err := http.ReadResponse(c.r, nil); err != nil || resp.StatusCode != 101 {
			t.Fatalf("got %v, %v", resp, err)
		}
		_ = c.Close()
		var lines []string
		eventually(t, func() string { return "two lines: " + log.String() }, func() bool {
			lines = regexp.MustCompile(`"request_id":"\w+","trace_id":"\w+"`).FindAllString(log.String(), -1)
			return len(lines) == 2
		})
		if lines[0] != lines[1] || !strings.Contains(lines[1], callersTrace) || !strings.Contains(log.String(), `"tunnel":true`) {
			t.Errorf("tracing %q: got\n%s", tracing, log.String())
		}
	}
}

// A hedged attempt is told its own span.
func TestRivalsHaveSpansOfTheirOwn(t *testing.T) {
	s := newSpans(t)
	var slow atomic.Pointer[string]
	late := backend(t, func(_ http.ResponseWriter, q *http.Request) {
		told := q.Header.Get("Traceparent")
		slow.Store(&told)
		<-q.Context().Done()
	})
	quick, seen := seenBy(t)
	text := strings.Replace(s.traced("1", ", hedge: {after: 20ms}, retry: {budget: {percent: 100, min_per_second: 1000}}"),
		`{address: "{{backend}}"}`, `{address: "`+late+`", weight: 100}, {address: "`+quick+`"}`, 1)
	text = strings.Replace(text, "p: {backends", "p: {algorithm: weighted_round_robin, backends", 1)
	r := start(t, text, "")
	if a := r.dial().get("/"); a.StatusCode != http.StatusOK {
		t.Fatalf("got %d", a.StatusCode)
	}
	for _, span := range s.await(3)[:2] {
		id := hex.EncodeToString(span.GetSpanId())
		if told := *slow.Load(); !strings.Contains(told, id) && !strings.Contains(seen()[0][0], id) {
			t.Errorf("nobody was told %s: %s and %s", id, told, seen()[0][0])
		}
	}
	if *slow.Load() == seen()[0][0] {
		t.Error("both were told the same")
	}
}

// Answers of our own have a span, and tracing can be switched off and on.
func TestAnswersOfOurOwnHaveASpan(t *testing.T) {
	s := newSpans(t)
	text := strings.Replace(s.traced("1", ""), "all: {pool: p}", `all: {path: /p, pool: p}, own: {path: /own, respond: {status: 204}}`, 1)
	r := start(t, strings.Replace(text, "enabled: true, endpoint", "enabled: false, endpoint", 1), "127.0.0.1:1")
	r.dial().get("/own")
	r.apply(text, "127.0.0.1:1")
	r.dial().get("/own")
	r.dial().get("/none")
	r.dial().get("/p")
	names := map[string]string{}
	for _, span := range s.await(5) { // two of them are attempts
		for _, a := range span.GetAttributes() {
			if a.GetKey() == "isame.end" {
				names[span.GetName()] += a.GetValue().GetStringValue()
			}
		}
	}
	if got := fmt.Sprint(names); got != "map[GET:no_route GET /own:ok GET /p:connect_refused]" {
		t.Errorf("got %s", got)
	}
	var page strings.Builder
	r.engine.registry.WriteMetrics(&page, "application/openmetrics-text")
	for _, route := range []string{"", "own", "all"} {
		if !regexp.MustCompile(`isame_request_duration_seconds_bucket\{route="` + route + `",le="[^"]*"\} \d+ # \{(request_id="\w+",)?trace_id="\w{32}"\}`).MatchString(page.String()) {
			t.Errorf("route %q: no exemplar of a trace:\n%s", route, page.String())
		}
	}
	eventually(t, func() string { return "the metrics count the spans" }, func() bool { // once the collector's answer has come
		var text strings.Builder
		r.engine.registry.WriteMetrics(&text, "")
		return strings.Contains(text.String(), "isame_trace_spans_total{result=\"exported\"} 5\n") &&
			strings.Contains(text.String(), "isame_trace_spans_total{result=\"lost\"} 0\n")
	})
}

// What an attempt was to the circuit breaker of its backend stands in its record and in its
// span: the failure that has opened it, the trial that opens it again, and the one that
// closes it.
func TestRecordsAndSpansTellOfTheBreaker(t *testing.T) {
	s := newSpans(t)
	text := strings.Replace(s.traced("1", ""), `"}]}`, `"}], circuit_breaker: {failures: 1, open_for: 20ms, half_open_requests: 1, max_ejected_percent: 100}}`, 1)
	r := start(t, text, scripted(t, troubled))
	ask := func(path string) records.View {
		t.Helper()
		eventually(t, func() string { return "the backend is asked for " + path }, func() bool {
			return r.dial().get(path).StatusCode != http.StatusServiceUnavailable
		})
		return r.recorded(path)
	}
	opened, again, closed := ask("/nonsense"), ask("/reset"), ask("/fine")
	for _, tc := range []struct {
		got  *records.View
		want string
	}{
		{&opened, "502 bad_response answer; 1: bad_response 0 opened"},
		{&again, "502 reset answer; 1: reset 0 trial opened"},
		{&closed, "200 ok done; 1: ok 200 trial closed"},
	} {
		if got := story(tc.got); got != tc.want {
			t.Errorf("got %q; want %q", got, tc.want)
		}
	}
	var events []string
	want := []string{"opened", "trial", "opened", "trial", "closed"}
	eventually(t, func() string { return fmt.Sprintf("the spans tell of %v: %v", want, events) }, func() bool {
		events = nil
		for _, span := range s.await(6) {
			for _, e := range span.GetEvents() {
				if name, is := strings.CutPrefix(e.GetName(), "circuit breaker "); is {
					events = append(events, name)
				}
			}
		}
		return slices.Equal(events, want)
	})
}
