package ctl

import (
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
)

func (s *Server) explainEndpoints() []endpoint {
	return []endpoint{
		{
			method: fasthttp.MethodPost, pattern: "/api/v1/explain", role: api.RoleObserve, accepts: []string{typeJSON}, serve: s.explain,
			doc: operation{
				id: "explain", summary: "What would become of a request, and why; nothing is sent, taken or counted", body: api.ExplainRequest{},
				answers: answers{200: api.Explanation{}, 409: refusal{}, 422: refusal{}},
			},
		},
	}
}

func (s *Server) explain(x *call) error {
	if s.opts.Sources.Explain == nil {
		return notSupported("explain")
	}
	var q api.ExplainRequest
	if err := decode(x.ctx.PostBody(), &q); err != nil {
		return err
	}
	e, err := s.opts.Sources.Explain(&q)
	if err != nil {
		return err
	}
	return x.answer(e)
}
