package ledger

import (
	"net/http"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// Return is a rollback that somebody asks for over the API.
type Return struct {
	Trying

	Author Author
	// Generation is whose content comes back; 0 is the last one before what runs that is different.
	Generation uint64
}

// Rollback brings the content of a generation back, as a new one. Where a trial is under
// way, 0 and its previous generation end it: what comes back was confirmed, and would come
// by itself.
func (l *Ledger) Rollback(r *Return) (out Outcome, err error) {
	r.Author.Trigger = TriggerRollback
	err = l.enter(func() error {
		out, err = l.rollback(r)
		return err
	})
	return out, err
}

func (l *Ledger) rollback(r *Return) (Outcome, error) {
	if t := l.mu.trial; t != nil {
		switch {
		case r.Generation != 0 && r.Generation != t.previous.generation:
			return Outcome{}, inTheWay(t)
		case r.Confirm > 0:
			return Outcome{}, refusal(http.StatusUnprocessableEntity, api.CodeInvalid,
				"generation %d is on trial, and what comes back was confirmed: roll it back without confirm", t.generation)
		}
		return l.undo(t, r.Author)
	}
	doc, generation, err := l.contentOf(r.Generation)
	if err != nil {
		return Outcome{}, err
	}
	began, left, usual := l.opts.Now(), l.mu.now, l.usual()
	out, err := l.restore(&restoration{doc: doc, generation: generation, author: r.Author, trying: r.Trying})
	if err == nil && !out.Unchanged {
		l.become(left.generation, api.OutcomeRolledBack, r.Author.Message)
		if r.Confirm > 0 {
			out.Trial = l.beginTrial(&r.Trying, r.Author, left, usual)
		}
		l.writeJournal()
	}
	if !isInTheWay(err) {
		l.opts.Report(Report{Author: r.Author, Began: began, Outcome: out, Err: err})
	}
	return out, err
}

// contentOf is the document of a generation; 0 is the last one before what runs that is different.
func (l *Ledger) contentOf(generation uint64) (*config.Document, uint64, error) {
	for _, e := range slices.Backward(l.mu.entries) {
		if e.Generation.Generation == 0 || e.Outcome == api.OutcomeUnchanged {
			continue
		}
		if generation == 0 && (e.ETag == l.mu.now.etag || e.Outcome == api.OutcomeRolledBack) {
			continue
		}
		if generation != 0 && e.Generation.Generation != generation {
			continue
		}
		doc, err := l.documentOf(e)
		if err != nil {
			return nil, 0, refusal(http.StatusNotFound, api.CodeNotFound, "the content of generation %d is lost: %s", e.Generation.Generation, err)
		}
		return doc, e.Generation.Generation, nil
	}
	if generation == 0 {
		return nil, 0, refusal(http.StatusNotFound, api.CodeNotFound, "the history knows no other configuration to go back to")
	}
	return nil, 0, refusal(http.StatusNotFound, api.CodeNotFound, "the history does not reach generation %d", generation)
}

// restoration is an old configuration that is to run again.
type restoration struct {
	doc        *config.Document
	generation uint64
	author     Author
	isKept     bool // a restart finds it already
	trying     Trying
}

// restore applies an old document as a new generation.
func (l *Ledger) restore(r *restoration) (Outcome, error) {
	now := l.mu.now
	if r.doc.Hash(l.key) == now.etag {
		return Outcome{Generation: now.generation, ETag: now.etag, Unchanged: true, Kept: now.kept, Loaded: now.loaded, Document: now.doc}, nil
	}
	c, err := l.candidate(r.doc, now, "rollback")
	if err != nil {
		l.note(l.refusedEntry(r.author, err))
		return Outcome{}, err
	}
	if err := r.trying.admit(c); err != nil {
		return Outcome{}, err
	}
	c.source, c.author, c.restored, c.isKept, c.over = api.SourceRollback, r.author, r.generation, r.isKept, true
	c.onTrial = r.trying.Confirm > 0
	return l.commit(c)
}
