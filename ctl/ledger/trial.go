package ledger

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// Bounds of Revision.Confirm.
const (
	ConfirmLeast = 5 * time.Second
	ConfirmMost  = time.Hour
)

// Defaults of Abort.
const (
	AbortErrorPercent = 20
	AbortP99Factor    = 5
)

// watchPause is between two looks at what a trial does to the traffic.
const watchPause = time.Second

// Exchanges that a judgement needs: fewer say nothing.
const (
	judgeErrorsMin    = 50
	judgeDurationsMin = 200
)

// Pause and number of tries of a rollback that is refused: it goes on until what runs is
// what was confirmed, or until nothing can be hoped for.
const (
	undoPause    = 5 * time.Second
	undoTriesMax = 60
)

// Abort is what ends a trial early.
type Abort struct {
	// ErrorPercent is by how many points the share of failed exchanges may rise; 0 is by any.
	ErrorPercent float64
	// P99Factor is how many times what it was the 99th percentile of the durations may be; 0 is any.
	P99Factor float64
}

// Trying says how a change may be made: on trial, or at once.
type Trying struct {
	// Confirm is how long it runs without a confirmation; 0 needs none.
	Confirm time.Duration
	// Abort ends such a trial early.
	Abort Abort
	// Lasting refuses what may only be done on trial; nil refuses nothing.
	Lasting func(next *config.Loaded) error
}

// admit refuses what may not last without a trial, and what cannot be tried.
func (t *Trying) admit(c *candidate) error {
	if t.Confirm == 0 {
		if t.Lasting == nil {
			return nil
		}
		return t.Lasting(c.loaded)
	}
	for _, k := range c.kept {
		if touches(c.changes, k.Path) {
			return refusal(http.StatusUnprocessableEntity, api.CodeInvalid,
				"%s needs a restart, so it cannot be tried: apply it without confirm", k.Path)
		}
	}
	return nil
}

// Trial is a change that has to be confirmed, for who asked for it.
type Trial struct {
	Generation, Previous uint64
	Before               time.Time
	Abort                Abort
}

// trial is the change that waits for its confirmation. There is at most one.
type trial struct {
	generation uint64
	previous   *running // what was confirmed
	author     Author
	at, before time.Time
	abort      Abort
	base       Live // at its begin
	usual      usual
	deferred   bool // the file is to be looked at when it ends
	tries      int  // of its end

	// Guarded by Ledger.mu: they stop the clock that ends it, and the one that looks at the traffic.
	stopClock, stopWatch func() bool
}

func (t *trial) pending() *api.Pending {
	return &api.Pending{Generation: t.generation, Previous: t.previous.generation, Author: t.author.Name, ConfirmBefore: t.before.UTC()}
}

// usual is how the traffic was before a trial.
type usual struct {
	errorPercent float64
	p99          time.Duration // 0 where too few exchanges tell
}

// usual is what the traffic since the last change tells.
func (l *Ledger) usual() usual {
	if l.opts.Live == nil {
		return usual{}
	}
	return judge(l.mark, l.live())
}

// judge looks at the traffic between two moments.
func judge(from, to Live) (u usual) {
	if n := to.Requests - from.Requests; to.Requests > from.Requests {
		u.errorPercent = 100 * float64(to.Failed-min(from.Failed, to.Failed)) / float64(n)
	}
	between := to.Durations.Since(&from.Durations)
	if between.Count() >= judgeDurationsMin {
		u.p99 = between.Quantile(0.99)
	}
	return u
}

// beginTrial is called when the change serves.
func (l *Ledger) beginTrial(r *Trying, author Author, back *running, u usual) *Trial {
	at := l.opts.Now()
	t := &trial{
		generation: l.mu.now.generation, previous: back, author: author, at: at, before: at.Add(r.Confirm),
		abort: r.Abort, base: l.mark, usual: u,
	}
	l.mu.Lock()
	l.mu.trial = t
	l.mu.Unlock()
	l.setClock(t, r.Confirm, "it was not confirmed in time")
	l.watchTrial(t)
	l.opts.Logger.Warn().Uint64("generation", t.generation).Uint64("previous", back.generation).Str("author", author.Name).
		Time("confirm_before", t.before).Msg("the configuration is on trial: it is rolled back unless it is confirmed")
	return &Trial{Generation: t.generation, Previous: back.generation, Before: t.before, Abort: r.Abort}
}

// setClock has the trial end after d.
func (l *Ledger) setClock(t *trial, d time.Duration, why string) {
	stop := l.opts.After(d, func() { l.expire(t, why) })
	l.mu.Lock()
	defer l.mu.Unlock()
	t.stopClock = stop
}

// endTrial stops its clocks; what runs stays.
func (l *Ledger) endTrial(t *trial) {
	l.mu.Lock()
	l.mu.trial = nil
	clock, watch := t.stopClock, t.stopWatch
	l.mu.Unlock()
	clock()
	if watch != nil {
		watch()
	}
}

