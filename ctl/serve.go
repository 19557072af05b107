package ctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/valyala/fasthttp"
)

// serve answers one request; a panic ends the request, not the process.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	defer func() {
		if r := recover(); r != nil {
			s.opts.Logger.Error().Interface("panic", r).Bytes("path", ctx.Path()).Msg("the admin endpoint failed")
			ctx.Response.Reset()
			writeProblem(ctx, api.NewProblem(fasthttp.StatusInternalServerError, "internal error, see the log"))
		}
	}()
	setSafetyHeaders(ctx)
	x := &call{ctx: ctx}
	err := s.dispatch(x)
	if err != nil {
		writeProblem(ctx, problemOf(err))
	}
	if s.isOutdated(ctx.Conn()) {
		ctx.SetConnectionClose()
	}
	s.audit(x, err)
}

// dispatch passes the guard and calls the endpoint.
func (s *Server) dispatch(x *call) error {
	if p := s.guard.checkRequest(x.ctx); p != nil {
		return p
	}
	method := string(x.ctx.Method())
	e, params, allow := s.find(method, string(x.ctx.Request.Header.RequestURI()))
	if e == nil {
		return notServed(x.ctx, method, allow)
	}
	x.endpoint, x.params = e, params
	if err := s.admit(x); err != nil {
		return err
	}
	return e.serve(x)
}

// notServed is 405 with Allow for a path that exists, else 404.
func notServed(ctx *fasthttp.RequestCtx, method string, allow []string) *api.Problem {
	if len(allow) == 0 {
		return api.NewProblem(fasthttp.StatusNotFound, "there is no such path: GET / lists what there is")
	}
	slices.Sort(allow)
	list := strings.Join(slices.Compact(allow), ", ")
	ctx.Response.Header.Set("Allow", list)
	return api.NewProblem(fasthttp.StatusMethodNotAllowed, "method "+method+" is not answered here: use "+list)
}

// serveUnreadable answers what fasthttp could not read as a request.
func (s *Server) serveUnreadable(ctx *fasthttp.RequestCtx, err error) {
	ctx.Response.Reset()
	setSafetyHeaders(ctx)
	var (
		small   *fasthttp.ErrSmallBuffer
		timeout net.Error
	)
	switch {
	case errors.As(err, &small):
		writeProblem(ctx, api.NewProblem(fasthttp.StatusRequestHeaderFieldsTooLarge, "the request header is larger than 16 KiB"))
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		lingerOn(ctx.Conn())
		writeProblem(ctx, s.tooLarge(ctx))
	case errors.As(err, &timeout) && timeout.Timeout():
		writeProblem(ctx, api.NewProblem(fasthttp.StatusRequestTimeout, "the request did not arrive in time"))
	default:
		writeProblem(ctx, api.NewProblem(fasthttp.StatusBadRequest, "the request cannot be read as HTTP/1.1"))
	}
}

// tooLarge is 413, unless the guard would have refused this request whatever
// its size: room for a configuration is only made for those who may send one.
func (s *Server) tooLarge(ctx *fasthttp.RequestCtx) *api.Problem {
	// fasthttp forgets the header when a chunked body is too large; Host is always there otherwise.
	if len(ctx.Request.Header.Host()) > 0 {
		if p := s.guard.checkRequest(ctx); p != nil {
			return p
		}
		h := &ctx.Request.Header
		if p := checkOrigin(h); p != nil {
			return p
		}
		e, _, _ := s.find(string(h.Method()), string(h.RequestURI()))
		if e != nil && e.needs() != public {
			if p := s.authorize(&call{ctx: ctx, endpoint: e}); p != nil {
				return p
			}
		}
	}
	return api.NewProblem(fasthttp.StatusRequestEntityTooLarge, "the body is larger than 10 MiB for a configuration, 64 KiB for anything else")
}

// setSafetyHeaders keeps browsers from guessing, framing and storing.
func setSafetyHeaders(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
}

// problemOf is the answer to an error of an endpoint or a source.
func problemOf(err error) *api.Problem {
	var p *api.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, ErrNotFound):
		return api.NewProblem(fasthttp.StatusNotFound, err.Error())
	case errors.Is(err, ErrInUse):
		return api.NewProblem(fasthttp.StatusConflict, err.Error()).WithCode(api.CodeInUse)
	case errors.Is(err, ErrConflict):
		return api.NewProblem(fasthttp.StatusConflict, err.Error())
	case errors.Is(err, ErrNotSupported):
		return api.NewProblem(fasthttp.StatusNotImplemented, err.Error())
	default:
		return api.NewProblem(fasthttp.StatusUnprocessableEntity, err.Error())
	}
}

// notSupported is the answer of a call whose source is nil.
func notSupported(what string) *api.Problem {
	return api.NewProblem(fasthttp.StatusNotImplemented, what+": not supported yet")
}

// writeProblem completes and sends a copy of p.
func writeProblem(ctx *fasthttp.RequestCtx, p *api.Problem) {
	out := *p
	if out.Code == "" {
		out.Code = api.NewProblem(out.Status, "").Code
	}
	out.Instance = string(ctx.Path())
	if out.Status == fasthttp.StatusUnauthorized {
		ctx.Response.Header.Set("WWW-Authenticate", `Bearer realm="isame"`)
	}
	writeJSON(ctx, out.Status, api.ProblemType, out.WithCode(out.Code))
}

// writeJSON sends v; it must be a value of package api or pool.
func writeJSON(ctx *fasthttp.RequestCtx, status int, mediaType string, v any) {
	var buf bytes.Buffer
	encode(&buf, v)
	ctx.SetStatusCode(status)
	ctx.SetContentType(mediaType)
	ctx.SetBody(buf.Bytes())
}

// encode appends such a value and the end of its line.
func encode(buf *bytes.Buffer, v any) {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false) // never inside a page: nosniff and its own media type
	if err := enc.Encode(v); err != nil {
		panic("BUG: a value of the admin API cannot be encoded: " + err.Error())
	}
}

// answer sends v as the success of an endpoint.
func (x *call) answer(v any) error {
	writeJSON(x.ctx, fasthttp.StatusOK, typeJSON, v)
	return nil
}
