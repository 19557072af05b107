package ctl

import (
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// public is the role of calls that need no token: they show no state of traffic or
// configuration.
const public api.Role = "public"

// needs is the role a call asks for. One that was forgotten in the table asks for most.
func (e *endpoint) needs() api.Role {
	if e.role == "" {
		return api.RoleWrite
	}
	return e.role
}

// admit decides whether a call is made. In order: for changes an Origin that is ours
// (cross-site requests); a token, session, or whatever else the role comes by; how often;
// query parameters that the call knows; a content type no HTML form can send; and no body
// with something in it where the call takes none.
func (s *Server) admit(x *call) error {
	e, h := x.endpoint, &x.ctx.Request.Header
	if e.isChange() {
		if p := checkOrigin(h); p != nil {
			return p
		}
	}
	if e.needs() != public {
		if p := s.authorize(x); p != nil {
			return p
		}
	}
	if p := e.checkQuery(x.ctx.QueryArgs()); p != nil {
		return p
	}
	if !e.isChange() {
		return nil
	}
	if p := checkContentType(x.ctx, e.accepts); p != nil {
		return p
	}
	if body := x.ctx.PostBody(); e.doc.body == nil && len(body) > 0 {
		return decode(body, &struct{}{})
	}
	return nil
}

// authorize finds out who asks, and whether they may.
func (s *Server) authorize(x *call) *api.Problem {
	who, p := s.identify(x.ctx)
	if p != nil {
		return p
	}
	x.author, x.role, x.via, x.sum = who.author, who.role, who.via, who.sum
	if need := x.endpoint.needs(); !who.role.Includes(need) {
		return api.NewProblem(fasthttp.StatusForbidden,
			fmt.Sprintf("role %s is needed: %q has role %s", need, who.author, who.role))
	}
	if !x.endpoint.isChange() {
		return nil
	}
	if who.via == viaSession {
		if p := checkCookieOrigin(&x.ctx.Request.Header); p != nil {
			return p
		}
	}
	if wait := s.gate.change(clientKey(x.ctx.RemoteAddr()), who.author, s.now()); wait > 0 {
		return throttled(x.ctx, wait, "too many changes came from this address")
	}
	return nil
}

// checkOrigin refuses what a page of another site makes a browser send.
func checkOrigin(h *fasthttp.RequestHeader) *api.Problem {
	if site := string(h.Peek("Sec-Fetch-Site")); site != "" && site != "same-origin" && site != "none" {
		return api.NewProblem(fasthttp.StatusForbidden, "cross-site requests may not change anything")
	}
	origins := h.PeekAll(fasthttp.HeaderOrigin)
	if len(origins) == 0 {
		return nil
	}
	origin := string(origins[0])
	u, err := url.Parse(origin)
	if len(origins) == 1 && err == nil && u.Host != "" && canonicalHost(u.Host) == canonicalHost(string(h.Host())) {
		return nil
	}
	return api.NewProblem(fasthttp.StatusForbidden, fmt.Sprintf("origin %q is another site: it may not change anything", origin))
}

// checkCookieOrigin asks for the Origin, which checkOrigin has looked at, where the
// browser adds by itself what shows who asks.
func checkCookieOrigin(h *fasthttp.RequestHeader) *api.Problem {
	if len(h.Peek(fasthttp.HeaderOrigin)) > 0 {
		return nil
	}
	return api.NewProblem(fasthttp.StatusForbidden, "a change with the cookie of a session needs an Origin, which browsers send")
}

// checkContentType lets only those media types through that a browser asks
// permission for before it sends them to another site.
func checkContentType(ctx *fasthttp.RequestCtx, types []string) *api.Problem {
	given := string(ctx.Request.Header.ContentType())
	if given == "" && len(ctx.Request.Body()) == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(given)
	for _, t := range types {
		if err == nil && media == t {
			return nil
		}
	}
	want := "no body"
	if len(types) > 0 {
		want = strings.Join(types, " or ")
	}
	return api.NewProblem(fasthttp.StatusUnsupportedMediaType, fmt.Sprintf("content type %q: this call takes %s", given, want))
}
