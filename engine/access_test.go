package engine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// accessText is a configuration with an access log, by its routes.
func accessText(listener, routes, pools string) string {
	return "listeners: {web: {" + listener + "}}\nroutes: {" + routes + "}\npools: {" + pools +
		"}\nlog: {access: {enabled: true}}\nshutdown: {drain: 5s}\n"
}

const (
	accessPlain = `address: "127.0.0.1:0"`
	accessAll   = `all: {pool: p}`
	accessPool  = `p: {backends: [{address: "{{backend}}"}]}`
)

// accessLines are the lines of the access log, those of tunnels left out.
func accessLines(t testing.TB, log *lockedBuffer) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("not JSON: %q: %v", line, err)
		}
		if fields["log"] == "access" && fields["tunnel"] == nil {
			all = append(all, fields)
		}
	}
	return all
}

// checkAccess waits for as many lines as want has, each "METHOD host target status".
func checkAccess(t *testing.T, log *lockedBuffer, want ...string) {
	t.Helper()
	eventually(t, func() string { return fmt.Sprintf("%d lines of the access log:\n%s", len(want), log) },
		func() bool { return len(accessLines(t, log)) >= len(want) })
	for i, line := range accessLines(t, log) {
		if got := fmt.Sprintf("%v %v %v %v", line["method"], line["host"], line["target"], line["status"]); i >= len(want) || got != want[i] {
			t.Errorf("line %d: got %q; want %q", i, got, append(want, "none")[min(i, len(want))])
		}
	}
}

// The line of a request says what its own head said, whatever the client sends
// behind its body.
func TestAccessLogIsOfItsOwnRequest(t *testing.T) {
	const (
		fake    = "HEAD /fake HTTP/1.1\r\nHost: fake.test\r\n\r\n"
		chunked = "POST /real HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
		length  = "POST /real HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"
	)
	for _, tc := range []struct {
		name  string
		parts []string // the backend has seen the one before when the next is sent
	}{
		{"chunked body in pieces", []string{chunked, "1\r\nx\r\n", "0\r\n\r\n" + fake}},
		{"chunked body in one piece", []string{chunked, "1\r\nx\r\n0\r\n\r\n" + fake}},
		{"chunked body with its head", []string{chunked + "1\r\nx\r\n0\r\n\r\n" + fake}},
		{"chunked body begun with its head", []string{chunked + "1\r\nx\r\n", "0\r\n\r\n" + fake}},
		{"body of a length in pieces", []string{length, "hel", "lo" + fake}},
		{"body of a length with its head", []string{length + "hello" + fake}},
		{"body of a length begun with its head", []string{length + "he", "llo" + fake}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			seen := make(chan string, 16)
			r := startLogged(t, &log, accessText(accessPlain, accessAll, accessPool), accessBackend(t, seen))
			c := r.dial()
			for i, part := range tc.parts {
				c.send(part)
				if i == 0 {
					if got := <-seen; got != "POST /real" {
						t.Fatalf("the backend saw %s; want POST /real", got)
					}
				} else if i < len(tc.parts)-1 {
					<-seen
				}
			}
			c.receive("POST")
			c.receive("HEAD")
			checkAccess(t, &log, "POST a.test /real 200", "HEAD fake.test /fake 200")
		})
	}
}

// accessBackend answers each request once its body is whole, and says on seen what
// it has read: heads, then pieces of bodies.
func accessBackend(tb testing.TB, seen chan string) string {
	tb.Helper()
	return backend(tb, func(w http.ResponseWriter, q *http.Request) {
		say := func(text string) {
			select {
			case seen <- text:
			default:
			}
		}
		say(q.Method + " " + q.URL.Path)
		for buf := make([]byte, 64); ; {
			n, err := q.Body.Read(buf)
			if n > 0 {
				say(string(buf[:n]))
			}
			if err != nil {
				break
			}
		}
		_, _ = io.WriteString(w, "done")
	})
}