// watchTrial looks at the traffic until the trial ends. It may be called by any goroutine.
func (l *Ledger) watchTrial(t *trial) {
	if l.opts.Live == nil || t.abort == (Abort{}) {
		return
	}
	stop := l.opts.After(watchPause, func() {
		if why := t.verdict(l.live()); why != "" {
			l.expire(t, why)
			return
		}
		l.watchTrial(t)
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.stopWatch = stop; l.mu.trial != t { // it has ended meanwhile
		stop()
	}
}

// verdict says why the trial has to end early; empty where it has not.
func (t *trial) verdict(now Live) string {
	since := judge(t.base, now)
	n := now.Requests - min(t.base.Requests, now.Requests)
	if limit := t.usual.errorPercent + t.abort.ErrorPercent; t.abort.ErrorPercent > 0 && n >= judgeErrorsMin && since.errorPercent > limit {
		return fmt.Sprintf("%.1f %% of %d exchanges failed, %.1f %% did before it (abort_error_percent %g)",
			since.errorPercent, n, t.usual.errorPercent, t.abort.ErrorPercent)
	}
	if t.abort.P99Factor > 0 && t.usual.p99 > 0 && float64(since.p99) > t.abort.P99Factor*float64(t.usual.p99) {
		return fmt.Sprintf("the 99th percentile of the durations is %v, it was %v before it (abort_p99_factor %g)",
			since.p99, t.usual.p99, t.abort.P99Factor)
	}
	return ""
}

// expire rolls a trial back, if it is still the one. Called by its clocks.
func (l *Ledger) expire(t *trial, why string) {
	// An error of the process itself means that it ends: what is not confirmed ends with it.
	_ = l.enterWithin(context.Background(), func() error {
		if l.mu.trial != t {
			return nil
		}
		_, err := l.undo(t, Author{Name: Self, Trigger: TriggerRollback, Message: why})
		return err
	})
}

// undo brings back what was confirmed, and ends the trial. Where that is refused, what is
// on trial serves on and it is tried again.
func (l *Ledger) undo(t *trial, a Author) (Outcome, error) {
	began := l.opts.Now()
	out, err := l.restore(&restoration{doc: t.previous.doc, generation: t.previous.generation, author: a, isKept: true})
	l.opts.Report(Report{Author: a, Began: began, Outcome: out, Err: err})
	if err != nil {
		t.tries++
		if t.tries < undoTriesMax {
			l.setClock(t, undoPause, a.Message)
			return out, err
		}
		l.opts.Logger.Error().Err(err).Uint64("generation", t.generation).
			Msg("the configuration that was confirmed cannot come back: the one on trial serves on")
		l.endTrial(t)
		return out, err
	}
	l.become(t.generation, api.OutcomeRolledBack, a.Message)
	l.endTrial(t)
	l.writeJournal()
	l.catchUp(t)
	return out, nil
}

// catchUp looks at the file, where something asked for that during the trial.
func (l *Ledger) catchUp(t *trial) {
	if !t.deferred {
		return
	}
	a := Author{Name: Self, Trigger: TriggerFile, Message: "a change of the file that came during a trial"}
	_, _ = l.Reload(a, false) // reported there
}

// Confirm ends the trial of a generation well. opened is when the connection of whoever
// confirms was opened: one that is older than the change says nothing about a new one.
func (l *Ledger) Confirm(generation uint64, opened time.Time, a Author) (out Outcome, err error) {
	err = l.enter(func() error {
		t := l.mu.trial
		switch {
		case t == nil:
			return refusal(http.StatusConflict, api.CodeNotFound, "generation %d does not wait for a confirmation: nothing does", generation)
		case t.generation != generation:
			return inTheWay(t)
		case !opened.After(t.at):
			return refusal(http.StatusConflict, api.CodeConfirmPending, "this connection is older than the change: confirm it on a new one, "+
				"which shows that one can still be opened")
		}
		out, err = l.confirm(t, a)
		return err
	})
	return out, err
}

func (l *Ledger) confirm(t *trial, a Author) (Outcome, error) {
	now := l.mu.now
	c := &candidate{doc: now.doc, etag: now.etag, loaded: now.loaded, source: now.source, author: now.author}
	p, err := l.promise(c)
	if err != nil {
		return Outcome{}, err
	}
	if err := l.publishTrial(c, t); err != nil {
		return Outcome{}, err
	}
	l.endTrial(t)
	l.fulfil(p, now)
	l.writeJournal()
	l.opts.Logger.Info().Uint64("generation", now.generation).Str("author", a.Name).Msg("configuration confirmed")
	out := Outcome{Generation: now.generation, ETag: now.etag, Unchanged: true, Kept: now.kept, Loaded: now.loaded, Document: now.doc}
	l.catchUp(t)
	return out, nil
}
