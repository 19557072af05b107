package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/observe"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
)

// ends are the samples of isame_ends_total that are not 0: "cause side phase n".
func (r *rig) ends() string {
	var text strings.Builder
	r.engine.registry.WriteMetrics(&text, "")
	line := regexp.MustCompile(`(?m)^isame_ends_total\{cause="(.*?)",side="(.*?)",phase="(.*?)"\} ([1-9][0-9]*)$`)
	var all []string
	for _, m := range line.FindAllStringSubmatch(text.String(), -1) {
		all = append(all, strings.Join(m[1:], " "))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// causes are those of the access log, in its order: "status cause".
func causesLogged(t testing.TB, log *lockedBuffer) string {
	t.Helper()
	var all []string
	for _, line := range accessLines(t, log) {
		all = append(all, fmt.Sprintf("%v %v", line["status"], line["cause"]))
	}
	return strings.Join(all, ", ")
}

// One end has one word, in the answer, in the log and in the metrics.
func TestEndsHaveOneWordEverywhere(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: t\r\n\r\n"
	gone := func(c net.Conn, in *bufio.Reader) { readHead(in); breakOff(c) }
	for _, tc := range []struct {
		name, routes, options, request string
		talk                           func(c net.Conn, in *bufio.Reader) // nil: nobody listens
		header, log, metric            string
	}{
		{"good", accessAll, "", get, func(c net.Conn, in *bufio.Reader) { readHead(in); _, _ = io.WriteString(c, ok) }, "", "200 <nil>", "ok nobody done 1"},
		{"made by a route", `all: {respond: {status: 404, body: "no"}}`, "", get, nil, "", "404 <nil>", "ok nobody done 1"},
		{"no route", `other: {path: /other, pool: p}`, "", get, nil, "no_route", "404 no_route", "no_route proxy route 1"},
		{"refused head", accessAll, "", "GET / HTTP/1.1\r\n\r\n", nil, "missing_host", "400 missing_host", "missing_host client read 1"},
		{"nobody listens", accessAll, "", get, nil, "connect_refused", "502 connect_refused", "connect_refused backend connect 1"},
		{"backend resets", `all: {pool: p, retry: {attempts: 1}}`, "", get, gone, "reset", "502 reset", "reset backend answer 1"},
		{
			"no HTTP", `all: {pool: p, retry: {attempts: 1}}`, "", get, func(c net.Conn, in *bufio.Reader) { readHead(in); _, _ = io.WriteString(c, "SSH-2.0\r\n\r\n") },
			"bad_response", "502 bad_response", "bad_response backend answer 1",
		},
		{"late", `all: {pool: p, timeout: 50ms}`, "", get, func(_ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) }, "timeout", "504 timeout", "timeout backend answer 1"},
		{
			"cut short", accessAll, "", get, func(c net.Conn, in *bufio.Reader) {
				readHead(in)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
				breakOff(c)
			}, "", "200 truncated", "truncated backend relay 1",
		},
		{
			"body too large at once", accessAll, `, limits: {body_bytes: 3B}`, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody",
			nil, "body_too_large", "413 body_too_large", "body_too_large client admit 1",
		},
		{
			"body too large in the end", accessAll, `, limits: {body_bytes: 3B}`, "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
			nil, "body_too_large", "413 body_too_large", "body_too_large client admit 1",
		},
		{
			"body without framing", accessAll, "", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
			nil, "client_bad_body", "400 client_bad_body", "client_bad_body client answer 1",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			address := nobody(t)
			if tc.talk != nil {
				address = scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) { tc.talk(c, in) })
			}
			r := startLogged(t, &log, accessText(accessPlain+tc.options, tc.routes, accessPool), address)
			c := r.dial()
			c.send(tc.request)
			resp, err := c.r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			header := ""
			for line := resp; line != "\r\n" && err == nil; line, err = c.r.ReadString('\n') {
				if v, found := strings.CutPrefix(line, "X-Isame-Error: "); found {
					header = strings.TrimSpace(v)
				}
			}
			eventually(t, func() string { return "the end " + tc.metric + "; got " + r.ends() }, func() bool { return r.ends() == tc.metric })
			eventually(t, func() string { return "a line" }, func() bool { return causesLogged(t, &log) != "" })
			if got := causesLogged(t, &log); header != tc.header || got != tc.log {
				t.Errorf("got %q in the header and %q in the log; want %q and %q", header, got, tc.header, tc.log)
			}
		})
	}
}

