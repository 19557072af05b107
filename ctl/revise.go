package ctl

import (
	"crypto/sha256"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/valyala/fasthttp"
)

// Parameters of changes.
const (
	keyDryRun     = "dry_run"
	keyStrict     = "strict"
	keyReplace    = "replace"
	keyConfirm    = "confirm"
	keyMessage    = "message"
	keyAbortError = "abort_error_percent"
	keyAbortP99   = "abort_p99_factor"
)

// messageBytesMax bounds what an author says about a change.
const messageBytesMax = 1000

// retrySeconds is when one who met another change may try again.
const retrySeconds = 5

// changeQuery documents the parameters of a change of the configuration.
func changeQuery() map[string]string {
	return map[string]string{
		keyDryRun:  "1 checks only, and says what would change; needs no If-Match",
		keyStrict:  "1 refuses what has warnings",
		keyReplace: "1 takes the place of a change that waits for its confirmation",
		keyConfirm: "5s to 1h: rolled back by itself unless POST /api/v1/config/confirm comes before",
		keyMessage: "What the history is to say about it, up to 1000 bytes",
		keyAbortError: "With confirm: rolled back early when the share of failed exchanges rises by so many points; " +
			strconv.Itoa(ledger.AbortErrorPercent) + ", 0 never",
		keyAbortP99: "With confirm: rolled back early when the 99th percentile of the durations is so many times what it was; " +
			strconv.Itoa(ledger.AbortP99Factor) + ", 0 never",
	}
}

// changeAnswers are the answers to a change. With dry_run=1 the answer is a CheckResult.
func changeAnswers() answers {
	return answers{200: api.Applied{}, 404: refusal{}, 409: refusal{}, 412: refusal{}, 422: refusal{}, 428: refusal{}, 500: refusal{}}
}

func removalAnswers() answers {
	a := changeAnswers()
	a[http.StatusNoContent] = nil
	return a
}

// revision reads what is asked for beside the body.
func (x *call) revision() (r *ledger.Revision, dryRun bool, p *api.Problem) {
	r = &ledger.Revision{}
	if dryRun, p = x.flag(keyDryRun); p != nil {
		return nil, false, p
	}
	if r.Strict, p = x.flag(keyStrict); p != nil {
		return nil, false, p
	}
	if r.Replace, p = x.flag(keyReplace); p != nil {
		return nil, false, p
	}
	if r.Trying, p = x.trying(); p != nil {
		return nil, false, p
	}
	if r.Author, p = x.authorOf(ledger.TriggerAPI); p != nil {
		return nil, false, p
	}
	if !dryRun {
		r.Match = &ledger.Match{}
		r.Match.Tags, r.Match.Any = x.tags(fasthttp.HeaderIfMatch)
		_, r.Match.None = x.tags(fasthttp.HeaderIfNoneMatch)
	}
	return r, dryRun, nil
}

// trying reads whether it is on trial, and has a change that is not leave the token alone
// that it comes with.
func (x *call) trying() (t ledger.Trying, p *api.Problem) {
	t.Lasting = x.keepsItsToken("apply it with confirm, and confirm it with another one")
	if t.Confirm, p = x.duration(keyConfirm, ledger.ConfirmLeast, ledger.ConfirmMost); p != nil {
		return t, p
	}
	t.Abort, p = x.abort(t.Confirm)
	return t, p
}

// abort reads when a trial ends early.
func (x *call) abort(confirm time.Duration) (a ledger.Abort, p *api.Problem) {
	args := x.ctx.QueryArgs()
	if confirm == 0 {
		for _, name := range []string{keyAbortError, keyAbortP99} {
			if args.Has(name) {
				return a, unknownParameter("parameter %q needs %s", name, keyConfirm)
			}
		}
		return a, nil
	}
	if a.ErrorPercent, p = x.real(keyAbortError, 0, 100, ledger.AbortErrorPercent); p != nil {
		return a, p
	}
	a.P99Factor, p = x.real(keyAbortP99, 0, 1000, ledger.AbortP99Factor)
	if p == nil && a.P99Factor > 0 && a.P99Factor < 1 {
		p = unknownParameter("parameter %q is 0, or a number from 1 to 1000", keyAbortP99)
	}
	return a, p
}

