package ctl

import "github.com/isame-lb/isame-lb/ctl/api"

// inventoryEndpoints show what the configuration has made: certificates and limiters.
func (s *Server) inventoryEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", pattern: "/api/v1/certificates", role: api.RoleRead, serve: s.certificates, doc: operation{
			id: "listCertificates", summary: "Every certificate: validity, and when it is renewed and why then",
			answers: answers{200: []api.Certificate{}},
		}},
		{method: "GET", pattern: "/api/v1/limits", role: api.RoleObserve, serve: s.limits, doc: operation{
			id: "listLimits", summary: "Every limit of clients, with its fullest keys", answers: answers{200: []api.Limiter{}},
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
	return x.answer(list)
}

func (s *Server) limits(x *call) error {
	if s.opts.Sources.Limits == nil {
		return notSupported("limits")
	}
	list := filled(s.opts.Sources.Limits())
	for i := range list {
		list[i].Fullest = filled(list[i].Fullest)
	}
	return x.answer(list)
}
