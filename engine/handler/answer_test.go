package handler

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// outcome is what the client would get.
type outcome struct {
	verdict Verdict
	status  int
	lines   string
	content string
	length  int64
	err     error
}

// carry runs one exchange and reads what becomes of it.
func carry(tb testing.TB, s *Stage, r *Request, x Exchange) outcome {
	tb.Helper()
	c := s.Acquire()
	defer c.Release()
	c.Show(r)
	o := outcome{verdict: c.Run(x), err: c.Err()}
	switch o.verdict {
	case Changed, Answered:
		o.status = c.Status()
		o.lines = strings.ReplaceAll(string(c.AppendFields(nil)), "\r\n", "/")
	case Passed, Refused, Gone:
	}
	if o.verdict == Answered {
		b, stream, n := c.Content()
		if stream != nil {
			read, err := io.ReadAll(stream)
			if err != nil {
				tb.Errorf("cannot read the content: %v", err)
			}
			b = read
		}
		o.content, o.length = string(b), n
	}
	return o
}

// streaming is an exchange whose answer has a content that comes as a stream.
func streaming(tb testing.TB, fields, content string) *bare {
	tb.Helper()
	x := &bare{answer: parsedAnswer(tb, "HTTP/1.1 200 OK\r\n"+fields+"\r\n")}
	x.answer.Stream, x.answer.Length = strings.NewReader(content), -1
	return x
}

func TestUntouchedAnswersPass(t *testing.T) {
	looks := func(ctx *fasthttp.RequestCtx) {
		h := &ctx.Response.Header
		_, _, _, _ = h.Peek("Server"), h.ContentType(), h.Peek("X-Two"), ctx.Response.StatusCode()
		_ = h.PeekCookie("a")
		for range h.All() {
			continue
		}
		_ = h.String()
	}
	for _, c := range []struct{ name, fields string }{
		{"plain", "Content-Type: text/plain\r\nServer: x\r\n"},
		{"without a type", "X-A: 1\r\n"},
		{"names in odd case", "x-a: 1\r\nETAG: \"x\"\r\nset-cookie: a=b\r\n"},
		{"cookies", "Set-Cookie: a=b; Path=/\r\nX: 1\r\nSet-Cookie: a=c\r\nSet-Cookie: odd\r\n"},
		{"twice", "Vary: A\r\nVary: B\r\nContent-Type: a\r\nContent-Type: b\r\nServer: a\r\nServer: b\r\n"},
		{"empty", "X-Empty:\r\nServer:\r\nContent-Type:\r\nContent-Encoding:\r\n"},
		{"date", "Date: Sun, 29 Nov 2026 06:00:00 GMT\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := carry(t, mustStage(t, around(nil, looks)), parsedRequest(t, askText), streaming(t, c.fields, "x")); got.verdict != Passed {
				t.Errorf("got %+v; want it to pass", got)
			}
		})
	}
	for _, status := range []string{"204 No Content", "304 Not Modified", "101 Switching Protocols", "599 Odd", "700 Odder"} {
		x := &bare{answer: parsedAnswer(t, "HTTP/1.1 "+status+"\r\nX: 1\r\n\r\n")}
		x.answer.Empty = true
		if got := carry(t, mustStage(t, around(nil, looks)), parsedRequest(t, askText), x); got.verdict != Passed {
			t.Errorf("%s: got %+v; want it to pass", status, got)
		}
	}
}

