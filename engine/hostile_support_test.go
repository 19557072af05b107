package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// recorder is a raw backend that keeps every byte it is sent. It cuts requests
// by rules of its own, stricter than RFC 9112 and independent of package wire,
// and answers each complete one with its method and target.
type recorder struct {
	address string
	mu      struct {
		sync.Mutex
		whole []string // complete requests, see cutRequest
		odd   []string // what no strict reader would take
	}
}

func record(t testing.TB) *recorder {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	rec := &recorder{address: ln.Addr().String()}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go rec.serve(c)
		}
	}()
	return rec
}

func (rec *recorder) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	var in []byte
	room := make([]byte, 64<<10)
	for {
		n, err := c.Read(room)
		in = append(in, room[:n]...)
		for len(in) > 0 {
			size, text, odd := cutRequest(in)
			if odd != nil {
				rec.note(func() { rec.mu.odd = append(rec.mu.odd, fmt.Sprintf("%v in %q", odd, in)) })
				return
			}
			if size == 0 {
				break
			}
			rec.note(func() { rec.mu.whole = append(rec.mu.whole, text) })
			if _, err := io.WriteString(c, replyTo(in[:size])); err != nil {
				return
			}
			in = in[size:]
		}
		if err != nil {
			return
		}
	}
}

func (rec *recorder) note(f func()) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	f()
}

// replyTo answers with method and target; a HEAD gets the length of that alone.
func replyTo(request []byte) string {
	line, _, _ := strings.Cut(string(request), " HTTP/1.1\r\n")
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(line))
	if strings.HasPrefix(line, "HEAD ") {
		return head
	}
	return head + line
}

// take returns the complete requests seen since the last call, and fails on
// bytes that could be read in two ways.
func (rec *recorder) take(t testing.TB) (whole []string) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, odd := range rec.mu.odd {
		t.Errorf("the backend got what it cannot read in one way: %s", odd)
	}
	whole = rec.mu.whole
	rec.mu.whole, rec.mu.odd = nil, nil
	return whole
}

