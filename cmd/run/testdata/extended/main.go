// Command extended is isame-lb with an algorithm, a stage and a variable of its own, as a
// user would write it:
//
//	pools: {p: {algorithm: primary_first, backends: [...]}}
//	middleware:
//	  json: {type: only_json, options: {say: "send JSON"}}
//	  tell: {type: headers, request: {set: {X-Region: "{region}"}}}
package main

import (
	"errors"
	"os"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/cmd/run"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// busyMost is how many requests a backend has in flight before the next one helps.
const busyMost = 2

// primaryFirst fills backends in the order of the list: everything goes to the first of
// those that may be picked now, until it is busy; then the second one helps, and so on.
// Where all are busy, the one with the least to do takes it.
type primaryFirst struct{ members []algo.Member }

// Pick implements algo.Balancer.
func (p primaryFirst) Pick(q algo.Query) int {
	best, least := -1, int64(0)
	for i := range p.members {
		if q.Tried.Has(i) { // this exchange has asked it already
			continue
		}
		busy := p.members[i].Load.InFlight.Load()
		if busy < busyMost {
			return i
		}
		if best < 0 || busy < least {
			best, least = i, busy
		}
	}
	return best
}

// onlyJSON lets requests with another content than JSON go no further. It is middleware of
// fasthttp like any other.
func onlyJSON(options map[string]any) (func(fasthttp.RequestHandler) fasthttp.RequestHandler, error) {
	say, ok := options["say"].(string)
	if !ok {
		return nil, errors.New("say must be the text of the answer")
	}
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if !ctx.IsGet() && string(ctx.Request.Header.ContentType()) != "application/json" {
				ctx.Error(say, fasthttp.StatusUnsupportedMediaType)
				return
			}
			next(ctx)
			ctx.Response.Header.Set("X-Checked", "json")
		}
	}, nil
}

func main() {
	region := os.Getenv("REGION")
	middleware.RegisterHandler("only_json", onlyJSON)
	stage.RegisterVariable("region", func(dst []byte, _ *stage.Call) []byte { return append(dst, region...) })
	algo.Register("primary_first", func(members []algo.Member, _ algo.Balancer) algo.Balancer {
		return primaryFirst{members}
	})
	run.Main("v1.2.3-extended", "")
}