// real reads a parameter that is a number; an absent one is absent.
func (x *call) real(name string, least, most, absent float64) (float64, *api.Problem) {
	args := x.ctx.QueryArgs()
	if !args.Has(name) {
		return absent, nil
	}
	n, err := strconv.ParseFloat(string(args.Peek(name)), 64)
	if err != nil || !(n >= least && n <= most) { // not a number is refused as well
		return 0, unknownParameter("parameter %q is no number from %g to %g", name, least, most)
	}
	return n, nil
}

// authorOf is who asks, with what is said about it.
func (x *call) authorOf(trigger string) (ledger.Author, *api.Problem) {
	message := string(x.ctx.QueryArgs().Peek(keyMessage))
	if len(message) > messageBytesMax || !utf8.ValidString(message) {
		return ledger.Author{}, unknownParameter("parameter %q is no text of at most %d bytes", keyMessage, messageBytesMax)
	}
	return ledger.Author{Name: x.author, Trigger: trigger, Message: message}, nil
}

func (s *Server) putConfig(x *call) error {
	return s.revise(x, func() (ledger.Edit, error) { return x.putEdit() })
}

func (s *Server) patchConfig(x *call) error {
	return s.revise(x, func() (ledger.Edit, error) { return x.mergeEdit() })
}

// putEdit is the change that a body makes which says all of what is at path.
func (x *call) putEdit(path ...string) (ledger.Edit, error) {
	format, p := x.formatOf()
	if p != nil {
		return nil, p
	}
	if len(x.ctx.PostBody()) == 0 {
		return nil, api.NewProblem(fasthttp.StatusBadRequest, "a configuration is needed as the body")
	}
	// Documents keep what they were parsed of, and fasthttp uses its buffer again.
	body := append([]byte(nil), x.ctx.PostBody()...)
	edit, err := ledger.Put(body, format, path...)
	if err != nil {
		return nil, bodyRefused(err, path)
	}
	return edit, nil
}

// mergeEdit is the change that a body makes which says what is different at path.
func (x *call) mergeEdit(path ...string) (ledger.Edit, error) {
	body := append([]byte(nil), x.ctx.PostBody()...)
	if len(body) == 0 {
		return nil, api.NewProblem(fasthttp.StatusBadRequest, "a merge patch is needed as the body")
	}
	if p := checkJSON(body); p != nil {
		return nil, p
	}
	return ledger.Merge(body, path...), nil
}

// revise makes a change, or says what it would do.
func (s *Server) revise(x *call, edit func() (ledger.Edit, error), path ...string) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("changing the configuration")
	}
	r, dryRun, p := x.revision()
	if p != nil {
		return p
	}
	var err error
	if r.Edit, err = edit(); err != nil {
		return err
	}
	r.Path = path
	if dryRun {
		return s.check(x, r)
	}
	return s.once(x, func() error { return s.apply(x, r) })
}

// keepsItsToken refuses a change that takes away the token it came with, or that the
// session it came by is bound to, or what that may do: who made a mistake could not mend
// it. On trial it mends itself; instead says how else it is done.
func (x *call) keepsItsToken(instead string) func(next *config.Loaded) error {
	if x.via != viaToken && x.via != viaSession {
		return nil
	}
	return func(next *config.Loaded) error {
		admin := &next.Config.Admin
		stays := admin.Token == "" && len(admin.Tokens) == 0 || x.isSum(admin.Token)
		for i := range admin.Tokens {
			t := &admin.Tokens[i]
			stays = stays || x.isSum(t.Secret) && api.Role(t.Role).Includes(x.role)
		}
		switch {
		case stays:
			return nil
		case x.via == viaSession:
			return api.NewProblem(http.StatusUnprocessableEntity,
				"the change takes away the token that the session it came by is bound to, or its role: "+instead)
		}
		return api.NewProblem(http.StatusUnprocessableEntity, "the change takes away the token that it came with, or its role: "+instead)
	}
}

// isSum reports that a secret is the token of who asks.
func (x *call) isSum(secret config.Secret) bool { return sha256.Sum256([]byte(secret)) == x.sum }

