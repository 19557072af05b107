// Package ledger keeps the running configuration of a process: which document runs, under
// which number, who brought it, what came before, and what has to be confirmed. Every
// change goes through it, whoever asks for it: the file, a signal, the API, a rollback.
//
// Start reading at Ledger (what there is), then revise.go (a change over the API),
// reload.go (the file), shared.go (a document that others take as well), trial.go (confirm), rollback.go, history.go and journal.go (what
// is remembered, and where), persist.go (what a restart finds), reach.go (what a body may
// refer to).
//
// It starts no engine and answers no request: cmd/run gives it plain functions, and
// package ctl hands requests on. Imported by ctl and cmd/run; imports config, ctl/api,
// ctl/store, pool/safely and pool/stat.
package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/store"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// Words of Author.Trigger.
const (
	TriggerStart    = "start"
	TriggerFile     = "file"
	TriggerSignal   = "signal"
	TriggerAPI      = "api"
	TriggerEtcd     = "etcd"
	TriggerRollback = "rollback"
)

// Values of admin.persist.
const (
	persistMemory = "memory"
	persistState  = "state"
	persistFile   = "file"
)

// busyWait is how long a change waits for the one under way.
const busyWait = 5 * time.Second

// Self is the author of what the process does by itself.
const Self = "isame-lb"

// Author is who asks for a change, how, and why.
type Author struct{ Name, Trigger, Message string }

// Live is what the proxy has counted since its start.
type Live struct {
	// Requests are the finished exchanges, Failed those that were answered with a status from 500 to 599.
	Requests, Failed uint64
	// Durations are of all of them.
	Durations stat.Snapshot
}

// Options are what the ledger gets from the process.
type Options struct {
	// Do runs f where configurations are applied, one at a time, and returns when f has
	// ended; an error says that f was not begun, the one of ctx where that ended first.
	Do func(ctx context.Context, f func()) error
	// Apply makes a configuration run under a number, or changes nothing. It is called inside of Do.
	Apply func(l *config.Loaded, generation uint64) error
	// Load checks a document as a whole, in the environment of the process. name stands for
	// it in problems.
	Load func(d *config.Document, name string) (*config.Loaded, error)
	// ReadFile is the configuration file as it is now, or the embedded default.
	ReadFile func() (*config.Loaded, error)
	// File is the configuration file; empty is the embedded default.
	File string
	// Shared is where the document lies in place of File; nil where it does not. ReadFile is it
	// then, as it was taken last or is offered now.
	Shared *Shared
	// BaseDir is the absolute folder that relative paths of a document start from.
	BaseDir string
	// Live is what was counted; nil switches the early end of trials off.
	Live func() Live
	// Report is told of the end of each change that was tried; nil is nobody.
	Report func(r Report)
	// Dir is state.dir; empty keeps nothing on disk.
	Dir string
	// Writes reports that no other process writes there; nil is always. It is called where configurations are applied.
	Writes func() bool
	Logger zerolog.Logger
	// Boot names this run of the process; empty makes a name.
	Boot string
	// Now keeps the monotonic clock; nil is time.Now.
	Now func() time.Time
	// After calls f once in a goroutine of its own, unless stop comes first; nil takes the clock.
	After func(d time.Duration, f func()) (stop func() bool)
}

// Report is how a change ended.
type Report struct {
	Author  Author
	Began   time.Time
	Outcome Outcome
	// Err is why it was refused; nil where it was not.
	Err error
}

// Outcome is what a change did.
type Outcome struct {
	Generation uint64
	// ETag is that of the document, without quotes.
	ETag string
	// Unchanged says that nothing was done, but for certificates and files that were read again.
	Unchanged bool
	// HeldBack says that the file holds what a rollback left.
	HeldBack bool
	Changes  []config.Change
	// Kept are the keys that need a restart.
	Kept []config.Problem
	// Loaded is what runs, or would run; nil where nothing was looked at.
	Loaded *config.Loaded
	// Document is what Loaded was made of.
	Document *config.Document
	// Trial is set where the change has to be confirmed.
	Trial *Trial
}

// running is the configuration that runs. It is not changed.
type running struct {
	generation uint64
	loaded     *config.Loaded
	doc        *config.Document
	etag       string
	author     Author
	source     string
	kept       []config.Problem
}

// fileState is what is known of the configuration file.
type fileState struct {
	etag       string // of the content that was taken last
	generation uint64 // that took it
	heldBack   bool   // a rollback left it
}

// Ledger is the one place that knows what runs. Its exported methods may be called by any
// goroutine; those that say so are for the goroutine that applies.
type Ledger struct {
	opts Options
	key  []byte // of ETags
	boot string

	// mu guards what readers see. It is written by the goroutine that applies alone, so
	// that goroutine may read without it.
	mu struct {
		sync.RWMutex
		now     *running
		file    fileState
		trial   *trial
		entries []*entry // oldest first
		next    uint64   // the number of the next generation
		changed chan struct{}
	}
	mark Live // at the last change; of the goroutine that applies
}

