package ctl

import (
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// inventoryEndpoints show what the configuration has made: certificates and limiters.
func (s *Server) inventoryEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", pattern: "/api/v1/certificates", role: api.RoleRead, serve: s.certificates, doc: operation{
			id: "listCertificates", summary: "Every certificate: validity, and when it is renewed and why then",
			query: pageQuery(), answers: answers{200: []api.Certificate{}},
		}},
		{method: "GET", pattern: "/api/v1/limits", role: api.RoleObserve, serve: s.limits, doc: operation{
			id: "listLimits", summary: "Every limit of clients, with its fullest keys", query: pageQuery(), answers: answers{200: []api.Limiter{}},
		}},
	}
}

func (s *Server) certificates(x *call) error {
	if s.opts.Sources.Certificates == nil {
		return notSupported("certificates")
	}
	list := filled(s.opts.Sources.Certificates())
	for i := range list {
		list[i].Names = filled(list[i].Names)
	}
	slices.SortStableFunc(list, func(a, b api.Certificate) int { return strings.Compare(certificateKey(&a), certificateKey(&b)) })
	return answerPage(x, list, byName(certificateKey))
}

// certificateKey orders certificates: those of files first, then by listener and name.
func certificateKey(c *api.Certificate) string {
	from := "file"
	if c.File == "" {
		from = "made"
	}
	return strings.Join([]string{from, c.Listener, c.Name, c.File, c.Key}, "\x00")
}

func (s *Server) limits(x *call) error {
	if s.opts.Sources.Limits == nil {
		return notSupported("limits")
	}
	list := filled(s.opts.Sources.Limits())
	for i := range list {
		list[i].Fullest = filled(list[i].Fullest)
	}
	return answerPage(x, list, byName(func(l *api.Limiter) string { return l.Stage }))
}
