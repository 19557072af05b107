package ctl

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
)

const explainPath = "/api/v1/explain"

func (s *Server) explainEndpoints() []endpoint {
	return []endpoint{
		{
			method: fasthttp.MethodPost, pattern: explainPath, role: api.RoleObserve, accepts: []string{typeJSON}, serve: s.explain,
			doc: operation{
				id: "explain", summary: "What would become of a request, and why; nothing is sent, taken or counted. With config, by a configuration " +
					"that does not run (role write)",
				body:    api.ExplainRequest{},
				answers: answers{200: api.Explanation{}, 400: refusal{}, 409: refusal{}, 422: refusal{}},
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
	if q.Config != nil {
		return s.explainBy(x, &q)
	}
	if q.ConfigFormat != "" {
		return api.NewProblem(fasthttp.StatusUnprocessableEntity, "config_format needs config beside it")
	}
	e, err := s.opts.Sources.Explain(&q)
	if err != nil {
		return err
	}
	return x.answer(e)
}

// explainBy explains with the configuration of the question, which is looked at as a change
// of the one that runs would be: it may refer to files and variables, so it needs as much.
func (s *Server) explainBy(x *call, q *api.ExplainRequest) error {
	l := s.opts.Sources.Ledger
	switch {
	case l == nil || s.opts.Sources.ExplainBy == nil:
		return notSupported("explain with config")
	case !x.role.Includes(api.RoleWrite):
		return api.NewProblem(fasthttp.StatusForbidden, fmt.Sprintf("config needs role write: %q has role %s", x.author, x.role))
	}
	format := FormatYAML
	switch {
	case q.Config.IsObject:
		format = FormatJSON
	case q.ConfigFormat != "":
		format = q.ConfigFormat
	}
	if format != FormatYAML && format != FormatJSON && format != FormatTOML || q.Config.IsObject && q.ConfigFormat != "" {
		return api.NewProblem(fasthttp.StatusUnprocessableEntity, "config_format is yaml, json or toml, for a config that is text")
	}
	edit, err := ledger.Put(q.Config.Body, format)
	if err != nil {
		return bodyRefused(err, nil)
	}
	out, _, err := l.Weigh(&ledger.Revision{Edit: edit})
	if err != nil {
		return x.refused(err, nil)
	}
	e, err := s.opts.Sources.ExplainBy(out.Loaded, q)
	if err != nil {
		return err
	}
	e.Candidate = true
	return x.answer(e)
}
