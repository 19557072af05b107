package handler

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// held is an exchange whose next is under way until it is aborted.
type held struct {
	*bare

	entered, aborted chan struct{}
}

func (h *held) Next(c *Call) {
	close(h.entered)
	<-h.aborted
	h.bare.Next(c)
}

func (h *held) Abort() { close(h.aborted) }

// A handler that gives up waiting leaves next behind, in a goroutine: the exchange is not
// over before that has returned, and its RequestCtx is never used again.
func TestTimeoutHandlerLeavesNextBehind(t *testing.T) {
	finished := make(chan *fasthttp.RequestCtx, 1)
	slow := func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			next(ctx)
			finished <- ctx
		}
	}
	s := mustStage(t, func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return fasthttp.TimeoutHandler(slow(next), time.Millisecond, "too late")
	})
	x := &held{bare: streaming(t, "X: 1\r\n", "x"), entered: make(chan struct{}), aborted: make(chan struct{})}
	got := carry(t, s, parsedRequest(t, askText), x)
	if got.verdict != Answered || got.status != 408 || got.content != "too late" {
		t.Errorf("got %+v; want 408", got)
	}
	<-x.aborted
	late := <-finished
	if got := late.RemoteAddr().String(); got != "0.0.0.0:0" {
		t.Errorf("behind the end: got address %s; want none", got)
	}
	if c := s.Acquire(); c.ctx == late {
		t.Error("the RequestCtx is used again while somebody has it")
	}
	// A handler that is in time is like any other, but for its answer: the library's copy.
	quick := mustStage(t, func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return fasthttp.TimeoutHandler(next, time.Hour, "")
	})
	if got := carry(t, quick, parsedRequest(t, askText), streaming(t, "X: 1\r\n", "x")); got.verdict != Passed {
		t.Errorf("in time: got %+v; want it to pass", got)
	}
}

// next that is called when the handler has returned does nothing.
func TestNextThatComesLate(t *testing.T) {
	var kept fasthttp.RequestHandler
	var ctx *fasthttp.RequestCtx
	s := mustStage(t, func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(c *fasthttp.RequestCtx) {
			kept, ctx = next, c
			c.TimeoutError("later")
		}
	})
	x := passing(t)
	if got := carry(t, s, parsedRequest(t, askText), x); got.status != 408 {
		t.Errorf("got %+v; want 408", got)
	}
	kept(ctx)
	if x.calls != 0 {
		t.Errorf("next ran %d times; want never", x.calls)
	}
}