var (
	added       = regexp.MustCompile(`X-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: [^\r]*\r\nX-Request-Id: [0-9a-f]{32}\r\nVia: 1\.[01] isame\r\n`)
	identity    = regexp.MustCompile(`X-Request-Id: [0-9a-f]{32}\r\n`)
	requestLine = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]{1,32} (/[^\\x00-\\x20\\x7f#]*) HTTP/1\\.1$")
	fieldLine   = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+:[^\\x00-\\x08\\x0a-\\x1f\\x7f]*$")
	lengthValue = regexp.MustCompile(`^(0|[1-9]\d{0,17})$`)
	chunkLine   = regexp.MustCompile("^[0-9a-f]{1,16}$")
)

// cutRequest is the size of the first request in b, 0 when it is not complete,
// and its text: the bytes, with the lines the proxy adds as one plus sign and
// the content of a chunked body in braces.
func cutRequest(b []byte) (size int, text string, odd error) {
	head, rest, whole := bytes.Cut(b, []byte("\r\n\r\n"))
	if !whole {
		return 0, "", nil
	}
	lines := strings.Split(string(head), "\r\n")
	if !requestLine.MatchString(lines[0]) {
		return 0, "", errors.New("request line")
	}
	values := map[string][]string{}
	for _, line := range lines[1:] {
		if !fieldLine.MatchString(line) {
			return 0, "", errors.New("field line")
		}
		name, value, _ := strings.Cut(line, ":")
		name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
		values[name] = append(values[name], strings.Trim(value, " \t"))
	}
	size = len(head) + len("\r\n\r\n")
	text = added.ReplaceAllLiteralString(string(b[:size]), "+\r\n")
	text = identity.ReplaceAllLiteralString(text, "X-Request-Id: ID\r\n")
	lengths, codings := values["content-length"], values["transfer-encoding"]
	switch {
	case len(values["host"]) != 1:
		return 0, "", errors.New("hosts")
	case len(lengths)+len(codings) > 1:
		return 0, "", errors.New("two framings")
	case len(codings) == 1 && codings[0] != "chunked":
		return 0, "", errors.New("coding")
	case len(codings) == 1:
		n, content, odd := cutChunks(rest)
		if n == 0 || odd != nil {
			return 0, "", odd
		}
		return size + n, text + content, nil
	case len(lengths) == 0:
		return size, text, nil
	case !lengthValue.MatchString(lengths[0]):
		return 0, "", errors.New("length")
	}
	n := 0
	if _, err := fmt.Sscan(lengths[0], &n); err != nil || len(rest) < n {
		return 0, "", err
	}
	return size + n, text + string(rest[:n]), nil
}

// cutChunks is the size of the chunked body b begins with, 0 when it is not
// complete, and its content in braces with the trailers behind.
func cutChunks(b []byte) (size int, text string, odd error) {
	var content []byte
	for rest := b; ; {
		line, after, whole := bytes.Cut(rest, []byte("\r\n"))
		if !whole {
			return 0, "", nil
		}
		if !chunkLine.Match(line) {
			return 0, "", errors.New("chunk size")
		}
		var n int
		if _, err := fmt.Sscanf(string(line), "%x", &n); err != nil {
			return 0, "", err
		}
		if n == 0 {
			n, odd := trailers(after)
			if n == 0 || odd != nil {
				return 0, "", odd
			}
			size = len(b) - len(after) + n
			return size, "{" + string(content) + "}" + string(after[:n-len("\r\n")]), nil
		}
		if len(after) < n+2 {
			return 0, "", nil
		}
		if after[n] != '\r' || after[n+1] != '\n' {
			return 0, "", errors.New("chunk end")
		}
		content = append(content, after[:n]...)
		rest = after[n+2:]
	}
}

// trailers is the size of the trailer section b begins with, with its empty line.
func trailers(b []byte) (size int, odd error) {
	for rest := b; ; {
		line, after, whole := bytes.Cut(rest, []byte("\r\n"))
		switch {
		case !whole:
			return 0, nil
		case len(line) == 0:
			return len(b) - len(after), nil
		case !fieldLine.Match(line):
			return 0, errors.New("trailer line")
		}
		rest = after
	}
}

// hostile is bytes a client sends, and what comes of them.
type hostile struct {
	name, send string
	// want are the answers, as summary writes them. After the last one the
	// connection must have ended, or must carry another request.
	want []string
	// seen are the complete requests the backend got.
	seen []string
	// method of the answers, when it is HEAD.
	method string
	// stop ends the client's side after the last byte.
	stop bool
	// talks is a client that asked for the end and goes on sending: a reset is
	// what it asks for.
	talks bool
}

// manners are the ways in which the same bytes come.
var manners = []struct {
	name      string
	reused    bool // behind an exchange on the same connection
	pipelined bool // behind another request, in one piece
	piece     int  // bytes in one write; 0 is all
}{
	{name: "at once"}, {name: "in pieces", piece: 1}, {name: "pipelined", pipelined: true}, {name: "reused", reused: true, piece: 7},
}

const (
	before     = "GET /before HTTP/1.1\r\nHost: t\r\n\r\n"
	beforeSeen = "GET /before HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"
)

// attack plays every case in every manner.
func attack(t *testing.T, r *rig, rec *recorder, cases []hostile) {
	t.Helper()
	for i := range cases {
		for _, m := range manners {
			t.Run(cases[i].name+"/"+m.name, func(t *testing.T) {
				tc := cases[i]
				c := r.dial()
				if m.reused {
					c.expect(t, []string{"200 GET /before"}, before, 0, &hostile{})
				}
				tc.seen = slices.Clone(tc.seen)
				if m.pipelined {
					tc.send, tc.want = before+tc.send, append([]string{"200 GET /before"}, tc.want...)
				}
				if m.pipelined || m.reused {
					tc.seen = append([]string{beforeSeen}, tc.seen...)
				}
				c.expect(t, tc.want, tc.send, m.piece, &tc)
				c.checkEnd(t, &tc)
				r.checkSeen(t, rec, &tc)
			})
		}
	}
}

// expect sends text and compares the answers.
func (c *client) expect(t *testing.T, want []string, text string, piece int, tc *hostile) {
	t.Helper()
	if piece == 0 || len(text) > 4096 {
		piece = len(text)
	}
	for text != "" {
		n := min(piece, len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			break // refused before the end; the answer says so
		}
		text = text[n:]
	}
	if tc.stop {
		c.stop()
	}
	for i, w := range want {
		method := tc.method
		if w == "200 GET /before" {
			method = http.MethodGet
		}
		resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("answer %d: %v; want %q", i, err, w)
		}
		if got := summary(t, resp); got != w {
			t.Fatalf("answer %d: got %q; want %q", i, got, w)
		}
	}
}

// stop ends this side of the connection.
func (c *client) stop() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // the answers say what came of it
	}
}

// summary is status, body or cause, and close when the answer announces it.
func summary(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		body = fmt.Appendf(body, " (%v)", err)
	}
	if cause := resp.Header.Get("X-Isame-Error"); cause != "" {
		body = []byte(cause)
	}
	text := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, body))
	if resp.Close {
		text += " close"
	}
	return text
}

// checkEnd finds the connection closed, or alive.
func (c *client) checkEnd(t *testing.T, tc *hostile) {
	t.Helper()
	if tc.stop || len(tc.want) == 0 || strings.HasSuffix(tc.want[len(tc.want)-1], " close") {
		b, err := c.r.Peek(1)
		if !errors.Is(err, io.EOF) && (!tc.talks || !errors.Is(err, syscall.ECONNRESET)) {
			t.Errorf("after the answers: got %q, %v; want the end of the connection", b, err)
		}
		return
	}
	c.expect(t, []string{"200 GET /before"}, before, 0, &hostile{})
	tc.seen = append(tc.seen, beforeSeen)
}

// checkSeen compares what reached the backend, after one more exchange on a
// fresh connection.
func (r *rig) checkSeen(t *testing.T, rec *recorder, tc *hostile) {
	t.Helper()
	r.dial().expect(t, []string{"200 GET /before"}, before, 0, &hostile{})
	got := rec.take(t)
	if want := slices.Concat(tc.seen, []string{beforeSeen}); !slices.Equal(got, want) {
		t.Errorf("the backend saw\n%q; want\n%q", got, want)
	}
}

// eventually polls until ok holds; what says what is waited for.
func eventually(t testing.TB, what func() string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("still not: %s", what())
		}
	}
}
