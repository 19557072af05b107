package ctl

import (
	"encoding/json"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/valyala/fasthttp"
)

func (s *Server) explainEndpoints() []endpoint {
	return []endpoint{
		{method: "POST", pattern: "/api/v1/explain", accepts: []string{typeJSON}, serve: s.explain, asks: true, doc: operation{
			id: "explain", summary: "What would become of a request, and why; nothing is sent, taken or counted", body: api.ExplainRequest{},
			answers: answers{200: api.Explanation{}, 409: refusal{}, 422: refusal{}},
		}},
	}
}

func (s *Server) explain(x *call) error {
	if s.opts.Sources.Explain == nil {
		return notSupported("explain")
	}
	q, err := decodeKnown[api.ExplainRequest](x.ctx.PostBody())
	if err != nil {
		return err
	}
	e, err := s.opts.Sources.Explain(&q)
	if err != nil {
		return err
	}
	return x.answer(e)
}

// decodeKnown is decode of a body that is refused, not unreadable, where it has a key that
// nobody knows: 422.
func decodeKnown[T any](body []byte) (v T, err error) {
	if err = decode(body, &v); err == nil {
		return v, nil
	}
	var lenient T
	if json.Unmarshal(body, &lenient) == nil {
		return v, api.NewProblem(fasthttp.StatusUnprocessableEntity, err.Error())
	}
	return v, err
}

// isQuestion reports a request that changes nothing although it is no GET, and that the
// guard has let in: err is what became of it.
func (s *Server) isQuestion(ctx *fasthttp.RequestCtx, method string, err error) bool {
	e, _, _ := s.find(method, string(ctx.Request.Header.RequestURI()))
	if e == nil || !e.asks {
		return false
	}
	if err == nil {
		return true
	}
	status := problemOf(err).Status
	return status != fasthttp.StatusUnauthorized && status != fasthttp.StatusForbidden
}
