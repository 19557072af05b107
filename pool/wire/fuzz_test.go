package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// checkPrefixes insists that what a parser says of raw does not depend on how
// raw is cut, and that a complete head stays complete with more behind it.
func checkPrefixes(t *testing.T, fresh func() headParser, raw []byte) string {
	t.Helper()
	want := parseAtOnce(fresh(), raw)
	for _, step := range []int{1, 3, 17} {
		if got := parseInSteps(fresh(), raw, step); got != want {
			t.Fatalf("in steps of %d: got %s; want %s, as at once", step, got, want)
		}
	}
	if strings.HasPrefix(want, "more") {
		return want
	}
	longer := append(exact(raw), "0123456789abcdef\r\n\r\n"...)
	if got := parseAtOnce(fresh(), longer); got != want {
		t.Fatalf("with bytes behind it: got %s; want %s", got, want)
	}
	return want
}

// rawFields writes every field line of h anew, in the plainest form.
func rawFields(h *Head) string {
	var b strings.Builder
	for i := range h.Fields {
		f := &h.Fields[i]
		b.Write(h.Name(f))
		b.WriteString(": ")
		b.Write(h.FieldValue(f))
		b.WriteString("\r\n")
	}
	return b.String()
}

func FuzzRequestHead(f *testing.F) {
	for _, c := range refusedRequests() {
		if len(c.raw) < 1<<10 {
			f.Add([]byte(c.raw))
		}
	}
	f.Add([]byte(benchRequest))
	f.Add([]byte(get("Connection: x, upgrade\r\nX: 1\r\nUpgrade: websocket\r\nTE: trailers\r\n")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !strings.HasPrefix(checkPrefixes(t, freshRequest, raw), "refused") {
			var p requestParser
			if n, err := p.parse(raw); err == nil && n > 0 {
				checkAcceptedRequest(t, &p.h, raw[:n])
			}
		}
	})
}

// checkAcceptedRequest states what holds for every request that is accepted.
func checkAcceptedRequest(t *testing.T, h *RequestHead, raw []byte) {
	t.Helper()
	if fault := headFault(&h.Head, h.Method, h.Target, h.Host, h.Path, h.Query); fault != "" {
		t.Fatal(fault)
	}
	if h.Minor == 1 && ValidHost(h.Host) != nil {
		t.Fatalf("got host %q; want a valid one", h.Host)
	}
	again := string(h.Method) + " " + string(h.Target) + " HTTP/1." + string('0'+rune(h.Minor)) + "\r\n" + rawFields(&h.Head) + "\r\n"
	was := (&requestParser{h: *h}).describe()
	var p requestParser
	if n, err := p.parse([]byte(again)); n != len(again) || err != nil || p.describe() != was {
		t.Fatalf("written anew: got %d, %v, %s; want %s", n, err, p.describe(), was)
	}
	compareWithNetHTTP(t, h, raw)
}

// compareWithNetHTTP reads an accepted head with the standard library. It may
// refuse what we accept for the reasons named; where it accepts, framing, host
// and fields must be the same.
func compareWithNetHTTP(t *testing.T, h *RequestHead, raw []byte) {
	t.Helper()
	src := bufio.NewReader(io.MultiReader(bytes.NewReader(raw[len(raw)-len(h.Raw):]), strings.NewReader("0\r\n\r\n")))
	r, err := http.ReadRequest(src)
	if err != nil {
		// net/http parses the target as a URL: it refuses bad percent-encoding,
		// some hosts and paths like "//[", which we leave to NormalizePath. It
		// refuses names such as "%" in Host and methods are tokens for both.
		if strings.Contains(err.Error(), "parse ") || strings.Contains(err.Error(), "invalid URI") {
			return
		}
		t.Fatalf("net/http: got %v for a head that was accepted: %q", err, raw)
	}
	want := int64(0)
	switch h.Framing {
	case ChunkedBody:
		want = -1
	case Length:
		want = h.ContentLength
	case NoBody, UntilClose:
	}
	if r.ContentLength != want {
		t.Fatalf("net/http: got length %d; want %d: %q", r.ContentLength, want, raw)
	}
	// An absolute target without a path is the only place where the two hosts
	// are spelled differently: net/http keeps the target's, as we do.
	if r.Host != string(h.Host) {
		t.Fatalf("net/http: got host %q; want %q: %q", r.Host, h.Host, raw)
	}
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	hidden := 0 // Host, Transfer-Encoding and Trailer are moved out of Header.
	for i := range h.Fields {
		if id := h.Fields[i].ID; id == FieldHost || id == FieldTransferEncoding || id == FieldTrailer {
			hidden++
		}
	}
	if !h.Has(FieldTrailer) && fields != len(h.Fields)-hidden && !h.Has(FieldPragma) {
		t.Fatalf("net/http: got %d fields; want %d: %q", fields, len(h.Fields)-hidden, raw)
	}
}

