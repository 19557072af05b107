package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
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
	added       = regexp.MustCompile(`X-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: https?\r\nX-Forwarded-Host: [^\r]*\r\nX-Request-Id: [0-9a-f]{32}\r\nVia: (?:1\.[01]|[23]\.0) isame\r\n`)
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