// check answers what a change would do.
func (s *Server) check(x *call, r *ledger.Revision) error {
	out, _, err := s.opts.Sources.Ledger.Weigh(r)
	if err != nil {
		return x.refused(err, r.Path)
	}
	result := api.CheckResult{
		Valid: true, Warnings: DescribeProblems(out.Loaded.Warnings), Unchanged: out.Unchanged,
		RestartNeeded: DescribeProblems(out.Kept), Overridden: overridesOf(out.Loaded),
	}
	result.Changes, result.ChangesBeyond = ledger.Describe(out.Changes, true)
	return x.answer(result)
}

func (s *Server) apply(x *call, r *ledger.Revision) error {
	out, err := s.opts.Sources.Ledger.Revise(r)
	if errors.Is(err, ledger.ErrGone) {
		x.ctx.SetStatusCode(fasthttp.StatusNoContent)
		return nil
	}
	if err != nil {
		return x.refused(err, r.Path)
	}
	return s.applied(x, &out, r.Path)
}

// applied answers what a change did.
func (s *Server) applied(x *call, out *ledger.Outcome, path []string) error {
	a := appliedOf(out)
	if len(path) > 0 {
		a.ETag = s.opts.Sources.Ledger.ETagOf(out.Document, path...)
	}
	if t := out.Trial; t != nil {
		before := t.Before.UTC()
		a.Previous, a.ConfirmBefore = t.Previous, &before
		a.AbortErrorPercent, a.AbortP99Factor = &t.Abort.ErrorPercent, &t.Abort.P99Factor
		x.ctx.SetConnectionClose() // the confirmation has to show that a new one can be opened
	}
	if a.ETag != "" {
		x.ctx.Response.Header.Set(fasthttp.HeaderETag, `"`+a.ETag+`"`)
	}
	return x.answer(a)
}

// appliedOf is the answer to a change of the document that need not be confirmed.
func appliedOf(out *ledger.Outcome) api.Applied {
	a := api.Applied{
		Generation: out.Generation, Unchanged: out.Unchanged, ETag: out.ETag,
		RestartNeeded: filled(DescribeProblems(out.Kept)), Overridden: filled(overridesOf(out.Loaded)),
		Warnings: filled(DescribeProblems(out.Loaded.Warnings)),
	}
	a.Changes, a.ChangesBeyond = ledger.Describe(out.Changes, false)
	return a
}

// overridesOf are the keys that the environment or a flag decides.
func overridesOf(l *config.Loaded) []api.Override {
	all := l.Overrides()
	list := make([]api.Override, 0, len(all))
	for _, o := range all {
		list = append(list, api.Override{Path: o.Path, Env: o.Origin.Env, Flag: o.Origin.Flag})
	}
	return list
}

// refused is the answer to a change that was not made.
func (x *call) refused(err error, path []string) error {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		if p.Current != nil && p.Current.ETag != "" {
			x.ctx.Response.Header.Set(fasthttp.HeaderETag, `"`+p.Current.ETag+`"`)
		}
		if p.Code == api.CodeBusy {
			x.ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(retrySeconds))
		}
		return err
	}
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return err
	}
	p := api.NewProblem(http.StatusUnprocessableEntity, "the configuration is refused, and the running one stays")
	p.Errors = pointed(err, path)
	return p
}

// bodyRefused is the answer to a body that is no configuration: 400 where it cannot be
// parsed, 422 where it says what no configuration says.
func bodyRefused(err error, path []string) *api.Problem {
	status, detail := http.StatusBadRequest, "the body cannot be read"
	whole := "" // the path of what is wrong with the text itself
	for _, name := range path {
		whole = config.JoinPath(whole, name)
	}
	problems, _ := errors.AsType[config.Problems](err)
	for i := range problems {
		if problems[i].Path != whole {
			status, detail = http.StatusUnprocessableEntity, "the configuration has problems"
		}
	}
	p := api.NewProblem(status, detail)
	p.Errors = pointed(err, path)
	return p
}

// mediaIs reports that the body has a media type.
func (x *call) mediaIs(want string) bool {
	media, _, err := mime.ParseMediaType(string(x.ctx.Request.Header.ContentType()))
	return err == nil && media == want
}
