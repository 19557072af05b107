package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestBodiesOverTheLimit(t *testing.T) {
	rec := record(t)
	r := start(t, strings.Replace(plain, `"127.0.0.1:0"}`, `"127.0.0.1:0", limits: {body_bytes: 100B}}`, 1), rec.address)
	long := strings.Repeat("x", 101)
	chunks := func(n int) string { return strings.Repeat("1\r\nx\r\n", n) + "0\r\n\r\n" }
	cases := []hostile{
		{name: "length at the limit", send: post("Content-Length: 100\r\n", long[1:]), want: []string{"200 POST /"}, seen: []string{
			"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n+\r\n\r\n" + long[1:],
		}},
		{name: "chunks at the limit", send: post("Transfer-Encoding: chunked\r\n", chunks(100)), want: []string{"200 POST /"}, seen: []string{
			"POST / HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{" + long[1:] + "}",
		}},
		{name: "length", send: post("Content-Length: 101\r\n", long), want: []string{"413 body_too_large close"}},
		{name: "length of which nothing comes", send: post("Content-Length: 9000000000000000000\r\n", ""), want: []string{"413 body_too_large close"}},
		{name: "length with Expect", send: post("Expect: 100-continue\r\nContent-Length: 101\r\n", ""), want: []string{"413 body_too_large close"}},
		{name: "chunks", send: post("Transfer-Encoding: chunked\r\n", chunks(101)), want: []string{"413 body_too_large close"}},
		{name: "chunks without an end", send: post("Transfer-Encoding: chunked\r\n", "65\r\n"+long), want: []string{"413 body_too_large close"}},
		{name: "GET", send: "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 101\r\n\r\n" + long, want: []string{"413 body_too_large close"}},
		{name: "HTTP/1.0", send: "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 101\r\n\r\n" + long, want: []string{"413 body_too_large close"}},
	}
	attack(t, r, rec, cases)
}

func TestExpectations(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	const get = "GET / HTTP/1.1\r\nHost: t\r\n"
	seen := []string{get + "+\r\n\r\n"}
	cases := refusedAs("417 unknown_expectation", [][2]string{
		{"unknown", get + "Expect: 200-ok\r\n\r\n"},
		{"list", get + "Expect: 100-continue, x\r\n\r\n"},
		{"parameter", get + "Expect: 100-continue;a=b\r\n\r\n"},
		{"empty", get + "Expect:\r\n\r\n"},
		{"the second line", get + "Expect: 100-continue\r\nExpect: x\r\n\r\n"},
		{"with a body", post("Expect: x\r\nContent-Length: 5\r\n", "hello")},
		{"in HTTP/1.0", "GET / HTTP/1.0\r\nExpect: x\r\n\r\n"},
	})
	cases = append(cases,
		hostile{name: "without a body", send: get + "Expect: 100-continue\r\n\r\n", want: []string{"200 GET /"}, seen: seen},
		hostile{name: "without a body, in capitals", send: get + "EXPECT: 100-CONTINUE\r\n\r\n", want: []string{"200 GET /"}, seen: seen},
		hostile{
			name: "an empty body", send: post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""), want: []string{"200 POST /"},
			seen: []string{"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n+\r\n\r\n"},
		},
		hostile{
			name: "HTTP/1.0 knows no 100", send: "POST / HTTP/1.0\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", want: []string{"200 POST / close"},
			seen: []string{"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n+\r\n\r\nhello"},
		})
	attack(t, r, rec, cases)
}

