//go:build !race

package origin

import (
	"testing"

	"github.com/valyala/fasthttp"
)

func TestAnswerAllocs(t *testing.T) {
	for _, o := range []Options{{}, {Size: 16 << 10, Header: []string{"A: b"}}, {Echo: true}} {
		s := begin(t, o)
		handle := s.handler("o")
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI("/x")
		handle(&ctx)
		n := testing.AllocsPerRun(1000, func() {
			ctx.Response.Reset()
			handle(&ctx)
		})
		if n != 0 || ctx.Response.StatusCode() != 200 {
			t.Errorf("%+v: got %v allocations, status %d; want 0 and 200", o, n, ctx.Response.StatusCode())
		}
	}
}
