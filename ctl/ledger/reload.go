package ledger

import (
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// RequestReload is Reload for any goroutine.
// may, which may be nil, refuses what the file held before, and force would bring back: that
// is the decision of who asks, while a content that is new is that of who has written it.
func (l *Ledger) RequestReload(a Author, force bool, may func(next *config.Loaded) error) (out Outcome, err error) {
	err = l.enter(func() error {
		out, err = l.reloadIf(a, force, may)
		return err
	})
	return out, err
}

// Reload looks at the file again. Only a content that was not taken before, or force,
// changes what runs; certificates and the files that what runs refers to are read again
// in any case. It is called by the goroutine that applies, and reports.
func (l *Ledger) Reload(a Author, force bool) (Outcome, error) {
	return l.reloadIf(a, force, nil)
}

func (l *Ledger) reloadIf(a Author, force bool, may func(next *config.Loaded) error) (Outcome, error) {
	began := l.opts.Now()
	out, err := l.reload(a, force, may)
	if !isInTheWay(err) {
		l.opts.Report(Report{Author: a, Began: began, Outcome: out, Err: err})
	}
	return out, err
}

func (l *Ledger) reload(a Author, force bool, may func(next *config.Loaded) error) (Outcome, error) {
	now := l.mu.now
	if t := l.mu.trial; t != nil {
		if a.Trigger == TriggerAPI {
			return Outcome{}, inTheWay(t)
		}
		t.deferred = true
		return l.refresh(a, nil)
	}
	file, err := l.opts.ReadFile()
	if err != nil {
		l.note(l.refusedEntry(a, err))
		return Outcome{}, err
	}
	etag := file.Document().Hash(l.key)
	switch {
	case etag == now.etag:
		l.meet(etag)
		return l.refresh(a, file)
	case etag == l.mu.file.etag && !force:
		return l.refresh(a, nil)
	}
	c := l.candidateOf(file, file.Document(), now)
	if etag == l.mu.file.etag && may != nil {
		if err := may(c.loaded); err != nil {
			return Outcome{}, err
		}
	}
	c.source, c.author = l.fileSource(), a
	return l.commit(c)
}

// meet notes that the file holds what runs.
func (l *Ledger) meet(etag string) {
	if l.mu.file.etag == etag && l.mu.now.source == l.fileSource() {
		return
	}
	l.mu.Lock()
	next := *l.mu.now
	next.source = l.fileSource()
	l.mu.now = &next
	l.mu.file = fileState{etag: etag, generation: next.generation}
	l.mu.Unlock()
	l.writeJournal() // a restart finds it in the file
}

// refresh applies the running document once more, under its number: what it refers to may
// hold something else by now. loaded is what it was loaded to just now; nil loads it.
func (l *Ledger) refresh(a Author, loaded *config.Loaded) (Outcome, error) {
	now := l.mu.now
	var err error
	if loaded == nil {
		if loaded, err = l.opts.Load(now.doc, nameOf(now)); err != nil {
			l.note(l.refusedEntry(a, err))
			return Outcome{}, err
		}
	}
	kept := config.KeepRestartKeys(now.loaded, loaded)
	if err = l.opts.Apply(loaded, now.generation); err != nil {
		l.note(l.refusedEntry(a, err))
		return Outcome{}, err
	}
	next := *now
	next.loaded, next.kept = loaded, kept
	l.mu.Lock()
	l.mu.now = &next
	l.mu.Unlock()
	l.note(l.unchangedEntry(&next, a))
	return Outcome{
		Generation: next.generation, ETag: next.etag, Unchanged: true, HeldBack: l.State().HeldBack, Kept: kept,
		Loaded: loaded, Document: next.doc,
	}, nil
}

// nameOf stands for a document that did not come from a file just now.
func nameOf(now *running) string {
	if now.source == api.SourceRollback {
		return "rollback"
	}
	return RequestName
}
