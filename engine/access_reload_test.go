package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/observe"
	records "github.com/isame-lb/isame-lb/engine/record"
)

// accessAs is a configuration whose access section says this too.
func accessAs(routes, access string) string {
	return strings.Replace(accessText(accessPlain, routes, accessPool), "enabled: true", "enabled: true, "+access, 1)
}

// awaitLines waits for so many lines.
func awaitLines(t *testing.T, log *lockedBuffer, n int) []string {
	t.Helper()
	eventually(t, func() string { return fmt.Sprintf("%d lines; got %q", n, log) }, func() bool { return strings.Count(log.String(), "\n") >= n })
	return strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
}

// The format and the fields are those of the generation that a request began with, and no
// line is lost between two.
func TestAccessLogChangesWithAReload(t *testing.T) {
	const route = `all: {respond: {status: 200, body: "here"}}`
	dead := nobody(t)
	var log lockedBuffer
	r := startLogged(t, &log, accessAs(route, "format: logfmt, fields: [target, status, user_agent]"), dead)
	c := r.dial()
	c.get("/1")
	r.apply(accessAs(route, "fields: [target, generation]"), dead)
	c.get("/2")
	r.apply(accessAs(route, "format: combined"), dead)
	c.get("/3")
	r.apply(accessText(accessPlain, route, accessPool), dead)
	c.get("/4")
	r.apply(strings.Replace(accessText(accessPlain, route, accessPool), "enabled: true", "enabled: false", 1), dead)
	c.get("/5")
	r.apply(accessAs(route, "fields: [target]"), dead)
	c.get("/6")
	lines := awaitLines(t, &log, 5)
	if len(lines) != 5 || lines[0] != "target=/1 status=200" || lines[1] != `{"target":"/2","generation":2}` ||
		!strings.HasPrefix(lines[2], "127.0.0.1 - - [") || !strings.Contains(lines[2], `] "GET /3 HTTP/1.1" 200 `) || lines[4] != `{"target":"/6"}` {
		t.Fatalf("got %q", lines)
	}
	var usual map[string]any
	if err := json.Unmarshal([]byte(lines[3]), &usual); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"level", "log", "client", "peer", "method", "host", "target", "status", "took_ms", "bytes_in", "bytes_out", "listener", "protocol", "route", "time"} {
		if _, ok := usual[name]; !ok {
			t.Errorf("%s is missing in %s", name, lines[3])
		}
	}
}

// An output that cannot be had refuses the configuration, and what runs stays.
func TestAccessLogThatCannotBeOpenedIsRefused(t *testing.T) {
	var log lockedBuffer
	fails := errors.New("no such folder")
	open := func(c *config.AccessLog) (AccessOut, error) {
		if c.File != "" {
			return nil, fails
		}
		return accessTo{&log}, nil
	}
	e, err := New(Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(1), Shards: 1, Access: open})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: e}
	t.Cleanup(func() { e.Shutdown(t.Context()) })
	const route = `all: {respond: {status: 200, body: "here"}}`
	dead := nobody(t)
	r.apply(accessAs(route, "fields: [target]"), dead)
	r.address = e.Listeners()[0].Bound
	err = e.Apply(parse(t, accessAs(route, "file: "+t.TempDir()+"/access.log"), dead))
	if !errors.Is(err, fails) || !strings.HasPrefix(err.Error(), "log.access.file: ") {
		t.Errorf("got %v; want it refused", err)
	}
	r.dial().get("/still")
	if lines := awaitLines(t, &log, 1); lines[0] != `{"target":"/still"}` {
		t.Errorf("got %q", lines)
	}
}

