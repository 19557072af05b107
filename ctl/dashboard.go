package ctl

import (
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/web"
)

// pagePolicy is the Content-Security-Policy of the dashboard: scripts, styles and calls of
// this endpoint alone, nothing inline, and no text that becomes markup by itself.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func (s *Server) dashboardEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", pattern: "/assets/{file}", role: public, serve: s.dashboardAsset, doc: operation{
			id: "getAsset", summary: "A file of the dashboard, with an ETag; 404 where admin.dashboard is false",
			answers: answers{200: rawAnswer(web.Types()), 304: nil, 404: refusal{}},
		}},
	}
}

// dashboardAsset answers without a token: the files are the same everywhere and show nothing.
func (s *Server) dashboardAsset(x *call) error {
	if !s.guard.access.Load().dashboard {
		return api.NewProblem(fasthttp.StatusNotFound, "there is no dashboard: admin.dashboard is false")
	}
	return x.asset(x.params["file"])
}

// asset sends a file of the dashboard, or says that the browser has it.
func (x *call) asset(name string) error {
	a, ok := web.Find(name)
	if !ok {
		return api.NewProblem(fasthttp.StatusNotFound, "the dashboard has no such file")
	}
	h := &x.ctx.Response.Header
	h.Set("Cache-Control", "no-cache") // kept, and asked for each time: a new version is seen at once
	h.Set("ETag", a.ETag)
	h.Set("Content-Security-Policy", pagePolicy)
	if string(x.ctx.Request.Header.Peek("If-None-Match")) == a.ETag {
		x.ctx.SetStatusCode(fasthttp.StatusNotModified)
		return nil
	}
	x.ctx.SetContentType(a.Type)
	x.ctx.SetBody(a.Body)
	return nil
}