// A request that switches protocols is logged as what it was, not as what lies in a
// buffer that was given back.
func TestAccessLogOfUpgrades(t *testing.T) {
	address := switched(t, upgradeAnswer, echoBack)
	for _, tc := range []struct {
		name, text, want string
		open             func(r *rig)
	}{
		{"HTTP/1.1", accessText(accessPlain, accessAll, accessPool), "GET t /chat 101", func(r *rig) { r.dial().upgrade() }},
		{"HTTP/1.1 with bytes behind it", accessText(accessPlain, accessAll, accessPool), "GET t /chat 101", func(r *rig) {
			c := r.dial()
			c.send(upgradeRequest + strings.Repeat("HEAD /fake HTTP/1.1\r\nHost: fake.test\r\n\r\n", 20))
			c.receive("CONNECT")
		}},
		{"HTTP/2", accessText(accessPlain+", h2c: true", accessAll, accessPool), "GET t /chat 101", func(r *rig) { r.h2().connect() }},
		{"HTTP/3", h3Text(t) + "log: {access: {enabled: true}}\n", "GET t /chat 101", func(r *rig) {
			c := r.h3(noSettings)
			s := c.open(false, section3(connectTo("/chat")...))
			_, _ = io.ReadFull(s, make([]byte, 1))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			r := startLogged(t, &log, tc.text, address)
			tc.open(r)
			checkAccess(t, &log, tc.want)
		})
	}
}

// Whatever the exchange went through, its line is that of its head.
func TestAccessLogAfterDetours(t *testing.T) {
	const pipelined = "HEAD /fake HTTP/1.1\r\nHost: fake.test\r\n\r\n"
	body := strings.Repeat("x", 40<<10)
	for _, tc := range []struct {
		name, routes, request, rest string
		serve                       func(n int64, c net.Conn, in *bufio.Reader)
		want                        []string
	}{
		{
			"early answer", accessAll, "POST /real HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n01234", "56789" + pipelined,
			func(_ int64, c net.Conn, in *bufio.Reader) {
				for readHead(in) != nil {
					_, _ = io.WriteString(c, ok)
				}
			},
			[]string{"POST a.test /real 200", "HEAD fake.test /fake 200"},
		},
		{
			"retry of a body", `all: {pool: p, retry: {attempts: 2, on: ["503"], backoff: {initial: 1ms}}}`,
			"PUT /real HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", "a000\r\n" + body + "\r\n0\r\n\r\n" + pipelined,
			func(n int64, c net.Conn, in *bufio.Reader) {
				for q := readHead(in); q != nil; q = readHead(in) {
					_, _ = io.Copy(io.Discard, q.Body)
					if n == 1 {
						_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
						return
					}
					if q.Method == "HEAD" {
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
						continue
					}
					_, _ = io.WriteString(c, ok)
				}
			},
			[]string{"PUT a.test /real 200", "HEAD fake.test /fake 200"},
		},
		{
			"answer of a route to a body", `all: {respond: {status: 200, body: "here"}}`,
			"POST /real HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n0\r\n\r\n" + pipelined, nil,
			[]string{"POST a.test /real 200", "HEAD fake.test /fake 200"},
		},
		{
			"head in pieces behind another", `all: {respond: {status: 200, body: "here"}}`,
			"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\nGET /second HTTP/1.1\r\nHo", "st: b.test\r\n\r\n" + pipelined, nil,
			[]string{"GET a.test /first 200", "GET b.test /second 200", "HEAD fake.test /fake 200"},
		},
		{
			"refused head", accessAll, "POST /real HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", pipelined, nil,
			[]string{"   400"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			address := nobody(t)
			if tc.serve != nil {
				address = scripted(t, tc.serve)
			}
			r := startLogged(t, &log, accessText(accessPlain, tc.routes, accessPool), address)
			c := r.dial()
			c.send(tc.request)
			if tc.name == "early answer" || strings.HasPrefix(tc.name, "head in pieces") {
				c.receive("GET")
			}
			c.send(tc.rest)
			checkAccess(t, &log, tc.want...)
		})
	}
}

