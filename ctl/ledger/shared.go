package ledger

import (
	"errors"
	"net/http"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// Shared is a document that lies where other instances take it from as well: in etcd. What is
// applied over the API is tried here first, and put there when it serves; what others put comes
// by Reload. All functions are called by the goroutine that applies.
type Shared struct {
	// Ready says why Publish could not be done, as far as that is known without asking.
	Ready func(over bool) error
	// Publish puts a document there, if nobody has done so meanwhile: ErrStale then. It waits
	// for a few seconds at most.
	Publish func(p *Publication) error
	// Astray reports that another document lies there than the one that was taken last.
	Astray func() bool
	// CatchUp takes what lies there, if that was not taken or refused.
	CatchUp func()
}

// Publication is a document to be shared.
type Publication struct {
	Document *config.Document
	Author   Author
	// Over puts it in place of whatever was seen there last, also of what was refused here.
	Over bool
}

// ErrStale says that what is shared has changed since it was looked at.
var ErrStale = errors.New("the shared document is another one by now")

// isPublished reports that a change goes to the others.
func (l *Ledger) isPublished(c *candidate) bool {
	return l.opts.Shared != nil && c.source != l.fileSource() && !c.isKept && !c.onTrial
}

// mayPublish refuses a change that cannot reach the others, before it is tried here.
func (l *Ledger) mayPublish(c *candidate) error {
	if !l.isPublished(c) {
		return nil
	}
	return l.unpublished(l.opts.Shared.Ready(c.over), c.author)
}

// publish puts what serves by now where the others take it from. Where that fails, what ran
// before serves again.
func (l *Ledger) publish(c *candidate, left *running) error {
	if !l.isPublished(c) {
		return nil
	}
	err := l.opts.Shared.Publish(&Publication{Document: c.doc, Author: c.author, Over: c.over})
	if err == nil {
		return nil
	}
	if back := l.opts.Apply(left.loaded, left.generation); back != nil {
		l.opts.Logger.Error().Err(back).Msg("a configuration that could not be shared serves here, since the one before cannot come back")
	}
	return l.unpublished(err, c.author)
}

// bringBack puts what runs where it is shared, for whoever sends it and does not care what is
// there: a document that is refused here, or none.
func (l *Ledger) bringBack(now *running, r *Revision) error {
	if l.opts.Shared == nil || r.Match == nil || !r.Match.Any || l.mu.trial != nil || !l.opts.Shared.Astray() {
		return nil
	}
	return l.unpublished(l.opts.Shared.Publish(&Publication{Document: now.doc, Author: r.Author, Over: true}), r.Author)
}

// unpublished is the answer to a change that could not be shared; nil for no error.
func (l *Ledger) unpublished(err error, a Author) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrStale):
		l.opts.Shared.CatchUp()
		p := stale(l.mu.now, l.mu.now.etag)
		if l.opts.Shared.Astray() {
			p.Detail += "; what lies in etcd does not run here (isame-ctl status says why), and If-Match: * overwrites it"
		}
		return p
	}
	refused := notWritable("the configuration is shared, and %s", err)
	l.note(l.refusedEntry(a, refused))
	return refused
}

// publishTrial puts what was on trial where it is shared. Where somebody else was first, the
// trial goes on, and can only be rolled back.
func (l *Ledger) publishTrial(c *candidate, t *trial) error {
	if !l.isPublished(c) {
		return nil
	}
	err := l.opts.Shared.Publish(&Publication{Document: c.doc, Author: c.author})
	switch {
	case err == nil:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.mu.file = fileState{etag: c.etag, generation: l.mu.now.generation}
		return nil
	case errors.Is(err, ErrStale):
		p := refusal(http.StatusPreconditionFailed, api.CodeStaleETag, "the document in etcd was changed during this trial, so generation %d "+
			"cannot be confirmed: roll it back, and repeat the change", t.generation)
		p.Current = &api.Current{ETag: t.previous.etag, Generation: t.previous.generation, Author: t.previous.author.Name}
		return p
	}
	return notWritable("the configuration is shared, and %s", err)
}
