package ctl

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
)

// historyEndpoints are the calls about what came before, and where values come from.
func (s *Server) historyEndpoints() []endpoint {
	return []endpoint{
		{method: methodGet, pattern: "/api/v1/config/history", role: api.RoleRead, serve: s.history, doc: operation{
			id: "listHistory", summary: "What came, newest first: who, how, why, what changed, and what became of it",
			query: pageQuery(), answers: answers{200: []api.Generation{}},
		}},
		{method: methodGet, pattern: "/api/v1/config/history/{generation}", role: api.RoleRead, serve: s.generation, doc: operation{
			id: "getGeneration", summary: "One generation, with its document", answers: answers{200: api.Generation{}, 404: refusal{}},
		}},
		{method: methodGet, pattern: "/api/v1/config/why", role: api.RoleRead, serve: s.why, doc: operation{
			id: "whyConfig", summary: "Where the value of a key comes from",
			query:   map[string]string{"path": "The key, for instance pools.api.algorithm"},
			answers: answers{200: api.Why{}, 404: refusal{}, 409: refusal{}},
		}},
	}
}

// trialEndpoints are the calls that end a trial, one way or the other.
func (s *Server) trialEndpoints() []endpoint {
	query := map[string]string{}
	for _, name := range []string{keyMessage, keyConfirm, keyAbortError, keyAbortP99} {
		query[name] = changeQuery()[name]
	}
	body := []string{typeJSON}
	return []endpoint{
		{method: methodPost, pattern: "/api/v1/config/confirm", role: api.RoleOperate, accepts: body, serve: s.confirm, doc: operation{
			id: "confirmConfig", summary: "Keeps a change that waits for its confirmation; on a connection that was opened after it",
			body: api.Confirmation{}, answers: answers{200: api.Applied{}, 409: refusal{}, 422: refusal{}},
		}},
		{method: methodPost, pattern: "/api/v1/config/rollback", role: api.RoleOperate, accepts: body, serve: s.rollback, doc: operation{
			id: "rollbackConfig", summary: "Brings the content of a generation back, as a new one; without a body that of the one before",
			query: query, body: api.RollbackRequest{}, optional: true,
			answers: answers{200: api.Applied{}, 404: refusal{}, 409: refusal{}, 422: refusal{}},
		}},
	}
}

// timeLayout orders times as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

func (s *Server) history(x *call) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("the history")
	}
	at := func(g *api.Generation) string { return g.At.UTC().Format(timeLayout) }
	return answerPage(x, s.opts.Sources.Ledger.History(), listing[api.Generation]{
		cursor: at, isBehind: func(g *api.Generation, cursor string) bool { return at(g) < cursor },
	})
}

func (s *Server) generation(x *call) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("the history")
	}
	number, err := strconv.ParseUint(x.params["generation"], 10, 64)
	if err != nil {
		return fmt.Errorf("generation %q: %w: it is no number", x.params["generation"], ErrNotFound)
	}
	g, err := s.opts.Sources.Ledger.Generation(number)
	if err != nil {
		return err
	}
	return x.answer(g)
}

func (s *Server) why(x *call) error {
	l := s.opts.Sources.Ledger
	if l == nil {
		return notSupported("origins of values")
	}
	path := string(x.ctx.QueryArgs().Peek("path"))
	if path == "" {
		return unknownParameter("parameter %q is needed: the key to ask for", "path")
	}
	v, err := s.view()
	if err != nil {
		return err
	}
	value, ok := v.Loaded.Value(path)
	if !ok {
		return fmt.Errorf("key %q: %w: it has no value in the running configuration", path, ErrNotFound)
	}
	return x.answer(api.Why{
		Path: path, Value: value, Origin: v.Loaded.Origin(path).String(),
		Generation: v.Generation, Author: v.Author.Name, Trigger: v.Author.Trigger, Since: l.Since(path),
	})
}

func (s *Server) confirm(x *call) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("confirmations")
	}
	var body api.Confirmation
	if err := decode(x.ctx.PostBody(), &body); err != nil {
		return err
	}
	if body.Generation == 0 {
		return api.NewProblem(http.StatusUnprocessableEntity, "generation is needed: that of the answer to the change")
	}
	author, p := x.authorOf(ledger.TriggerAPI)
	if p != nil {
		return p
	}
	out, err := s.opts.Sources.Ledger.Confirm(body.Generation, openedAt(x.ctx.Conn()), author)
	if err != nil {
		x.ctx.SetConnectionClose() // a browser takes an older connection as long as it has one
		return x.refused(err, nil)
	}
	return s.applied(x, &out, nil)
}

func (s *Server) rollback(x *call) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("rollbacks")
	}
	var body api.RollbackRequest
	if len(x.ctx.PostBody()) > 0 {
		if err := decode(x.ctx.PostBody(), &body); err != nil {
			return err
		}
	}
	author, p := x.authorOf(ledger.TriggerRollback)
	if p != nil {
		return p
	}
	trying, p := x.trying()
	if p != nil {
		return p
	}
	out, err := s.opts.Sources.Ledger.Rollback(&ledger.Return{Author: author, Generation: body.Generation, Trying: trying})
	if err != nil {
		return x.refused(err, nil)
	}
	return s.applied(x, &out, nil)
}

// reload does not end when its client leaves: half a reload is worse than one nobody waits for.
func (s *Server) reload(x *call) error {
	if s.opts.Sources.Reload == nil {
		return notSupported("reload")
	}
	force, p := x.flag("force")
	if p != nil {
		return p
	}
	result, err := s.opts.Sources.Reload(&Reload{
		Author: x.author, Force: force, May: x.keepsItsToken("apply what the file holds with confirm, and confirm it with another one"),
	})
	if err != nil {
		if _, ok := errors.AsType[*api.Problem](err); ok {
			return x.refused(err, nil)
		}
		return configRefused("the reload was refused and the running configuration stays", err)
	}
	return x.answer(result)
}
