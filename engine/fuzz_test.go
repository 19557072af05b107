package engine

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// said is one request as a reader on the client's side understands it.
type said struct{ method, target, body string }

// understood cuts data into requests by the rules of net/http, which are its
// own and laxer than ours. sure is false when it met something it refuses for
// reasons that are no matter of framing.
func understood(data []byte) (all []said, sure bool) {
	in := bufio.NewReaderSize(bytes.NewReader(data), len(data)+16)
	for {
		if b, err := in.Peek(2); err == nil && string(b) == "\r\n" {
			_, _ = in.Discard(2) // one empty line first is allowed
		}
		q, err := http.ReadRequest(in)
		if err != nil {
			text := err.Error()
			return all, !strings.Contains(text, "parse \"") && !strings.Contains(text, "railer") && !strings.Contains(text, "invalid URI")
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return all, !strings.Contains(err.Error(), "railer")
		}
		all = append(all, said{q.Method, q.RequestURI, string(body)})
	}
}

// ownAnswer reports requests that the proxy answers itself and goes on.
func (s *said) ownAnswer() bool {
	return s.method == "TRACE" || s.method == "OPTIONS" && (s.target == "*" || !strings.HasPrefix(s.target, "/"))
}

// sawAs reports that text, from a recorder, is what s became.
func (s *said) sawAs(text string) bool {
	line, _, _ := strings.Cut(text, " HTTP/1.1\r\n")
	method, target, _ := strings.Cut(line, " ")
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	if strings.Contains(text, "\r\nTransfer-Encoding: chunked\r\n\r\n") && strings.HasPrefix(body, "{") {
		body = body[1:min(len(body), len(s.body)+1)] // trailers may follow
	}
	if method != s.method || body != s.body {
		return false
	}
	moved := !strings.HasPrefix(s.target, "/") || strings.Contains(s.target, "/.") || strings.Contains(strings.ToLower(s.target), "%2e")
	return moved || target == s.target
}

func desyncSeeds() []string {
	all := []string{
		before + before, "\r\n" + before, post("Content-Length: 5\r\n", "hello") + before, post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") + before,
		post("Transfer-Encoding: chunked\r\n", "5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n") + before, "HEAD / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi" + before,
		"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n" + before, "TRACE / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello" + before, "GET http://t/x HTTP/1.1\r\nHost: u\r\n\r\n" + before,
		"GET /a/../b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + before, post("Connection: Content-Length, X\r\nX: 1\r\nContent-Length: 5\r\n", "hello") + before,
		post("Content-Length: "+"37"+"\r\n", before) + before, post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello") + before,
		post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") + before, post("Transfer_Encoding: chunked\r\nContent-Length: 0\r\n", "") + before,
	}
	for _, says := range refusedResponses() { // their fields are bad ones for requests, too
		if _, fields, ok := strings.Cut(says, "\r\n"); ok && len(fields) < 200 {
			all = append(all, "POST / HTTP/1.1\r\nHost: t\r\n"+fields+before)
		}
	}
	return all
}

// FuzzDesync sends bytes through an engine to a backend that counts. What the
// backend saw as requests must be what the client sent as requests: a beginning
// of what another reader finds in the same bytes, one for one, and each of them
// answered, once, in order.
func FuzzDesync(f *testing.F) {
	for i, seed := range desyncSeeds() {
		f.Add([]byte(seed), uint8(i))
	}
	rec := record(f)
	r := start(f, strings.Replace(plain, `"127.0.0.1:0"}`, `"127.0.0.1:0", timeouts: {header: 2s, body: 2s, idle: 2s}}`, 1), rec.address)
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		if len(data) > 8<<10 {
			return
		}
		answers := r.converse(t, data, int(piece))
		whole := rec.take(t)
		if t.Failed() {
			t.Fatalf("sent %q", data)
		}
		sent, sure := understood(data)
		answered := 0
		for i, text := range whole {
			for len(sent) > 0 && sent[0].ownAnswer() && !sent[0].sawAs(text) {
				sent = sent[1:]
			}
			if len(sent) == 0 && !sure {
				return
			}
			if len(sent) == 0 || !sent[0].sawAs(text) {
				t.Fatalf("request %d of the backend: %q, which the client did not send so; it sent %q", i, text, data)
			}
			sent = sent[1:]
			line, _, _ := strings.Cut(text, " HTTP/1.1\r\n")
			if strings.HasPrefix(line, "HEAD ") {
				line = ""
			}
			if answered >= len(answers) || answers[answered] != line {
				t.Fatalf("answers %q for the requests %q; sent %q", answers, whole, data)
			}
			answered++
		}
		if answered != len(answers) {
			t.Fatalf("%d answers for %d requests: %q; sent %q", len(answers), len(whole), answers, data)
		}
	})
}

