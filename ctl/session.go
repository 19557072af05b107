package ctl

import (
	"crypto/sha256"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// cookieName is the cookie of a session.
const cookieName = "isame_session"

func (s *Server) sessionEndpoints() []endpoint {
	const pattern = "/api/v1/session"
	return []endpoint{
		{method: fasthttp.MethodPost, pattern: pattern, role: public, accepts: []string{typeJSON}, serve: s.login, doc: operation{
			id: "openSession", summary: "Sets the cookie of a session of 12 h with the rights of a token, of the body or of Authorization",
			body: api.Login{}, optional: true, answers: answers{200: api.Session{}, 401: refusal{}, 422: refusal{}, 429: refusal{}},
		}},
		{method: "DELETE", pattern: pattern, role: public, serve: s.logout, doc: operation{
			id: "endSession", summary: "Ends the session of the cookie", answers: answers{204: nil},
		}},
	}
}

// login begins a session. The token never stands in a URL: it comes in the body, or
// where every token comes.
func (s *Server) login(x *call) error {
	a := s.guard.access.Load()
	if len(a.tokens) == 0 {
		return api.NewProblem(fasthttp.StatusUnprocessableEntity, "there are no tokens (admin.tokens), so no session is needed")
	}
	var body api.Login
	if len(x.ctx.PostBody()) > 0 {
		if err := decode(x.ctx.PostBody(), &body); err != nil {
			return err
		}
	}
	t, p := s.checkToken(x.ctx, func() (knownToken, error) {
		if body.Token == "" {
			return s.tokenOf(&x.ctx.Request.Header, a)
		}
		if t, ok := a.find(sha256.Sum256([]byte(body.Token))); ok {
			return t, nil
		}
		return knownToken{}, errWrong
	})
	if p != nil {
		return p
	}
	x.author, x.role, x.via = t.name, t.role, viaToken
	now := s.now()
	setCookie(x.ctx, s.gate.open(&t, now), sessionTime)
	return x.answer(api.Session{Name: t.name, Role: t.role, Expires: now.Add(sessionTime).UTC().Truncate(time.Second)})
}

// logout is as good for a session that has ended.
func (s *Server) logout(x *call) error {
	h := &x.ctx.Request.Header
	if cookie := h.Cookie(cookieName); len(cookie) > 0 {
		if p := checkCookieOrigin(h); p != nil {
			return p
		}
		if t, ok := s.gate.session(cookie, s.guard.access.Load(), s.now()); ok {
			x.author, x.role, x.via = t.name, t.role, viaSession
		}
		s.gate.end(cookie)
	}
	setCookie(x.ctx, "", 0)
	x.ctx.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

// setCookie sets the cookie of a session: no script reads it, no other site sends it,
// and over TLS it does not come back in clear text. 0 removes it.
func setCookie(ctx *fasthttp.RequestCtx, value string, age time.Duration) {
	var c fasthttp.Cookie
	c.SetKey(cookieName)
	c.SetValue(value)
	c.SetPath("/")
	c.SetHTTPOnly(true)
	c.SetSameSite(fasthttp.CookieSameSiteStrictMode)
	c.SetSecure(ctx.IsTLS())
	c.SetMaxAge(int(age / time.Second))
	if age == 0 {
		c.SetMaxAge(-1) // fasthttp's word for at once
	}
	ctx.Response.Header.SetCookie(&c)
}