func FuzzResponseHead(f *testing.F) {
	for _, raw := range []string{
		benchResponse, ok(""), ok("Content-Length: 3\r\n"), "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 101 x\r\nUpgrade: a\r\n\r\n", "HTTP/1.1 2x0\r\n\r\n", "HTTP/1.1 200\r\n\r\n",
	} {
		f.Add([]byte(raw), false)
		f.Add([]byte(raw), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, forHEAD bool) {
		fresh := func() headParser { return &responseParser{forHEAD: forHEAD} }
		checkPrefixes(t, fresh, raw)
		p := responseParser{forHEAD: forHEAD}
		n, err := p.parse(raw)
		if r := (*Refusal)(nil); errors.As(err, &r) && r.Status != http.StatusBadGateway {
			t.Fatalf("got status %d for a backend's fault; want 502", r.Status)
		}
		if n == 0 || err != nil {
			return
		}
		if fault := headFault(&p.h.Head); fault != "" || bytes.ContainsAny(p.h.Reason, "\r\n\x00") {
			t.Fatalf("%s, reason %q", fault, p.h.Reason)
		}
		if p.h.Status < 100 || p.h.Status > 599 || p.h.Framing == UntilClose && p.h.KeepAlive {
			t.Fatalf("got %s", p.describe())
		}
		again := "HTTP/1." + string('0'+rune(p.h.Minor)) + string(p.h.Raw[8:12]) + " " + string(p.h.Reason) + "\r\n" + rawFields(&p.h.Head) + "\r\n"
		q := responseParser{forHEAD: forHEAD}
		if n, err := q.parse([]byte(again)); n != len(again) || err != nil || q.describe() != p.describe() {
			t.Fatalf("written anew: got %d, %v, %s; want %s", n, err, q.describe(), p.describe())
		}
	})
}

func FuzzChunked(f *testing.F) {
	for _, raw := range []string{"5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", "0\r\nHost: a\r\nX: 1\r\n\r\nrest", "fff\r\n", "5\nhello", "+1\r\na\r\n0\r\n\r\n"} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		unchunkEveryWay(t, string(raw))
		var d Chunked
		data, trailers, rest, err := unchunk(&d, raw, len(raw)+1)
		if err != nil || !d.Done() {
			return
		}
		if fault := headFault(d.Trailers()); fault != "" {
			t.Fatal(fault)
		}
		again := AppendLastChunk(AppendChunk(nil, []byte(data)), d.Trailers())
		var e Chunked
		if data2, trailers2, _, err := unchunk(&e, again, len(again)); data2 != data || trailers2 != trailers || err != nil || !e.Done() {
			t.Fatalf("encoded anew: got %q %q %v; want %q %q", data2, trailers2, err, data, trailers)
		}
		compareWithNetHTTPBody(t, raw, data, rest)
	})
}

// compareWithNetHTTPBody reads a chunked body we accept with the standard
// library, which must see the same data and the same end.
func compareWithNetHTTPBody(t *testing.T, raw []byte, data string, rest []byte) {
	t.Helper()
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	src := bufio.NewReaderSize(io.MultiReader(strings.NewReader(head), bytes.NewReader(raw)), 64<<10)
	r, err := http.ReadRequest(src)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		// It accepts fewer trailers (4 KiB buffer, MIME rules) and parses
		// trailer names itself; data up to there must agree all the same.
		if !strings.HasPrefix(data, string(body)) {
			t.Fatalf("net/http: got %q, %v; want a start of %q", body, err, data)
		}
		return
	}
	left, err := io.ReadAll(src)
	if string(body) != data || !bytes.Equal(left, rest) || err != nil {
		t.Fatalf("net/http: got %q, rest %q, %v; want %q, rest %q", body, left, err, data, rest)
	}
}

