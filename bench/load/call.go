package load

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// call is one request as it goes over the wire, built once and shared by all
// workers.
type call struct {
	bytes []byte
	head  bool // HEAD: the answer has no body
}

// buildCalls renders the plan's requests.
func buildCalls(p Plan, u *url.URL) ([]call, error) {
	requests := p.Requests
	if len(requests) == 0 {
		requests = []Request{{Method: p.Method, Path: u.RequestURI(), Body: p.Body}}
	}
	calls := make([]call, 0, len(requests))
	for _, r := range requests {
		if r.Method == "" {
			r.Method = http.MethodGet
			if r.Body != nil {
				r.Method = http.MethodPost
			}
		}
		c, err := buildCall(r, u.Host, p)
		if err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}

func buildCall(r Request, host string, p Plan) (call, error) {
	if !isToken(r.Method) {
		return call{}, fmt.Errorf("cannot send the method %q: it is no HTTP token", r.Method)
	}
	if r.Path == "" || strings.ContainsAny(r.Path, " \r\n\t\x00") {
		return call{}, fmt.Errorf("cannot ask for the path %q: it is empty or has spaces", r.Path)
	}
	given, err := readHeader(p.Header)
	if err != nil {
		return call{}, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.Path)
	add := func(name, value string) {
		if !given.has(name) {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	add("Host", host)
	add("User-Agent", "isame-bench")
	add("Accept", "*/*")
	if len(r.Body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		add("Content-Length", strconv.Itoa(len(r.Body)))
	}
	if p.NoKeepAlive {
		add("Connection", "close")
	}
	for _, f := range given {
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return call{bytes: bytes.Clone(b.Bytes()), head: r.Method == http.MethodHead}, nil
}

type field struct{ name, value string }

type fields []field

func (f fields) has(name string) bool {
	for _, x := range f {
		if strings.EqualFold(x.name, name) {
			return true
		}
	}
	return false
}

// readHeader splits "Name: value" lines and refuses what would break a head apart.
func readHeader(lines []string) (fields, error) {
	out := make(fields, 0, len(lines))
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		if !found || !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("cannot send the header %q: it must look like \"Name: value\"", line)
		}
		out = append(out, field{name, strings.TrimSpace(value)})
	}
	return out, nil
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// ReadRequests reads a file of requests, one a line: METHOD PATH [BODY]. Empty
// lines and lines that start with # are skipped. A body of @FILE is read by
// readBody; a nil readBody refuses it.
func ReadRequests(text string, readBody func(name string) ([]byte, error)) ([]Request, error) {
	var out []Request
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r, err := readRequest(line, readBody)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("cannot find a request in %d lines", n)
	}
	return out, nil
}

func readRequest(line string, readBody func(string) ([]byte, error)) (Request, error) {
	method, rest, _ := strings.Cut(line, " ")
	path, body, hasBody := strings.Cut(strings.TrimSpace(rest), " ")
	r := Request{Method: method, Path: path}
	if !isToken(method) || !strings.HasPrefix(path, "/") && path != "*" {
		return r, fmt.Errorf("cannot read the request %q: it must be METHOD /PATH [BODY]", line)
	}
	if !hasBody {
		return r, nil
	}
	body = strings.TrimSpace(body)
	if name, isFile := strings.CutPrefix(body, "@"); isFile {
		if readBody == nil {
			return r, fmt.Errorf("cannot read the body file %q here", name)
		}
		b, err := readBody(name)
		if err != nil {
			return r, fmt.Errorf("cannot read the body of %q: %w", path, err)
		}
		r.Body = b
		return r, nil
	}
	r.Body = []byte(body)
	return r, nil
}