// converse sends data in pieces, ends its side, and returns the bodies of all
// answers that came from a backend.
func (r *rig) converse(t *testing.T, data []byte, piece int) (bodies []string) {
	t.Helper()
	nc, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := &client{Conn: nc, t: t, r: bufio.NewReader(nc)}
	if piece == 0 || piece*64 < len(data) {
		piece = max(len(data), 1)
	}
	for rest := data; len(rest) > 0; {
		n := min(piece, len(rest))
		if _, err := c.Write(rest[:n]); err != nil {
			break // refused already
		}
		rest = rest[n:]
	}
	c.stop()
	all, err := io.ReadAll(nc)
	if err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("%v after %q; sent %q", err, all, data)
	}
	return fromBackend(t, all)
}

// fromBackend cuts what a recorder said, through the proxy, into answers. Those
// to HEAD have a length and no body; they are known by what follows.
func fromBackend(t *testing.T, all []byte) (bodies []string) {
	t.Helper()
	for len(all) > 0 {
		head, rest, ok := bytes.Cut(all, []byte("\r\n\r\n"))
		if !ok || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
			t.Fatalf("the client got %q; want answers", all)
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(all)), nil)
		if err != nil {
			t.Fatalf("the client got %q: %v", all, err)
		}
		size := max(int(resp.ContentLength), 0)
		toHEAD := bytes.HasPrefix(rest, []byte("HTTP/1.1 ")) || len(rest) == 0
		if toHEAD {
			size = 0
		}
		if size > len(rest) {
			t.Fatalf("the client got %q; want whole answers", all)
		}
		if resp.StatusCode == http.StatusOK && resp.Header.Get("X-Isame-Error") == "" {
			bodies = append(bodies, string(rest[:size]))
		}
		all = rest[size:]
	}
	return bodies
}

// FuzzPoison lets a backend say anything. The client gets one answer, well
// framed, and whoever comes next gets his own.
func FuzzPoison(f *testing.F) {
	for _, says := range refusedResponses() {
		if len(says) < 1000 {
			f.Add([]byte(says), false)
		}
	}
	for _, says := range []string{ok, ok + ok, "HTTP/1.1 103 Early\r\n\r\n" + ok, "HTTP/1.1 204 None\r\n\r\n" + ok, "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n" + ok} {
		f.Add([]byte(says), false)
		f.Add([]byte(says), true)
	}
	var s speaker
	s.hangs = true
	text := strings.Replace(plain, `"}]}`, `"}], timeouts: {read: 20ms}, circuit_breaker: {failures: 1000000, error_percent: 100, min_requests: 1000000}}`, 1)
	r := start(f, text, scripted(f, s.serve))
	f.Fuzz(func(t *testing.T, says []byte, head bool) {
		now := string(says)
		s.now.Store(&now)
		method := "GET"
		if head {
			method = "HEAD"
		}
		nc, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = nc.Close() }()
		if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		c := &client{Conn: nc, t: t, r: bufio.NewReader(nc)}
		c.send(method + " /case HTTP/1.1\r\nHost: t\r\n\r\n")
		for final := false; !final; {
			resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("no answer: %v; the backend said %q", err, says)
			}
			if _, err := io.ReadAll(resp.Body); err != nil {
				return // broken, and seen to be so
			}
			if final = resp.StatusCode >= http.StatusOK; resp.Close {
				return
			}
		}
		for range 2 {
			a := c.get("/after")
			if a.StatusCode == http.StatusGatewayTimeout {
				return // a busy machine; it is nobody else's answer
			}
			if a.body != "/after" {
				t.Fatalf("got %q; want /after; the backend said %q", a.body, says)
			}
		}
	})
}