// The answer of a rival is logged under the head of its request.
func TestAccessLogOfHedges(t *testing.T) {
	var log lockedBuffer
	fast := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for readHead(in) != nil {
			_, _ = io.WriteString(c, ok)
		}
	})
	slow := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		_, _ = io.Copy(c, io.LimitReader(in, 0))
		_, _ = io.Copy(io.Discard, in)
	})
	r := startLogged(t, &log, accessText(accessPlain, `all: {pool: p, hedge: {after: 1ms}}`,
		`p: {backends: [{address: "`+slow+`"}, {address: "`+fast+`"}], algorithm: round_robin}`), "")
	c := r.dial()
	want := []string{}
	for i := range 4 {
		path := fmt.Sprintf("/hedged/%d", i)
		if a := c.get(path); a.body != "ok" {
			t.Fatalf("got %d %q; want ok", a.StatusCode, a.body)
		}
		want = append(want, "GET test "+path+" 200")
	}
	checkAccess(t, &log, want...)
}

// The client of a line is the one that is believed; the peer stands beside it. The
// id is what the backend was given.
func TestAccessLogSaysWhoAskedAndUnderWhichID(t *testing.T) {
	const from = "GET / HTTP/1.1\r\nHost: t\r\nX-Request-Id: theirs\r\nX-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n\r\n"
	for _, tc := range []struct{ name, listener, routes, client, id string }{
		{"nobody is trusted", "", accessAll, "127.0.0.1", ""},
		{"the peer is trusted", ", trusted_proxies: [127.0.0.1]", accessAll, "192.0.2.7", "theirs"},
		{"and the proxy before it", ", trusted_proxies: [127.0.0.1, 192.0.2.0/24]", accessAll, "203.0.113.9", "theirs"},
		{"answered by a route", ", trusted_proxies: [127.0.0.1]", `all: {respond: {status: 200, body: "here"}}`, "192.0.2.7", "theirs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			ids := make(chan string, 1)
			r := startLogged(t, &log, accessText(accessPlain+tc.listener, tc.routes, accessPool), backend(t, func(_ http.ResponseWriter, q *http.Request) {
				ids <- q.Header.Get("X-Request-Id")
			}))
			c := r.dial()
			c.send(from)
			c.receive("GET")
			eventually(t, func() string { return "a line" }, func() bool { return len(accessLines(t, &log)) == 1 })
			line, want := accessLines(t, &log)[0], tc.id
			if want == "" {
				want = <-ids
			}
			if line["client"] != tc.client || line["peer"] != "127.0.0.1" || line["request_id"] != want || line["level"] != "info" {
				t.Errorf("got %v; want client %s, peer 127.0.0.1, request_id %s, level info", line, tc.client, want)
			}
		})
	}
}

// backend_ms is the time of the last attempt to its head, took_ms that of all.
func TestAccessLogSaysHowLongTheBackendTook(t *testing.T) {
	var log lockedBuffer
	r := startLogged(t, &log, accessText(accessPlain, `all: {pool: p, retry: {attempts: 2, on: ["503"], backoff: {initial: 40ms, jitter: 0}}}`, accessPool),
		scripted(t, func(n int64, c net.Conn, in *bufio.Reader) {
			for asked := n; readHead(in) != nil; asked++ {
				if asked == 1 {
					_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
					continue
				}
				_, _ = io.WriteString(c, ok)
			}
		}))
	c := r.dial()
	c.get("/")
	eventually(t, func() string { return "a line" }, func() bool { return len(accessLines(t, &log)) == 1 })
	line := accessLines(t, &log)[0]
	took, _ := line["took_ms"].(float64)
	backend, _ := line["backend_ms"].(float64)
	if line["attempts"] != 2.0 || backend <= 0 || took < 40 || took < backend+35 {
		t.Errorf("got %v attempts, %v ms of %v ms; want 2, and the wait of 40 ms outside of the attempt", line["attempts"], backend, took)
	}
}
