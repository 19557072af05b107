package ledger

import (
	"errors"
	"net/http"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// Revision is a change of the configuration that somebody asks for over the API.
type Revision struct {
	Trying

	Author Author
	// Path is the object it is about; empty is the whole document.
	Path []string
	Edit Edit
	// Match is what it was made for; nil asks for none.
	Match *Match
	// Strict refuses what has warnings, Replace ends a trial that is in the way.
	Strict, Replace bool
	// IntoFile writes the change into the configuration file, whatever admin.persist says.
	IntoFile bool
}

// ErrGone is the outcome of a removal of what is not there, by whoever does not care.
var ErrGone = errors.New("it was not there")

// Revise applies a change. It returns when the change serves, or with the reason why not:
// *api.Problem, config.Problems, or ErrGone.
func (l *Ledger) Revise(r *Revision) (out Outcome, err error) {
	err = l.enter(func() error {
		began := l.opts.Now()
		out, err = l.revise(r)
		if !isInTheWay(err) {
			l.opts.Report(Report{Author: r.Author, Began: began, Outcome: out, Err: err})
		}
		return err
	})
	return out, err
}

// isInTheWay reports that a change was not tried: it was not made for what runs, or may not be made now.
func isInTheWay(err error) bool {
	_, ok := errors.AsType[*api.Problem](err)
	return ok || errors.Is(err, ErrGone)
}

// Weigh says what a change of what runs, which is base, would do, and does nothing.
func (l *Ledger) Weigh(r *Revision) (out Outcome, base View, err error) {
	now := l.now()
	if now == nil {
		return out, base, errBusy
	}
	base = now.view()
	next, err := l.edit(r, now)
	if err != nil {
		return out, base, err
	}
	c, err := l.weigh(next, now, r)
	if err != nil {
		return out, base, err
	}
	return c.outcome(now.generation), base, nil
}

// edit makes the next document, where the change was made for what runs.
func (l *Ledger) edit(r *Revision, now *running) (*config.Document, error) {
	etag := l.tagOf(now, r.Path)
	next, err := r.Edit(now.doc)
	switch {
	case errors.Is(err, errMissing):
		return nil, notThere(now, r.Path)
	case errors.Is(err, errAbsent):
		switch {
		case r.Match != nil && r.Match.Any:
			return nil, ErrGone
		case r.Match != nil && len(r.Match.Tags) > 0:
			return nil, stale(now, etag)
		}
		return nil, notThere(now, r.Path)
	}
	return next, masked(err)
}

// masked is the answer to an error about ***.
func masked(err error) error {
	if m, ok := errors.AsType[*config.MaskedError](err); ok {
		return refusal(http.StatusUnprocessableEntity, api.CodeMaskedValue, "%s", m.Error())
	}
	return err
}

func (l *Ledger) revise(r *Revision) (Outcome, error) {
	now := l.mu.now
	if r.Match != nil && !r.Match.isGiven() {
		return Outcome{}, errNeeded
	}
	next, err := l.edit(r, now)
	if err != nil {
		return Outcome{}, err
	}
	if r.IntoFile && l.opts.Shared == nil && now.etag != l.mu.file.etag {
		return Outcome{}, notKept("it does not hold what runs, which came over the API: write that first, by admin.persist: file or by hand")
	}
	if next.Hash(l.key) == now.etag { // the answer to an earlier one may have been lost
		if err := l.bringBack(now, r); err != nil {
			return Outcome{}, err
		}
		return Outcome{
			Generation: now.generation, ETag: now.etag, Unchanged: true, Loaded: now.loaded, Document: now.doc, Kept: now.kept,
		}, nil
	}
	if r.Match != nil {
		if err := r.Match.check(now, l.tagOf(now, r.Path)); err != nil {
			return Outcome{}, err
		}
	}
	if t := l.mu.trial; t != nil && !r.Replace {
		return Outcome{}, inTheWay(t)
	}
	c, err := l.weigh(next, now, r)
	if err != nil {
		if !isInTheWay(err) {
			l.note(l.refusedEntry(r.Author, err))
		}
		return Outcome{}, err
	}
	c.source, c.author = api.SourceAPI, r.Author
	c.intoFile, c.over = r.IntoFile, r.Match != nil && r.Match.Any
	return l.try(c, now, r)
}

// candidate is a configuration that may run next.
type candidate struct {
	doc     *config.Document
	etag    string
	loaded  *config.Loaded
	kept    []config.Problem
	changes []config.Change
	source  string
	author  Author
	// restored is the generation whose content it is; 0 where it is new.
	restored uint64
	// intoFile is kept in the configuration file, whatever admin.persist says.
	intoFile bool
	// onTrial is not kept anywhere before it is confirmed; isKept is already.
	onTrial, isKept bool
	// over puts it where it is shared whatever was seen there.
	over bool
}

func (c *candidate) outcome(generation uint64) Outcome {
	return Outcome{
		Generation: generation, ETag: c.etag, Unchanged: len(c.changes) == 0, Changes: c.changes, Kept: c.kept,
		Loaded: c.loaded, Document: c.doc,
	}
}

// weigh does everything that may be wrong with a document that was sent. It changes nothing.
func (l *Ledger) weigh(next *config.Document, now *running, r *Revision) (*candidate, error) {
	if err := l.reach(next, now); err != nil {
		return nil, err
	}
	c, err := l.candidate(next, now, RequestName)
	if err != nil {
		return nil, err
	}
	if err := extends(&c.loaded.Config.Admin, &now.loaded.Config.Admin); err != nil {
		return nil, err
	}
	if r.Strict && len(c.loaded.Warnings) > 0 {
		return nil, invalid("the configuration has warnings, and strict=1 refuses them", c.loaded.Warnings)
	}
	return c, r.admit(c)
}

// touches reports that a path, what is around it or what is below it is among the changes.
func touches(changes []config.Change, path string) bool {
	for i := range changes {
		if at := changes[i].Path; at == path || isBelow(at, path) || isBelow(path, at) {
			return true
		}
	}
	return false
}

// isBelow reports that a path is that of a key or an item of another one.
func isBelow(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// candidate loads a document, and keeps what only a restart can change.
func (l *Ledger) candidate(next *config.Document, now *running, name string) (*candidate, error) {
	loaded, err := l.opts.Load(next, name)
	if err != nil {
		return nil, err
	}
	return l.candidateOf(loaded, next, now), nil
}

func (l *Ledger) candidateOf(loaded *config.Loaded, doc *config.Document, now *running) *candidate {
	return &candidate{
		doc: doc, etag: doc.Hash(l.key), loaded: loaded,
		kept: config.KeepRestartKeys(now.loaded, loaded), changes: config.Diff(now.doc, doc, l.key),
	}
}

// try applies c, on trial where the revision says so.
func (l *Ledger) try(c *candidate, now *running, r *Revision) (Outcome, error) {
	c.onTrial = r.Confirm > 0
	back := now
	if t := l.mu.trial; t != nil { // replaced: what is confirmed stays what comes back
		back = t.previous
	}
	usual := l.usual()
	out, err := l.commit(c)
	if err != nil {
		return Outcome{}, err
	}
	if t := l.mu.trial; t != nil {
		l.endTrial(t)
	}
	if r.Confirm > 0 {
		out.Trial = l.beginTrial(&r.Trying, r.Author, back, usual)
		l.writeJournal()
	}
	return out, nil
}

// commit applies c as the next generation. Everything that may fail comes first: an error
// leaves what runs, the file and state.dir as they were.
func (l *Ledger) commit(c *candidate) (Outcome, error) {
	p, err := l.promise(c)
	if err != nil {
		return Outcome{}, err
	}
	if err := l.mayPublish(c); err != nil {
		return Outcome{}, err
	}
	left := l.mu.now
	next := &running{
		generation: l.mu.next, loaded: c.loaded, doc: c.doc, etag: c.etag, author: c.author, source: c.source, kept: c.kept,
	}
	if err := l.opts.Apply(c.loaded, next.generation); err != nil {
		l.discard(p)
		l.note(l.refusedEntry(c.author, err))
		return Outcome{}, err
	}
	if err := l.publish(c, left); err != nil {
		return Outcome{}, err
	}
	l.mark = l.live()
	e := l.entryOf(next, l.opts.Now(), c.changes)
	e.Restored = c.restored
	l.noteFile(c, left, next)
	l.serve(next, e)
	l.fulfil(p, next)
	if !c.onTrial { // else when it is known to be on trial
		l.writeJournal()
	}
	out := c.outcome(next.generation)
	out.Unchanged = false
	return out, nil
}

// noteFile keeps what is known of the file in step with what runs.
func (l *Ledger) noteFile(c *candidate, left, next *running) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &l.mu.file
	switch {
	case c.source == l.fileSource():
		*f = fileState{etag: c.etag, generation: next.generation}
		l.supersedeLocked(left)
	case l.isPublished(c):
		*f = fileState{etag: c.etag, generation: next.generation}
	case c.source == api.SourceRollback && left.etag == f.etag:
		f.heldBack = true
	case c.source == api.SourceRollback && c.etag == f.etag:
		f.heldBack = false
	}
}

// discard gives up what was staged.
func (l *Ledger) discard(p promised) {
	if p.file == nil {
		return
	}
	if err := p.file.Discard(); err != nil {
		l.opts.Logger.Warn().Err(err).Msg("a temporary file is left behind")
	}
}