// Streams that a handler has kept have an end when the exchange has.
func TestKeptStreamsEnd(t *testing.T) {
	var request, answer io.Reader
	s := mustStage(t, around(
		func(ctx *fasthttp.RequestCtx) { request = ctx.RequestBodyStream() },
		func(ctx *fasthttp.RequestCtx) { answer = ctx.Response.BodyStream() }))
	r := parsedRequest(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	r.Stream, r.Length = endless{}, -1
	x := passing(t)
	x.answer.Stream = endless{}
	if got := carry(t, s, r, x); got.verdict != Passed {
		t.Fatalf("got %+v; want it to pass", got)
	}
	for name, kept := range map[string]io.Reader{"request": request, "answer": answer} {
		if n, err := kept.Read(make([]byte, 10)); n != 0 || !errors.Is(err, errGone) {
			t.Errorf("%s: got %d bytes, %v; want none and %v", name, n, err, errGone)
		}
	}
}

// A stream that was replaced, and that somebody may still have, is not that of the next
// exchange.
func TestReplacedStreamsAreNotUsedAgain(t *testing.T) {
	var request, answer io.Reader
	s := mustStage(t, around(
		func(ctx *fasthttp.RequestCtx) {
			if request == nil {
				request = ctx.RequestBodyStream()
				ctx.Request.SetBodyString("x")
			}
		},
		func(ctx *fasthttp.RequestCtx) {
			if answer == nil {
				answer = ctx.Response.BodyStream()
				ctx.SetBodyString("x")
				return
			}
			for name, kept := range map[string]io.Reader{"request": request, "answer": answer} {
				if n, err := kept.Read(make([]byte, 10)); n != 0 || err == nil {
					t.Errorf("%s: got %d bytes, %v; want none of another exchange", name, n, err)
				}
			}
		}))
	for range 2 {
		r := parsedRequest(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		r.Stream, r.Length = endless{}, -1
		x := passing(t)
		x.answer.Stream = endless{}
		carry(t, s, r, x)
	}
}

type closing struct{ closed *int }

func (c closing) Close() error {
	*c.closed++
	return nil
}

// Values of the user are closed at the end, also where that panics, and nobody else sees
// them.
func TestUserValuesEndWithTheExchange(t *testing.T) {
	closed, seen := 0, 0
	s := mustStage(t, around(func(ctx *fasthttp.RequestCtx) {
		ctx.VisitUserValuesAll(func(any, any) { seen++ })
		ctx.SetUserValue("a", closing{&closed})
	}, nil))
	for range 3 {
		carry(t, s, parsedRequest(t, askText), passing(t))
	}
	if closed != 3 || seen != 0 {
		t.Errorf("got %d values closed, %d seen by others; want 3 and none", closed, seen)
	}
	s = mustStage(t, around(func(ctx *fasthttp.RequestCtx) { ctx.SetUserValue("a", closing{nil}) }, nil))
	for range 2 {
		if got := carry(t, s, parsedRequest(t, askText), passing(t)); got.verdict != Passed {
			t.Errorf("a value that panics when it is closed: got %+v", got)
		}
	}
}

// Whatever a handler has done, the next exchange of its stage begins with nothing of it.
func TestNothingIsLeftOfTheExchangeBefore(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	deeds := []fasthttp.RequestHandler{
		func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.Set("X-Left", "1") },
		func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Set("X-Left", "1") },
		func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.SetCookie(new(fasthttp.Cookie)) },
		func(ctx *fasthttp.RequestCtx) { ctx.SetConnectionClose() },
		func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(201) },
		func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString(strings.Repeat("x", 1+rng.IntN(2*keptMax))) },
		func(ctx *fasthttp.RequestCtx) { ctx.Request.SetBodyString("x") },
		func(ctx *fasthttp.RequestCtx) { ctx.Request.AppendBodyString("x") },
		func(ctx *fasthttp.RequestCtx) { ctx.SetBodyStream(strings.NewReader("x"), 1) },
		func(ctx *fasthttp.RequestCtx) { ctx.Hijack(func(net.Conn) {}) },
		func(ctx *fasthttp.RequestCtx) { ctx.HijackSetNoResponse(true) },
		func(ctx *fasthttp.RequestCtx) { ctx.URI().SetPath("/left") },
		func(ctx *fasthttp.RequestCtx) { ctx.URI().DisablePathNormalizing = true },
		func(ctx *fasthttp.RequestCtx) { ctx.QueryArgs().Set("left", "1") },
		func(ctx *fasthttp.RequestCtx) { ctx.PostArgs().Set("left", "1") },
		func(ctx *fasthttp.RequestCtx) { ctx.SetRemoteAddr(nil) },
		func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.DisableNormalizing() },
		func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.DisableSpecialHeader() },
		func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.DisableNormalizing() },
		func(ctx *fasthttp.RequestCtx) { ctx.Response.SkipBody = true },
		func(ctx *fasthttp.RequestCtx) { ctx.Response.ImmediateHeaderFlush = true },
		func(ctx *fasthttp.RequestCtx) { _ = ctx.PostBody() },
		func(ctx *fasthttp.RequestCtx) { _ = ctx.Response.Body() },
		func(ctx *fasthttp.RequestCtx) { _ = ctx.Response.Header.AddTrailer("X-Left") },
		func(ctx *fasthttp.RequestCtx) { _ = ctx.Request.Header.SetTrailer("X-Left") },
		func(ctx *fasthttp.RequestCtx) { ctx.Request.SetTimeout(time.Second) },
		func(ctx *fasthttp.RequestCtx) { ctx.TimeoutError("x") },
		func(*fasthttp.RequestCtx) {},
	}
	deed, looking := 0, false
	var got string
	s := mustStage(t, func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if looking {
				got = fmt.Sprint(ctx.Request.String(), ctx.URI(), ctx.QueryArgs(), ctx.PostArgs(), ctx.Response.Header.StatusCode(),
					ctx.RemoteAddr(), ctx.Hijacked(), ctx.Response.SkipBody, ctx.Response.ImmediateHeaderFlush, len(ctx.Response.Body()))
				next(ctx)
				return
			}
			deeds[deed](ctx)
			next(ctx)
			deeds[rng.IntN(len(deeds))](ctx)
		}
	})
	var want string
	for i := range 4000 {
		r := parsedRequest(t, askText)
		if i%2 == 1 {
			r.Method, r.Stream, r.Length = []byte("POST"), strings.NewReader("content"), 7
		}
		deed, looking = rng.IntN(len(deeds)), false
		carry(t, s, r, streaming(t, "X: 1\r\n", "x"))
		looking = true
		if v := carry(t, s, parsedRequest(t, askText), streaming(t, "X: 1\r\n", "x")); v.verdict != Passed {
			t.Fatalf("behind deed %d: got %+v; want it to pass", deed, v)
		}
		if want == "" {
			want = got
		} else if got != want {
			t.Fatalf("behind deed %d: got\n%s\nwant\n%s", deed, got, want)
		}
	}
}

func TestWhatMakesNoStage(t *testing.T) {
	for name, m := range map[string]Middleware{
		"nil":    nil,
		"none":   func(fasthttp.RequestHandler) fasthttp.RequestHandler { return nil },
		"panics": func(fasthttp.RequestHandler) fasthttp.RequestHandler { panic("no") },
	} {
		if _, err := New(m, Options{Name: "n"}); err == nil || !strings.HasPrefix(err.Error(), `cannot make handler "n": `) {
			t.Errorf("%s: got %v; want an error that names the handler", name, err)
		}
	}
}