// Errors and what was not answered whole are logged whatever the sample is; refusals belong
// to it.
func TestAccessLogAlwaysHasErrors(t *testing.T) {
	var log lockedBuffer
	r := startLogged(t, &log, accessAs(`all: {pool: p, retry: {attempts: 1}}, here: {path: /here, respond: {status: 200, body: "here"}}, `+
		`no: {path: /no, respond: {status: 404, body: "no"}}, bad: {path: /bad, respond: {status: 500, body: "bad"}}`,
		"sample: 0, fields: [target, status, cause]"), scripted(t, serveErrors))
	c := r.dial()
	for _, path := range []string{"/here", "/no", "/bad", "/503", "/404", "/200"} {
		c.get(path)
	}
	cut := r.dial()
	cut.send("GET /cut HTTP/1.1\r\nHost: t\r\n\r\n")
	_, _ = io.Copy(io.Discard, cut)
	refused := r.dial()
	refused.send("GET /none%2 HTTP/1.1\r\nHost: t\r\n\r\n")
	refused.receive("GET")
	c.get("/reset")
	want := []string{
		`{"target":"/bad","status":500}`, `{"target":"/503","status":503}`, `{"target":"/cut","status":200,"cause":"truncated"}`,
		`{"target":"/reset","status":502,"cause":"reset"}`,
	}
	got := awaitLines(t, &log, len(want))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

// Nothing of what is redacted is in the log, in records, or in what is kept of requests.
func TestRedactedValuesAreKeptNowhere(t *testing.T) {
	const request = "GET /path?token=secret1&page=2 HTTP/1.1\r\nHost: secret2.test\r\nX-Key: secret3\r\nX-Plain: shown\r\nCookie: sid=secret4\r\n" +
		"Referer: http://a.example/?token=secret5\r\nX-Request-Id: secret6\r\n\r\n"
	var log lockedBuffer
	text := strings.Replace(accessAs(`all: {respond: {status: 200, body: "here"}}`, `redact: [Host, x-plain, X-Key, Cookie, X-Request-Id, "query:token"],
    fields: [target, query, host, header.X-Key, header.X-Plain, header.Cookie, cookie.sid, referer, request_id, query.token]`),
		accessPlain, accessPlain+", trusted_proxies: [127.0.0.1]", 1)
	r := startLogged(t, &log, text, nobody(t))
	tap := tapOf(r, records.Filter{})
	c := r.dial()
	c.send(request)
	c.receive("GET")
	line := awaitLines(t, &log, 1)[0]
	const want = `{"target":"/path?token=***&page=2","query":"token=***&page=2","host":"***","header.X-Key":"***","header.X-Plain":"***",` +
		`"header.Cookie":"***","cookie.sid":"***","referer":"http://a.example/?token=***","request_id":"***","query.token":"***"}`
	if line != want {
		t.Errorf("got %s; want %s", line, want)
	}
	if v := tap.want("/path"); v.Host != "***" || strings.Contains(fmt.Sprintf("%+v", v), "secret") {
		t.Errorf("got the record %+v", v)
	}
	heads := r.engine.sampler.Heads()
	eventually(t, func() string { return fmt.Sprintf("one head, not %d", len(heads)) }, func() bool { // it is kept behind the record
		heads = r.engine.sampler.Heads()
		return len(heads) == 1
	})
	if kept := string(heads[0].Text()); strings.Contains(kept, "secret") || strings.Contains(kept, "shown") || !strings.Contains(kept, "X-Plain: ***") {
		t.Errorf("kept %q", kept)
	}
}

// Parts of the time add up to all of it.
func TestAccessLogSaysWhatTheTimeWasSpentWith(t *testing.T) {
	var log lockedBuffer
	parts := make([]string, records.Parts)
	for p := range records.Parts {
		parts[p] = p.String() + "_ms"
	}
	r := startLogged(t, &log, accessAs(accessAll, "fields: [took_ms, "+strings.Join(parts, ", ")+"]"), backend(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "done")
	}))
	r.dial().get("/")
	var got map[string]float64
	if err := json.Unmarshal([]byte(awaitLines(t, &log, 1)[0]), &got); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, name := range parts {
		sum += got[name]
	}
	if took := got["took_ms"]; took == 0 || sum < took*0.99-0.1 || sum > took+0.1 || got["answer_ms"] == 0 {
		t.Errorf("got %v; want parts of %v ms", got, took)
	}
}
