package handler

import (
	"net/netip"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// What a browser asks, and what a backend answers.
const (
	askText = "GET /api/v1/items?page=2&sort=asc HTTP/1.1\r\nHost: www.example.com\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef; theme=dark\r\n" +
		"X-Requested-With: XMLHttpRequest\r\nReferer: https://www.example.com/index.html\r\nCache-Control: no-cache\r\n\r\n"
	answerText = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 29 Nov 2026 06:00:00 GMT\r\nContent-Type: application/json\r\n" +
		"Content-Length: 612\r\nLast-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\nETag: \"6561d1b0-264\"\r\nVary: Accept-Encoding\r\n" +
		"Accept-Ranges: bytes\r\n\r\n"
)

// bare is an exchange whose next answers what it was given.
type bare struct {
	answer Answer
	calls  int
	change Change
}

func (b *bare) Next(c *Call) {
	b.calls++
	b.change = *c.Change()
	c.Answer(&b.answer)
}

func (b *bare) Abort() {}

func parsedRequest(tb testing.TB, text string) *Request {
	tb.Helper()
	h := new(wire.RequestHead)
	if n, err := h.Parse([]byte(text), &wire.Limits{}); err != nil || n == 0 {
		tb.Fatalf("cannot parse %q: %v", text, err)
	}
	return &Request{
		Method: h.Method, Path: h.Path, Query: h.Query, Host: h.Host, Head: &h.Head, Minor: h.Minor, Upgrade: h.UpgradeTo,
		Ends: ends{},
	}
}

// ends are the addresses of all tests.
type ends struct{}

func (ends) Remote() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.7:4711") }
func (ends) Local() netip.AddrPort  { return netip.MustParseAddrPort("192.0.2.1:80") }

func parsedAnswer(tb testing.TB, text string) Answer {
	tb.Helper()
	h := new(wire.ResponseHead)
	if n, err := h.Parse([]byte(text), &wire.Limits{}, false); err != nil || n == 0 {
		tb.Fatalf("cannot parse %q: %v", text, err)
	}
	return Answer{Status: h.Status, Reason: h.Reason, Head: &h.Head, Length: h.ContentLength}
}

func mustStage(tb testing.TB, m Middleware) *Stage {
	tb.Helper()
	s, err := New(m, Options{Name: "test"})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// endless is content that is never asked for.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func nothing(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) { next(ctx) }
}

// once carries one exchange.
func once(s *Stage, r *Request, x *bare) Verdict {
	c := s.Acquire()
	c.Show(r)
	v := c.Run(x)
	c.Release()
	return v
}

// BenchmarkHandler is one exchange without the hop to a worker: head shown, handler, head
// of the answer shown, and what was changed found out.
func BenchmarkHandler(b *testing.B) {
	for _, o := range []struct {
		name string
		m    Middleware
		want Verdict
	}{
		{"nothing", nothing, Passed},
		{"sets", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) {
				ctx.Request.Header.Set("X-User", "alice")
				next(ctx)
				ctx.Response.Header.Set("X-Frame-Options", "DENY")
			}
		}, Changed},
		{"answers", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("ok") }
		}, Answered},
	} {
		b.Run("handler="+o.name, func(b *testing.B) {
			s, r := mustStage(b, o.m), parsedRequest(b, askText)
			x := &bare{answer: parsedAnswer(b, answerText)}
			x.answer.Stream = endless{}
			b.ReportAllocs()
			for b.Loop() {
				if got := once(s, r, x); got != o.want {
					b.Fatalf("got verdict %v; want %v", got, o.want)
				}
			}
		})
	}
}