// A backend that says nothing about the expectation gets the body all the same,
// after a while; one that says 100 more than once has said it once.
func TestContinueIsSaidOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, says string }{
		{"never", ""}, {"once", "HTTP/1.1 100 Continue\r\n\r\n"}, {"twice", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Go\r\nX: y\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				if readHead(in) == nil {
					return
				}
				_, _ = io.WriteString(c, tc.says)
				body := make([]byte, 5)
				_, _ = io.ReadFull(in, body)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"+string(body))
				_, _ = in.Peek(1)
			}))
			c := r.dial()
			c.send(post("Expect: 100-Continue\r\nContent-Length: 5\r\n", ""))
			if a := c.receive("POST"); a.StatusCode != 100 {
				t.Fatalf("got %d; want 100", a.StatusCode)
			}
			c.send("hello")
			if a := c.receive("POST"); a.StatusCode != 200 || a.body != "hello" || a.Close {
				t.Errorf("got %d %q, close %v; want 200 hello, kept", a.StatusCode, a.body, a.Close)
			}
		})
	}
}

func TestInterimAnswers(t *testing.T) {
	const hint = "HTTP/1.1 103 Early Hints\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: x\r\nLink: </a>\r\n\r\n"
	const passed = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	const dated = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	final := "HTTP/1.1 200 OK\r\n" + dated + "Content-Length: 2\r\n\r\nok"
	refused := "HTTP/1.1 502 Bad Gateway\r\n"
	for _, tc := range []struct{ name, version, sent, got string }{
		{"passed on without hop-by-hop fields", "1.1", hint + final, passed + final},
		{"several kinds", "1.1", "HTTP/1.1 102 Processing\r\n\r\n" + hint + "HTTP/1.1 199 Odd\r\n\r\n" + final, "HTTP/1.1 102 Processing\r\n\r\n" + passed + "HTTP/1.1 199 Odd\r\n\r\n" + final},
		{"32 of them", "1.1", strings.Repeat(hint, 32) + final, strings.Repeat(passed, 32) + final},
		{"33 of them", "1.1", strings.Repeat(hint, 33) + final, strings.Repeat(passed, 32) + refused},
		{"never to HTTP/1.0", "1.0", strings.Repeat(hint, 3) + final, "HTTP/1.1 200 OK\r\n" + dated + "Content-Length: 2\r\nConnection: close\r\n\r\nok"},
		{"an unasked 100 is dropped", "1.1", "HTTP/1.1 100 Continue\r\n\r\n" + final, final},
		{"a length in it is no body", "1.1", "HTTP/1.1 103 Early\r\nContent-Length: 40\r\n\r\n" + final, "HTTP/1.1 103 Early\r\n\r\n" + final},
		{"a body behind it", "1.1", "HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\nhello" + final, "HTTP/1.1 103 Early\r\n\r\n" + refused},
		{"an unasked switch", "1.1", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00", refused},
		{"an unasked switch to HTTP/1.0", "1.0", "HTTP/1.1 101 Switching Protocols\r\n\r\n", refused},
		{"and no answer", "1.1", hint, passed + refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				if readHead(in) != nil {
					_, _ = io.WriteString(c, tc.sent)
				}
			}))
			c := r.dial()
			c.send("GET / HTTP/" + tc.version + "\r\nHost: t\r\n\r\n")
			got := make([]byte, len(tc.got))
			if n, err := io.ReadFull(c.r, got); err != nil || string(got) != tc.got {
				t.Fatalf("got %q, %v; want %q", got[:n], err, tc.got)
			}
		})
	}
}