// startToEnd is startLogged for a test that ends the engine itself.
func startToEnd(t testing.TB, log io.Writer, text, backend string) *rig {
	t.Helper()
	e, err := New(Options{
		Logger: zerolog.New(log).Level(zerolog.WarnLevel), Registry: observe.NewRegistry(1), Shards: 1, Access: accessTo{log}.open,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: e}
	r.apply(text, backend)
	r.address = e.Listeners()[0].Bound
	return r
}

// What a drain cuts is the proxy's doing, wherever it is cut, and not its client's.
func TestCutByTheDrainIsTheProxysDoing(t *testing.T) {
	asked := make(chan struct{}, 16)
	silent := func(c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			switch {
			case q.Header.Get("Upgrade") != "":
				_, _ = io.WriteString(c, strings.ReplaceAll(upgradeAnswer, "websocket", "echo"))
			case q.URL.Path == "/half":
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
			}
			asked <- struct{}{}
		}
	}
	const get = "GET / HTTP/1.1\r\nHost: t\r\n\r\n"
	for _, tc := range []struct {
		name, options, log, metric string
		begin                      func(t *testing.T, r *rig)
	}{
		{"without an answer", "", "503 drained", "drained proxy answer 1", func(_ *testing.T, r *rig) { r.dial().send(get); <-asked }},
		{"in its answer", "", "200 drained", "drained proxy relay 1", func(t *testing.T, r *rig) {
			t.Helper()
			c := r.dial()
			c.send("GET /half HTTP/1.1\r\nHost: t\r\n\r\n")
			if _, err := c.r.Peek(1); err != nil {
				t.Error(err)
			}
			<-asked
		}},
		{"in its body", "", "503 drained", "drained proxy answer 1", func(_ *testing.T, r *rig) {
			r.dial().send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nhalf")
			<-asked
		}},
		// The one with the slot may be cut first, and leave it to the other, which is cut later on its way then.
		{"in the queue", "", "503 drained, 503 drained", "drained proxy admit 1, drained proxy answer 1|" +
			"drained proxy answer 1, drained proxy connect 1|drained proxy answer 2", func(t *testing.T, r *rig) {
			t.Helper()
			r.dial().send(get)
			<-asked
			r.dial().send(get)
			eventually(t, func() string { return "one waits" }, func() bool { return r.engine.Pools()[0].Concurrency.Waiting == 1 })
		}},
		{"HTTP/2", ", h2c: true", "503 drained", "drained proxy answer 1", func(_ *testing.T, r *rig) { r.h2().open(true, to("GET", "/")...); <-asked }},
		{"tunnel", "", "101 <nil>", "drained proxy tunnel 1", func(t *testing.T, r *rig) {
			t.Helper()
			c := r.dial()
			c.send(strings.ReplaceAll(upgradeRequest, "websocket", "echo"))
			<-asked
			eventually(t, func() string { return "a tunnel" }, func() bool { return r.tunnels() == 1 })
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			address := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) { silent(c, in) })
			r := startToEnd(t, &log, accessText(accessPlain+tc.options, accessAll,
				`p: {backends: [{address: "{{backend}}"}], concurrency: {max_requests: 1, max_queue: 5}}`), address)
			tc.begin(t, r)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			r.engine.Shutdown(ctx)
			ended := func() bool { return regexp.MustCompile("^(" + tc.metric + ")$").MatchString(r.ends()) }
			eventually(t, func() string { return "the end " + tc.metric + "; got " + r.ends() }, ended)
			if got := causesLogged(t, &log); got != tc.log {
				t.Errorf("got %q; want %q", got, tc.log)
			}
			kept, err := r.engine.Recorder().Find(&records.Query{Limit: 10})
			if err != nil || len(kept.Records) == 0 {
				t.Fatalf("%d records, %v", len(kept.Records), err)
			}
			for i := range kept.Records {
				if told := story(&kept.Records[i]); strings.Contains(told, end.ClientGone.Word()) {
					t.Errorf("an attempt blames the client: %s", told)
				}
			}
		})
	}
}
