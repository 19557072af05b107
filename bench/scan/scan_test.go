package scan

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// outcome is all a scanner says about the bytes it was given.
type outcome struct {
	done      bool
	status    int
	body      int64
	keepAlive bool
	err       error
}

// feed gives text to a fresh scanner in pieces of at most n bytes.
func feed(text string, n int, head bool) outcome {
	var s Scanner
	s.Reset(head)
	return feedTo(&s, text, n)
}

func feedTo(s *Scanner, text string, n int) (o outcome) {
	for text != "" && o.err == nil {
		piece := []byte(text[:min(n, len(text))])
		text = text[len(piece):]
		if o.done {
			o.err = ErrExtraBytes
			break
		}
		o.done, o.err = s.Feed(piece)
	}
	if o.err != nil {
		return outcome{err: o.err}
	}
	o.status, o.body, o.keepAlive = s.Status(), s.BodyBytes(), s.KeepAlive()
	return o
}

const ok = "HTTP/1.1 200 OK\r\n"

func TestScannerReadsResponses(t *testing.T) {
	for _, tc := range []struct {
		name string
		text string
		head bool
		want outcome
	}{
		{"fixed length", ok + "Content-Length: 5\r\n\r\nhello", false, outcome{true, 200, 5, true, nil}},
		{"empty body", ok + "content-length: 0\r\n\r\n", false, outcome{true, 200, 0, true, nil}},
		{"no reason", "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx", false, outcome{true, 404, 1, true, nil}},
		{"empty reason", "HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\nx", false, outcome{true, 404, 1, true, nil}},
		{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", false, outcome{true, 200, 15, true, nil}},
		{"chunked, trailers", ok + "Transfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", false, outcome{true, 200, 1, true, nil}},
		{"chunk size with zeros", ok + "Transfer-Encoding: chunked\r\n\r\n0001\r\nx\r\n0\r\n\r\n", false, outcome{true, 200, 1, true, nil}},
		{"close", ok + "Connection: close\r\nContent-Length: 0\r\n\r\n", false, outcome{true, 200, 0, false, nil}},
		{"close in a list", ok + "Connection: x, Close\r\nContent-Length: 0\r\n\r\n", false, outcome{true, 200, 0, false, nil}},
		{"http 1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, outcome{true, 200, 1, false, nil}},
		{"http 1.0 keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", false, outcome{true, 200, 1, true, nil}},
		{"head", ok + "Content-Length: 5\r\n\r\n", true, outcome{true, 200, 0, true, nil}},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", false, outcome{true, 204, 0, true, nil}},
		{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, outcome{true, 304, 0, true, nil}},
		{"interim", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n", false, outcome{true, 200, 0, true, nil}},
		{"same length twice", ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", false, outcome{true, 200, 1, true, nil}},
		{"until close", ok + "\r\nabc", false, outcome{false, 200, 3, false, nil}},
		{"incomplete head", ok + "Content-Le", false, outcome{false, 0, 0, false, nil}},
		{"incomplete body", ok + "Content-Length: 5\r\n\r\nhel", false, outcome{false, 200, 3, true, nil}},

		{"no http", "SSH-2.0-OpenSSH_9.2\r\n", false, outcome{err: ErrStatusLine}},
		{"http 2", "HTTP/2.0 200 OK\r\n\r\n", false, outcome{err: ErrStatusLine}},
		{"bad version", "HTTP/1.2 200 OK\r\n\r\n", false, outcome{err: ErrStatusLine}},
		{"bad status", "HTTP/1.1 20x OK\r\n\r\n", false, outcome{err: ErrStatusLine}},
		{"status too high", "HTTP/1.1 600 OK\r\n\r\n", false, outcome{err: ErrStatusLine}},
		{"four digits", "HTTP/1.1 2000 OK\r\n\r\n", false, outcome{err: ErrStatusLine}},
		{"bare line feed", "HTTP/1.1 200 OK\nA: b\r\n\r\n", false, outcome{err: ErrStatusLine}},
		{"line feed in a field", ok + "A: b\nB: c\r\n\r\n", false, outcome{err: ErrField}},
		{"carriage return in a field", ok + "A: b\rB: c\r\n\r\n", false, outcome{err: ErrField}},
		{"nul in a field", ok + "A: b\x00\r\n\r\n", false, outcome{err: ErrField}},
		{"space before the colon", ok + "Content-Length : 1\r\n\r\nx", false, outcome{err: ErrField}},
		{"folded line", ok + "A: b\r\n c\r\n\r\n", false, outcome{err: ErrField}},
		{"no colon", ok + "nonsense\r\n\r\n", false, outcome{err: ErrField}},
		{"lengths differ", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", false, outcome{err: ErrLength}},
		{"list of lengths", ok + "Content-Length: 1, 1\r\n\r\nx", false, outcome{err: ErrLength}},
		{"signed length", ok + "Content-Length: +1\r\n\r\nx", false, outcome{err: ErrLength}},
		{"empty length", ok + "Content-Length: \r\n\r\nx", false, outcome{err: ErrLength}},
		{"length too large", ok + "Content-Length: 9999999999999999999\r\n\r\nx", false, outcome{err: ErrLength}},
		{"length and chunked", ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", false, outcome{err: ErrCoding}},
		{"chunked twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", false, outcome{err: ErrCoding}},
		{"unknown coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", false, outcome{err: ErrCoding}},
		{"chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, outcome{err: ErrCoding}},
		{"no chunk size", ok + "Transfer-Encoding: chunked\r\n\r\n\r\n", false, outcome{err: ErrChunk}},
		{"bad chunk size", ok + "Transfer-Encoding: chunked\r\n\r\n5x\r\n", false, outcome{err: ErrChunk}},
		{"chunk size too long", ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", 16), false, outcome{err: ErrChunk}},
		{"chunk too long", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", false, outcome{err: ErrChunk}},
		{"chunk size with line feed only", ok + "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n", false, outcome{err: ErrChunk}},
		{"endless chunk extension", ok + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", lineBytesMax+1), false, outcome{err: ErrChunk}},
		{"bad trailer", ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n : x\r\n\r\n", false, outcome{err: ErrField}},
		{"endless trailers", ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("a: b\r\n", headBytesMax/6+1), false, outcome{err: ErrHeadTooLarge}},
		{"endless head", ok + strings.Repeat("a: b\r\n", headBytesMax/6+1), false, outcome{err: ErrHeadTooLarge}},
		{"endless interim", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", interimMax+1), false, outcome{err: ErrTooManyInform}},
		{"switch", "HTTP/1.1 101 Switching\r\n\r\n", false, outcome{err: ErrSwitch}},
		{"bytes after", ok + "Content-Length: 1\r\n\r\nxy", false, outcome{err: ErrExtraBytes}},
		{"body after head", ok + "Content-Length: 1\r\n\r\nx", true, outcome{err: ErrExtraBytes}},
		{"body after 204", "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx", false, outcome{err: ErrExtraBytes}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, piece := range []int{len(tc.text), 1, 2, 3, 7, 64} {
				if got := feed(tc.text, piece, tc.head); got != tc.want {
					t.Errorf("in pieces of %d: got %+v; want %+v", piece, got, tc.want)
				}
			}
		})
	}
}

func TestCloseEndsOnlyBodiesWithoutLength(t *testing.T) {
	for _, tc := range []struct {
		text string
		want bool
	}{
		{"", false},
		{ok, false},
		{ok + "\r\nabc", true},
		{ok + "\r\n", true},
		{ok + "Content-Length: 5\r\n\r\nabc", false},
		{ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", false},
	} {
		var s Scanner
		s.Reset(false)
		feedTo(&s, tc.text, 100)
		if got := s.Close(); got != tc.want || s.Started() != (tc.text != "") {
			t.Errorf("after %q: got %t, started %t; want %t", tc.text, got, s.Started(), tc.want)
		}
	}
}

func TestScannerIsReusable(t *testing.T) {
	var s Scanner
	for i, text := range []string{
		ok + "Content-Length: 5\r\n\r\nhello",
		ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
		ok + "Content-Length: 1\r\n\r\nx",
	} {
		s.Reset(false)
		if got, want := feedTo(&s, text, 1+i*10), feed(text, len(text), false); got != want || !got.done {
			t.Errorf("response %d: got %+v; want %+v", i, got, want)
		}
	}
}

func TestSkipCountsUnreadBody(t *testing.T) {
	var s Scanner
	s.Reset(false)
	if _, err := s.Feed([]byte(ok + "Content-Length: 10\r\n\r\nabc")); err != nil {
		t.Fatal(err)
	}
	if got := s.Skippable(); got != 7 {
		t.Fatalf("Skippable: got %d; want 7", got)
	}
	if s.Skip(6) || !s.Skip(1) || s.BodyBytes() != 10 {
		t.Errorf("the last byte must complete the body of 10; got %d", s.BodyBytes())
	}
}

func TestErrorsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, err := range []error{ErrStatusLine, ErrField, ErrHeadTooLarge, ErrLength, ErrCoding, ErrChunk, ErrExtraBytes, ErrSwitch, ErrTooManyInform} {
		if seen[err.Error()] || !errors.Is(err, err) {
			t.Errorf("%v is not distinct", err)
		}
		seen[err.Error()] = true
	}
}

func BenchmarkFeed(b *testing.B) {
	head := ok + "Date: Tue, 24 Nov 2026 01:18:01 GMT\r\nContent-Type: text/plain; charset=utf-8\r\nX-Origin: origin\r\n"
	for _, tc := range []struct{ name, text string }{
		{"fixed", head + "Content-Length: 3\r\n\r\nok\n"},
		{"chunked", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n"},
	} {
		b.Run(fmt.Sprintf("body=%s", tc.name), func(b *testing.B) {
			var s Scanner
			text := []byte(tc.text)
			b.ReportAllocs()
			for b.Loop() {
				s.Reset(false)
				if done, err := s.Feed(text); !done || err != nil {
					b.Fatal(done, err)
				}
			}
		})
	}
}