func TestForbiddenTrailersAreDropped(t *testing.T) {
	names := []string{
		"Content-Length", "Transfer-Encoding", "Host", "Authorization", "Cookie", "Set-Cookie", "Content-Encoding", "Content-Type", "Content-Range", "Trailer", "TE",
		"Connection", "Upgrade", "Expect", "Cache-Control", "Max-Forwards", "Proxy-Authorization", "Range", "If-Match", "If-None-Match", "X-Forwarded-For", "X-Forwarded-Host",
		"Forwarded", "X-Real-IP", "X_Forwarded_For", "content-LENGTH", "Location", "Vary", "WWW-Authenticate", "Keep-Alive", "Via", "Date", "Age", "Expires",
	}
	var lines strings.Builder
	for i, name := range names {
		fmt.Fprintf(&lines, "%s: %d\r\n", name, i)
	}
	const chunks = "2\r\nhi\r\n0\r\n"
	trailers := "X-Sum: 7\r\n" + lines.String() + "x-SUM:8\r\n\r\n"
	rec := record(t)
	attack(t, start(t, plain, rec.address), rec, []hostile{{
		name: "of a request", send: post("Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n", chunks+trailers), want: []string{"200 POST /"},
		seen: []string{"POST / HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{hi}X-Sum: 7\r\nx-SUM:8\r\n"},
	}})

	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for readHead(in) != nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks+trailers)
		}
	}))
	for _, tc := range []struct{ fields, want string }{
		{"TE: trailers\r\n", "X-Sum: 7\r\nx-SUM:8\r\n\r\n"},
		{"TE: gzip;q=1, Trailers\r\n", "X-Sum: 7\r\nx-SUM:8\r\n\r\n"},
		{"", "\r\n"},
		{"TE: trailers;q=0\r\n", "\r\n"},
		{"TE: gzip\r\n", "\r\n"},
	} {
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n" + tc.fields + "\r\n")
		want := "HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + tc.want
		got := make([]byte, len(want))
		if n, err := io.ReadFull(c.r, got); err != nil || string(got) != want {
			t.Errorf("with %q: got %q, %v; want %q", tc.fields, got[:n], err, want)
		}
	}
}

// A request to switch that is not granted is an ordinary request, and its
// connection stays HTTP.
func TestRefusedUpgradesStayHTTP(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	cases := []hostile{
		fieldsCase("h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", "+\r\n"),
		fieldsCase("h2c in capitals", "Connection: UPGRADE\r\nUpgrade: H2C\r\n", "+\r\n"),
		fieldsCase("h2c among others", "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", "+\r\n"),
		fieldsCase("not named in Connection", "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n", "Sec-WebSocket-Key: x\r\n+\r\n"),
		fieldsCase("named, not there", "Connection: upgrade\r\n", "+\r\n"),
		fieldsCase("empty", "Connection: upgrade\r\nUpgrade:\r\n", "+\r\n"),
		fieldsCase("two lines", "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n", "+\r\n"),
		{
			name: "HTTP/1.0", send: "GET / HTTP/1.0\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", want: []string{"200 GET / close"},
			seen: []string{"GET / HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"},
		},
	}
	attack(t, r, rec, cases)
}

// Requests that no backend takes are read to their end where that is cheap: the
// next one on the connection begins where it should.
func TestBodiesOfRefusedRequestsAreNoRequests(t *testing.T) {
	rec := record(t)
	text := strings.Replace(plain, "{all: {pool: p}}", `{all: {pool: p}, no: {path: /no, respond: {status: 403, body: no}}, to: {path: /to, redirect: {to: "https://x/"}}}`, 1)
	r := start(t, text, rec.address)
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
	var cases []hostile
	for path, answer := range map[string]string{"/no": "403 no", "/to": "308", "/no?x": "403 no"} {
		head := "POST " + path + " HTTP/1.1\r\nHost: t\r\n"
		cases = append(cases,
			hostile{name: "length " + path, send: head + "Content-Length: " + strconv.Itoa(len(smuggled)) + "\r\n\r\n" + smuggled, want: []string{answer}},
			hostile{name: "chunks " + path, send: head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled), want: []string{answer}},
			hostile{name: "expected " + path, send: head + "Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n", want: []string{answer + " close"}},
			hostile{name: "too long to drop " + path, send: head + "Content-Length: 1000000\r\n\r\n" + smuggled, want: []string{answer + " close"}})
	}
	cases = append(cases, hostile{name: "TRACE", send: "TRACE / HTTP/1.1\r\nHost: t\r\nContent-Length: " + strconv.Itoa(len(smuggled)) + "\r\n\r\n" + smuggled, want: []string{"405 method_not_allowed"}})
	attack(t, r, rec, cases)
}