// Open reads what a process before has left in Options.Dir. The error says what keeps the
// folder from being used.
func Open(o Options) (*Ledger, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = func(d time.Duration, f func()) func() bool { return safely.After(d, "configuration", f).Stop }
	}
	if o.Writes == nil {
		o.Writes = func() bool { return true }
	}
	if o.Report == nil {
		o.Report = func(Report) {}
	}
	l := &Ledger{opts: o, boot: cmp.Or(o.Boot, randomName())}
	l.mu.next = 1
	l.mu.changed = make(chan struct{})
	if o.Dir != "" {
		if err := store.Prepare(o.Dir); err != nil {
			return nil, err
		}
	}
	if o.File != "" {
		store.Tidy(o.File) // what is written into the file by persist: file
	}
	var err error
	if l.key, err = etagKey(o.Dir); err != nil {
		return nil, err
	}
	return l, nil
}

// randomName is 16 hexadecimal digits.
func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Boot names this run of the process.
func (l *Ledger) Boot() string { return l.boot }

// Key is the key of ETags and differences.
func (l *Ledger) Key() []byte { return slices.Clone(l.key) }

// View is what runs, for readers.
type View struct {
	Generation uint64
	ETag       string // of Document, without quotes
	Document   *config.Document
	Loaded     *config.Loaded
	Author     Author
}

// View is the configuration that runs; ok is false before the first one.
func (l *Ledger) View() (v View, ok bool) {
	now := l.now()
	if now == nil {
		return View{}, false
	}
	return now.view(), true
}

func (r *running) view() View {
	return View{Generation: r.generation, ETag: r.etag, Document: r.doc, Loaded: r.loaded, Author: r.author}
}

// Changed is closed at the next change of what runs. Ask for it before looking at View.
func (l *Ledger) Changed() <-chan struct{} {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mu.changed
}

func (l *Ledger) now() *running {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mu.now
}

// Drift reports that the file holds something else than what runs.
func (l *Ledger) Drift() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mu.now != nil && l.mu.now.etag != l.mu.file.etag
}

// State says where the running configuration comes from.
func (l *Ledger) State() api.ConfigState {
	l.mu.RLock()
	defer l.mu.RUnlock()
	now := l.mu.now
	if now == nil {
		return api.ConfigState{Persist: persistMemory}
	}
	s := api.ConfigState{
		Source: now.source, ETag: now.etag, Drift: now.etag != l.mu.file.etag, FileGeneration: l.mu.file.generation,
		Persist: persistOf(now.loaded),
	}
	s.HeldBack = s.Drift && l.mu.file.heldBack
	if l.mu.trial != nil {
		s.Pending = l.mu.trial.pending()
	}
	return s
}

// persistOf is admin.persist.
func persistOf(l *config.Loaded) string {
	if p := l.Config.Admin.Persist; p != "" {
		return p
	}
	return persistMemory
}

// Begin chooses what runs first: the file, or what was applied over the API before a
// restart. It is called once, before anything is applied, and Begun when that serves.
func (l *Ledger) Begin(file *config.Loaded) (run *config.Loaded, generation uint64) {
	doc := file.Document()
	now := &running{
		loaded: file, doc: doc, etag: doc.Hash(l.key), source: l.fileSource(), author: Author{Name: Self, Trigger: TriggerStart},
	}
	j := l.readJournal()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.entries, l.mu.next = j.entries(), max(j.Next, 1)
	now.generation = l.mu.next
	l.mu.file = fileState{etag: now.etag, generation: now.generation}
	if resumed := l.resume(j.Resume, now); resumed != nil {
		l.mu.file.generation, l.mu.file.heldBack = j.Resume.FileGeneration, j.Resume.HeldBack
		now = resumed
	}
	l.mu.now = now
	return now.loaded, now.generation
}

func (l *Ledger) fileSource() string {
	switch {
	case l.opts.Shared != nil:
		return api.SourceEtcd
	case l.opts.File == "":
		return api.SourceDefault
	}
	return api.SourceFile
}

// Begun notes that what Begin chose serves.
func (l *Ledger) Begun() {
	now := l.now()
	l.mark = l.live()
	l.serve(now, l.entryOf(now, l.opts.Now(), nil))
	l.writeJournal()
}

func (l *Ledger) live() Live {
	if l.opts.Live == nil {
		return Live{}
	}
	return l.opts.Live()
}

// serve makes next what readers see, with its line of the history.
func (l *Ledger) serve(next *running, e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.now = next
	l.mu.next = max(l.mu.next, next.generation+1)
	l.addLocked(e)
	close(l.mu.changed)
	l.mu.changed = make(chan struct{})
}

// enter runs f where configurations are applied, or says why it did not.
func (l *Ledger) enter(f func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), busyWait)
	defer cancel()
	return l.enterWithin(ctx, f)
}

func (l *Ledger) enterWithin(ctx context.Context, f func() error) error {
	err := errUnfinished // stays where f meets a bug
	refused := l.opts.Do(ctx, func() { err = f() })
	switch {
	case refused == nil:
		return err
	case errors.Is(refused, context.DeadlineExceeded):
		return errBusy
	}
	return refused
}
