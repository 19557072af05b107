package run

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// task is something that the main loop does: configurations are applied there, one at a time.
type task struct {
	run  func()
	done chan struct{} // closed when it has ended
}

// do has the main loop run f, and returns when f has ended. An error says that f was not begun.
func (p *proxy) do(ctx context.Context, f func()) error {
	t := task{f, make(chan struct{})}
	select {
	case p.tasks <- t:
	case <-p.draining:
		p.logDraining(ledger.TriggerAPI)
		return errDraining
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the ledger asks which one it is
	}
	<-t.done
	return nil
}

// serve runs the task. A bug in it ends the task, and not the process.
func (t task) serve() {
	defer close(t.done)
	safely.Do("configuration", t.run, nil)
}

// The answers to a change while the process is about to end, and while it is about to be
// replaced.
var (
	errDraining = api.NewProblem(http.StatusConflict, "cannot reload: this process is draining and takes no new configuration").
			WithCode(api.CodeDraining)
	errUpgrading = api.NewProblem(http.StatusConflict, "cannot reload: a new process is starting, which reads the files itself").
			WithCode(api.CodeBusy)
	errBusy = api.NewProblem(http.StatusConflict, "cannot wait longer: another change is still under way").WithCode(api.CodeBusy)
)

// logDraining says that a reload is not done. A file that changes later is read by the
// process that starts next.
func (p *proxy) logDraining(trigger string) {
	p.log.Warn().Str("trigger", trigger).Msg("not reloaded: the process is draining")
}

// openLedger makes what keeps the configuration.
func (p *proxy) openLedger(file *config.Loaded) error {
	l, err := ledger.Open(ledger.Options{
		Do: p.do, Apply: p.apply, Load: p.loadDocument, ReadFile: p.readFile, File: p.file, BaseDir: p.baseDir(), Live: p.live,
		Report: p.report, Dir: file.Config.State.Dir, Writes: p.writesState, Logger: p.log,
		Boot: p.events.Boot(), Shared: p.shared(),
	})
	if err != nil {
		return err
	}
	p.ledger = l
	p.registry.SetDrift(l.Drift)
	return nil
}

// baseDir is the folder that relative paths of the configuration start from.
func (p *proxy) baseDir() string {
	dir, err := filepath.Abs(filepath.Dir(p.file))
	if err != nil { // only without a working directory
		return filepath.Dir(p.file)
	}
	return dir
}

// readFile loads the configuration file, or the embedded default, as it is now. What the
// files hold is noted before they are read, so that no change is missed.
func (p *proxy) readFile() (*config.Loaded, error) {
	p.remember()
	if p.fleet != nil {
		return p.readShared()
	}
	loaded, err := load(p.flags, p.demo.addresses())
	if err == nil && loaded.Config.Source.Etcd != nil {
		return nil, config.Problems{loaded.Problem("source.etcd", "cannot be added by a reload: restart to take the configuration from there")}
	}
	return loaded, err
}

// loadDocument checks a document in the environment of this process, its stages included.
func (p *proxy) loadDocument(d *config.Document, name string) (*config.Loaded, error) {
	o := config.Options{Document: d, File: name, BaseDir: p.baseDir(), Environ: os.Environ(), Set: p.flags.set}
	if p.fleet != nil {
		o.Local = p.fleet.local.Load()
	}
	return looked(loadFrom(o))
}

// live is what the proxy has counted.
func (p *proxy) live() ledger.Live {
	t := p.registry.Traffic()
	return ledger.Live{Requests: t.Requests, Failed: t.Failed, Durations: t.Durations}
}

// apply makes loaded the running configuration. Called by the main loop, and at the start.
func (p *proxy) apply(loaded *config.Loaded, generation uint64) error {
	if p.heir.process != nil {
		return errUpgrading
	}
	admit, err := p.prepareAccess(loaded)
	if err != nil {
		return err
	}
	if err := p.engine.ApplyAs(loaded.Config, generation); err != nil {
		return placed(loaded, err)
	}
	setLevel(loaded.Config.Log.Level)
	p.access.settle(&loaded.Config.Log.Access)
	admit()
	p.loaded.Store(loaded)
	p.logWarnings(loaded)
	return nil
}

