package engine

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// mirrorBackend is a backend that answers with the request it was sent, as text.
func mirrorBackend(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Backend", "yes")
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Host+"\n")
		_ = r.Header.Write(w)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// staged is an engine with one listener and one route to such a backend; stages are its
// middleware section, route further keys of the route.
func staged(t testing.TB, stages, route string) *rig {
	t.Helper()
	return start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  all:
    pool: p
`+indent(route, 4)+`
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
`+indent(stages, 2), mirrorBackend(t))
}

func indent(text string, by int) string {
	pad := strings.Repeat(" ", by)
	return pad + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+pad) + "\n"
}

// ask sends a request with these field lines and returns the answer, read whole.
func (r *rig) ask(method, target string, lines ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.address+target, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	client.CloseIdleConnections()
	return resp, string(body)
}

func TestStagesRunInTheirOrder(t *testing.T) {
	r := staged(t, `
one: {type: headers, request: {add: {X-Seen: one}}, response: {add: {X-Back: one}}}
two: {type: headers, request: {add: {X-Seen: two}}, response: {add: {X-Back: two}}}
three: {type: headers, request: {add: {X-Seen: three}}, response: {add: {X-Back: three}}}
both: {type: chain, stages: [two, three]}
`, "middleware: [one, both]")
	resp, body := r.ask("GET", "/")
	if got := strings.Join(resp.Header.Values("X-Back"), " "); got != "three two one" {
		t.Errorf("answers pass %q; want the reverse order", got)
	}
	if !strings.Contains(body, "X-Seen: one\r\nX-Seen: two\r\nX-Seen: three\r\n") {
		t.Errorf("got\n%s; want one, two, three", body)
	}
}

func TestStagesOfDefaultsStandInFront(t *testing.T) {
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
defaults: {middleware: [a, b]}
routes:
  all: {pool: p, middleware: [c]}
  less: {pool: p, path: /less, skip: [a]}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  a: {type: headers, request: {add: {X-Seen: a}}}
  b: {type: headers, request: {add: {X-Seen: b}}}
  c: {type: headers, request: {add: {X-Seen: c}}}
`, mirrorBackend(t))
	for target, want := range map[string]string{"/": "abc", "/less": "b"} {
		_, body := r.ask("GET", target)
		var seen strings.Builder
		for line := range strings.SplitSeq(body, "\r\n") {
			if value, ok := strings.CutPrefix(line, "X-Seen: "); ok {
				seen.WriteString(value)
			}
		}
		if seen.String() != want {
			t.Errorf("%s passes %q; want %q", target, seen.String(), want)
		}
	}
}

func TestStageAnswersAndOuterStagesSeeIt(t *testing.T) {
	r := staged(t, `
outer: {type: headers, response: {set: {X-Outer: "{status}"}, remove: [X-Isame-Error]}}
no: {type: deny, status: 451, body: "not here", when: {path_prefix: /secret}}
inner: {type: headers, response: {set: {X-Inner: "1"}}}
`, "middleware: [outer, no, inner]")
	resp, body := r.ask("GET", "/secret/x")
	if resp.StatusCode != 451 || body != "not here" || resp.Header.Get("X-Outer") != "451" || resp.Header.Get("X-Inner") != "" ||
		resp.Header.Get("X-Isame-Error") != "" {
		t.Errorf("got %d %q %v; want 451 with X-Outer alone", resp.StatusCode, body, resp.Header)
	}
	resp, _ = r.ask("GET", "/secretive")
	if resp.StatusCode != 200 || resp.Header.Get("X-Outer") != "200" || resp.Header.Get("X-Inner") != "1" {
		t.Errorf("got %d %v; want 200 with both", resp.StatusCode, resp.Header)
	}
}
