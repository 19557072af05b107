//go:build !race

package handler

import (
	"testing"

	"github.com/valyala/fasthttp"
)

func TestHandlerAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		m    Middleware
		want Verdict
	}{
		{"nothing", nothing, Passed},
		{"looks", around(func(ctx *fasthttp.RequestCtx) { _, _ = ctx.Path(), ctx.UserAgent() }, nil), Passed},
		{"sets", around(nil, func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Set("X-Frame-Options", "DENY") }), Changed},
		{"answers", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("ok") }
		}, Answered},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, r := mustStage(t, c.m), parsedRequest(t, askText)
			r.Stream, r.Length = endless{}, -1
			x := &bare{answer: parsedAnswer(t, answerText)}
			x.answer.Stream = endless{}
			var b []byte
			if n := testing.AllocsPerRun(1000, func() {
				c2 := s.Acquire()
				c2.Show(r)
				if got := c2.Run(x); got != c.want {
					t.Fatalf("got verdict %v; want %v", got, c.want)
				}
				b = c2.AppendFields(b[:0])
				c2.Release()
			}); n != 0 {
				t.Errorf("%v allocations an exchange; want 0", n)
			}
		})
	}
}