// watched are the files whose change may change what runs.
func (p *proxy) watched() []string {
	files := slices.Clone(p.loaded.Load().Files)
	if p.file == "" {
		return files
	}
	file, err := filepath.Abs(p.file)
	if err == nil && !slices.Contains(files, file) { // what runs came over the API
		files = append(files, file)
	}
	return files
}

// requestReload is the admin API's reload.
func (p *proxy) requestReload(r *ctl.Reload) (api.ReloadResult, error) {
	if r.Force && p.fleet != nil {
		if err := p.retryDocument(); err != nil {
			return api.ReloadResult{}, err
		}
	}
	out, err := p.ledger.RequestReload(ledger.Author{Name: r.Author, Trigger: ledger.TriggerAPI}, r.Force, r.May)
	if err != nil {
		return api.ReloadResult{}, err
	}
	return api.ReloadResult{
		Generation: out.Generation, RestartNeeded: ctl.DescribeProblems(out.Kept), Warnings: ctl.DescribeProblems(out.Loaded.Warnings),
		Unchanged: out.Unchanged, HeldBack: out.HeldBack,
	}, nil
}

// reload looks at the file again. Called by the main loop only. On error the running
// configuration goes on.
func (p *proxy) reload(trigger string) {
	if p.heir.process != nil {
		p.log.Warn().Str("trigger", trigger).Msg("not reloaded: a new process is starting, which reads the files itself")
		return
	}
	p.super.reloading()
	defer func() { p.super.ready(p.serving()) }()
	_, _ = p.ledger.Reload(ledger.Author{Name: ledger.Self, Trigger: trigger}, false) // reported
}

// report counts and logs the end of a change, whoever asked for it. Called by the main loop.
func (p *proxy) report(r ledger.Report) {
	out := &r.Outcome
	last := &api.Reload{At: r.Began, Result: string(observe.ReloadApplied), Trigger: r.Author.Trigger}
	if r.Err != nil {
		last.Result, last.Reason = string(observe.ReloadRejected), firstLine(r.Err)
		p.registry.CountReload(observe.ReloadRejected)
		p.lastReload.Store(last)
		p.publishReport(&r, last)
		p.logRejected(r.Author.Trigger, r.Err)
		return
	}
	for _, k := range out.Kept {
		last.RestartNeeded = append(last.RestartNeeded, k.Path)
		p.log.Warn().Str("key", k.Path).Msg(k.Message)
	}
	p.registry.CountReload(observe.ReloadApplied)
	p.lastReload.Store(last)
	p.publishReport(&r, last)
	level, message := zerolog.InfoLevel, "configuration reloaded"
	switch {
	case out.Unchanged:
		message = "configuration unchanged: certificates and the files that it names were read again"
	case len(out.Kept) > 0:
		level, message = zerolog.WarnLevel, "configuration reloaded, but for the keys above, which need a restart"
	}
	event := p.log.WithLevel(level).Str("trigger", r.Author.Trigger).Str("author", r.Author.Name).Uint64("generation", out.Generation).
		Dur("took_ms", time.Since(r.Began))
	if out.HeldBack {
		event = event.Bool("held_back", true)
	}
	if r.Author.Message != "" {
		event = event.Str("reason", r.Author.Message)
	}
	event.Msg(message)
}

// logWarnings writes one line for each warning of a configuration that is taken.
func (p *proxy) logWarnings(loaded *config.Loaded) {
	for i := range loaded.Warnings {
		p.log.Warn().Str("problem", loaded.Warnings[i].String()).Msg("configuration warning")
	}
}

// logRejected writes one line for each problem.
func (p *proxy) logRejected(trigger string, err error) {
	var problems config.Problems
	if !errors.As(err, &problems) {
		p.log.Error().Str("trigger", trigger).Err(err).Msg("configuration refused; the running one stays")
		return
	}
	for i := range problems {
		p.log.Error().Str("trigger", trigger).Str("problem", problems[i].String()).Msg("configuration refused; the running one stays")
	}
}

func firstLine(err error) string {
	var problems config.Problems
	if errors.As(err, &problems) && len(problems) > 0 {
		return problems[0].String()
	}
	return err.Error()
}