func FuzzTrailers(f *testing.F) {
	for _, raw := range []string{"", "X: y\r\n", "Content-Length: 5\r\nX: y\r\n", " fold\r\n", "X : y\r\n", "X: y\n", "A: b\r\n\r\nrest"} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, section []byte) {
		raw := append(append([]byte("0\r\n"), section...), "\r\n"...)
		unchunkEveryWay(t, string(raw))
		var d Chunked
		if _, trailers, _, err := unchunk(&d, raw, len(raw)); err == nil && d.Done() {
			for _, name := range []string{"host", "content-length", "transfer-encoding", "authorization", "cookie", "connection"} {
				if strings.Contains("\n"+strings.ToLower(trailers), "\n"+name+":") {
					t.Fatalf("%s passed: %q", name, trailers)
				}
			}
		}
	})
}

func FuzzNormalizePath(f *testing.F) {
	for _, raw := range []string{"/", "/a/../b", "/%2e%2E/a", "//a", "/a%2fb", "/..;a", "/%c0%af", "/%2541", "/a%2f../b", "/%25%32%66..", "/x/%2e%2e%5c"} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		match, forward, err := NormalizePath(make([]byte, 0, 64), raw)
		if err != nil {
			return
		}
		checkPath(t, match, true)
		checkPath(t, forward, false)
		again, _, err := NormalizePath(nil, match)
		if err != nil || !bytes.Equal(again, match) {
			t.Fatalf("%q: match %q becomes %q, %v; want it to stay", raw, match, again, err)
		}
		from, kept, err := NormalizePath(nil, forward)
		if err != nil || !bytes.Equal(from, match) || !bytes.Equal(kept, forward) {
			t.Fatalf("%q: forward %q is matched as %q, %v; want %q", raw, forward, from, err, match)
		}
	})
}

// checkPath looks for what no backend may get to see.
func checkPath(t *testing.T, path []byte, merged bool) {
	t.Helper()
	if len(path) == 0 || path[0] != '/' || merged && bytes.Contains(path, []byte("//")) {
		t.Fatalf("got %q; want a path with merged slashes", path)
	}
	for _, c := range path {
		if c < ' ' || c == 0x7f || c == '\\' {
			t.Fatalf("byte %#x in %q", c, path)
		}
	}
	// A backend may decode, turn backslashes, cut parameters: still no dots.
	plain := strings.NewReplacer("%2e", ".", "%2E", ".", "%2f", "/", "%2F", "/", "%5c", "/", "%5C", "/", "%3b", ";", "%3B", ";").Replace(string(path))
	for segment := range strings.SplitSeq(plain, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			t.Fatalf("dot segment in %q", path)
		}
	}
}

func FuzzValidHost(f *testing.F) {
	for _, s := range []string{"a", "a:80", "[::1]", "[::ffff:1.2.3.4]:1", "[1::2::3]", "u@a", "[1:2:3:4:5:6:7::]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		inner, port, bracketed := "", "", false
		if strings.HasPrefix(s, "[") {
			inner, port, bracketed = strings.Cut(s[1:], "]")
		}
		err := ValidHost([]byte(s))
		if bracketed {
			addr, wrong := netip.ParseAddr(inner)
			valid := wrong == nil && addr.Is6() && addr.Zone() == "" && (port == "" || portFault([]byte(port)) == nil)
			if valid != (err == nil) {
				t.Fatalf("%q: got %v; net/netip says %v", s, err, wrong)
			}
		}
		if err == nil && strings.ContainsAny(s, "@/\\?#, \t\r\n\x00%") {
			t.Fatalf("%q was accepted", s)
		}
	})
}