func TestChangesOfTheAnswer(t *testing.T) {
	const fields = "Content-Type: text/plain\r\nX-One: 1\r\nSet-Cookie: a=b\r\nVary: A\r\n"
	rest := "Content-Type: text/plain/Set-Cookie: a=b/X-One: 1/Vary: A/"
	for _, c := range []struct {
		name          string
		before, after fasthttp.RequestHandler
		want          string
	}{
		{"status", nil, func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(404) }, "1 404 " + rest},
		{"set", nil, func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Set("x-one", "2") }, "1 200 " + strings.Replace(rest, "One: 1", "One: 2", 1)},
		{"add", nil, func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Add("X-Two", "2") }, "1 200 " + rest + "X-Two: 2/"},
		{"remove", nil, func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Del("X-One") }, "1 200 " + strings.Replace(rest, "X-One: 1/", "", 1)},
		{"type", nil, func(ctx *fasthttp.RequestCtx) { ctx.SetContentType("a/b") }, "1 200 " + strings.Replace(rest, "text/plain", "a/b", 1)},
		{"no type", nil, func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Del("Content-Type") }, "1 200 " + strings.Replace(rest, "Content-Type: text/plain/", "", 1)},
		{"before next stands", func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Set("X-One", "0") }, nil, "1 200 Content-Type: text/plain/Set-Cookie: a=b/X-One: 0/Vary: A/"},
		{"lists are joined", func(ctx *fasthttp.RequestCtx) {
			ctx.Response.Header.Set("Vary", "Origin")
			ctx.Response.Header.Set("Set-Cookie", "c=d")
		}, nil, "1 200 Content-Type: text/plain/Set-Cookie: c=d/Set-Cookie: a=b/Vary: Origin/X-One: 1/Vary: A/"},
		{"close", nil, func(ctx *fasthttp.RequestCtx) { ctx.SetConnectionClose() }, "1 200 " + rest},
		{"framing is ours", nil, func(ctx *fasthttp.RequestCtx) {
			ctx.Response.Header.Set("Content-Length", "7")
			ctx.Response.Header.Set("Transfer-Encoding", "chunked")
			ctx.Response.Header.Set("Keep-Alive", "1")
			ctx.Response.Header.Set("Date", "never")
		}, "0 0 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := carry(t, mustStage(t, around(c.before, c.after)), parsedRequest(t, askText), streaming(t, fields, "x"))
			if text := fmt.Sprintf("%d %d %s", got.verdict, got.status, got.lines); text != c.want {
				t.Errorf("got  %q (%v);\nwant %q", text, got.err, c.want)
			}
		})
	}
}

func TestAnswersOfTheHandler(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	only := func(h fasthttp.RequestHandler) Middleware {
		return func(fasthttp.RequestHandler) fasthttp.RequestHandler { return h }
	}
	const plain = "Content-Type: text/plain; charset=utf-8/"
	for _, c := range []struct {
		name string
		m    Middleware
		want outcome
	}{
		{"empty", only(func(*fasthttp.RequestCtx) {}), outcome{status: 200}},
		{"text", only(func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hi") }), outcome{status: 200, lines: plain, content: "hi", length: 2}},
		{"error", only(func(ctx *fasthttp.RequestCtx) { ctx.Error("no", 403) }), outcome{status: 403, lines: plain, content: "no", length: 2}},
		{"redirect", only(func(ctx *fasthttp.RequestCtx) { ctx.Redirect("/x", 302) }), outcome{status: 302, lines: "Location: http://www.example.com/x/"}},
		{"written", only(func(ctx *fasthttp.RequestCtx) { fmt.Fprintf(ctx, "%d", 12) }), outcome{status: 200, lines: plain, content: "12", length: 2}},
		{"stream", only(func(ctx *fasthttp.RequestCtx) { ctx.SetBodyStream(strings.NewReader("str"), -1) }), outcome{status: 200, lines: plain, content: "str", length: -1}},
		{"stream of a length", only(func(ctx *fasthttp.RequestCtx) { ctx.SetBodyStream(strings.NewReader("str"), 3) }), outcome{status: 200, lines: plain, content: "str", length: 3}},
		{"replaced", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("new") }), outcome{status: 200, lines: "X: 1/", content: "new", length: 3}},
		{"nothing that can be sent", only(func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(204); ctx.SetBodyString("x") }), outcome{status: 204}},
		{"reset", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.Error("new", 500) }), outcome{status: 500, lines: plain, content: "new", length: 3}},
		{"taken whole", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(append(ctx.Response.Body(), '!')) }), outcome{status: 200, lines: "X: 1/", content: "of a backend!", length: 13}},
		{"wrapped", around(nil, func(ctx *fasthttp.RequestCtx) {
			ctx.Response.SetBodyStream(io.MultiReader(strings.NewReader("<"), bytes.NewReader(ctx.Response.Body())), -1)
		}), outcome{status: 200, lines: "X: 1/", content: "<of a backend", length: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.verdict = Answered
			if got := carry(t, mustStage(t, c.m), parsedRequest(t, askText), streaming(t, "X: 1\r\n", "of a backend")); got != c.want {
				t.Errorf("got  %+v;\nwant %+v", got, c.want)
			}
		})
	}
	t.Run("writer", func(t *testing.T) {
		got := carry(t, mustStage(t, only(func(ctx *fasthttp.RequestCtx) {
			ctx.SetBodyStreamWriter(fasthttp.StreamWriter(writesThree))
		})), parsedRequest(t, askText), passing(t))
		if got.content != "one two three" || got.length != -1 {
			t.Errorf("got %+v; want what was written", got)
		}
	})
	t.Run("file", func(t *testing.T) {
		got := carry(t, mustStage(t, only(func(ctx *fasthttp.RequestCtx) { ctx.SendFile(file) })), parsedRequest(t, askText), passing(t))
		if got.status != 200 || got.content != "from a file" || got.length != 11 || !strings.Contains(got.lines, "Last-Modified: ") {
			t.Errorf("got %+v; want the file", got)
		}
	})
}

