package ctl

import (
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// auditedBytesMax bounds what a line of the log repeats of a request.
const auditedBytesMax = 512

// audit leaves a line for each change: who made it or tried to, what, from where, and
// what became of it. Refusals are throttled, as anybody can cause them, and have no
// query: whoever sends a token in a URL should not find it in the log.
func (s *Server) audit(x *call, err error) {
	if !x.isAudited() {
		return
	}
	ctx := x.ctx
	var line *zerolog.Event
	if err != nil {
		line = s.refusals.Warn().Str("reason", cut(problemOf(err).Detail)).Str("code", string(problemOf(err).Code))
	} else {
		line = s.opts.Logger.Info()
		if query := string(ctx.URI().QueryString()); query != "" {
			line.Str("query", cut(query))
		}
	}
	if x.endpoint != nil {
		line.Str("operation", x.endpoint.doc.id)
	}
	if x.author != "" {
		line.Str("author", x.author).Str("role", string(x.role)).Str("via", x.via)
	}
	line.Bytes("method", ctx.Method()).Str("path", cut(string(ctx.Path()))).
		Int("status", ctx.Response.StatusCode()).Stringer("client", ctx.RemoteAddr())
	if err != nil {
		line.Msg("admin change refused")
		return
	}
	line.Msg("admin change")
}

// isAudited reports a call that changes something, or may have been meant to. A question
// that is asked by POST changes nothing.
func (x *call) isAudited() bool {
	if x.ctx.IsGet() || x.ctx.IsHead() {
		return false
	}
	if x.endpoint == nil {
		return true
	}
	need := x.endpoint.needs()
	return need == public || need.Includes(api.RoleOperate)
}

func cut(text string) string { return text[:min(len(text), auditedBytesMax)] }