func writesThree(w *bufio.Writer) {
	for _, word := range []string{"one ", "two ", "three"} {
		_, _ = w.WriteString(word)
		_ = w.Flush()
	}
}

// fasthttp's own compression wraps the stream, and reads it in a goroutine.
func TestCompressHandler(t *testing.T) {
	s := mustStage(t, fasthttp.CompressHandler)
	text := strings.Repeat("compressible ", 1000)
	got := carry(t, s, parsedRequest(t, askText), streaming(t, "Content-Type: text/plain\r\nVary: A\r\n", text))
	if got.verdict != Answered || got.length != -1 || !strings.Contains(got.lines, "Content-Encoding: gzip/") {
		t.Fatalf("got %v, %q; want it compressed", got.verdict, got.lines)
	}
	z, err := gzip.NewReader(strings.NewReader(got.content))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != text {
		t.Errorf("got %d bytes, %v; want the text of the backend", len(b), err)
	}
	got = carry(t, s, parsedRequest(t, askText), streaming(t, "Content-Type: image/png\r\n", text))
	if got.verdict != Passed {
		t.Errorf("what is not compressed: got %+v; want it to pass", got)
	}
}

// refusing are handlers that ask for what is refused, each by name.
func TestWhatIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		m    Middleware
		want error
	}{
		{"hijack", around(func(ctx *fasthttp.RequestCtx) { ctx.Hijack(func(net.Conn) {}) }, nil), ErrHijack},
		{"next twice", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) { next(ctx); next(ctx) }
		}, ErrNextTwice},
		{"another context", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) {
				var other fasthttp.RequestCtx
				other.Init2(ctx.Conn(), nil, false)
				next(&other)
			}
		}, ErrOtherContext},
		{"a status of none", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(42) }), ErrStatus},
		{"101 of its own", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(101) }), ErrStatus},
		{"a name with a space", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Set("X Y", "1") }), ErrField},
		{"a value with NUL", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Set("X", "a\x00b") }), ErrField},
		{"a name of the request", around(func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.Set("X(", "1") }, nil), ErrField},
		{"panic", around(func(*fasthttp.RequestCtx) { panic("a handler that is wrong") }, nil), ErrPanic},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustStage(t, c.m)
			for range 2 { // also of a call that was used
				got := carry(t, s, parsedRequest(t, askText), streaming(t, "X: 1\r\n", "x"))
				if got.verdict != Refused || !errors.Is(got.err, c.want) {
					t.Errorf("got %v, %v; want %v", got.verdict, got.err, c.want)
				}
			}
		})
	}
	t.Run("connection", func(t *testing.T) {
		s := mustStage(t, around(func(ctx *fasthttp.RequestCtx) {
			ctx.Response.Header.Add("Link", "</a>; rel=preload")
			_, read := ctx.Conn().Read(nil)
			for i, err := range []error{
				ctx.EarlyHints(), ctx.SetReadDeadline(time.Time{}), ctx.SetWriteDeadline(time.Time{}), read,
				ctx.Conn().Close(), ctx.Conn().SetDeadline(time.Time{}),
			} {
				if !errors.Is(err, ErrNoConnection) {
					t.Errorf("%d: got %v; want ErrNoConnection", i, err)
				}
			}
		}, nil))
		if got := carry(t, s, parsedRequest(t, askText), passing(t)); got.verdict != Changed {
			t.Errorf("got %+v; want the answer with Link", got)
		}
	})
}

func TestPanicOfNextIsNotTheHandlers(t *testing.T) {
	swallows := func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			defer func() { _ = recover() }()
			next(ctx)
		}
	}
	got := carry(t, mustStage(t, swallows), parsedRequest(t, askText), panicking{})
	if got.verdict != Refused || !errors.Is(got.err, ErrNextPanic) {
		t.Errorf("got %+v; want ErrNextPanic", got)
	}
}

type panicking struct{}

func (panicking) Next(*Call) { panic("BUG: in next") }
func (panicking) Abort()     {}

// gone gives no answer.
type gone struct{}

func (gone) Next(*Call) {}
func (gone) Abort()     {}

func TestNoAnswer(t *testing.T) {
	seen := 0
	s := mustStage(t, around(nil, func(ctx *fasthttp.RequestCtx) { seen = ctx.Response.StatusCode() }))
	if got := carry(t, s, parsedRequest(t, askText), gone{}); got.verdict != Gone || seen != 502 {
		t.Errorf("got %+v, and the handler %d; want Gone and 502", got, seen)
	}
}
