package run

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/observe"
)

// reloadRequest asks the main loop for a reload; done gets its outcome.
type reloadRequest struct{ done chan reloadOutcome }

type reloadOutcome struct {
	result api.ReloadResult
	err    error
}

// requestReload is the admin API's reload.
func (p *proxy) requestReload(ctx context.Context) (api.ReloadResult, error) {
	r := reloadRequest{done: make(chan reloadOutcome, 1)}
	select {
	case p.reloads <- r:
	case <-p.draining:
		p.logDraining("api")
		return api.ReloadResult{}, errDraining
	case <-ctx.Done():
		return api.ReloadResult{}, errBusy
	}
	select {
	case o := <-r.done:
		return o.result, o.err
	case <-ctx.Done():
		return api.ReloadResult{}, errBusy
	}
}

// The answers to a request for a reload that has none: it did not end in the time of a
// request, and the process is about to end.
var (
	errBusy      = api.NewProblem(http.StatusConflict, "cannot wait longer for the reload: it is still under way")
	errUpgrading = api.NewProblem(http.StatusConflict, "cannot reload: a new process is starting, which reads the files itself")
	errDraining  = api.NewProblem(http.StatusConflict, "cannot reload: this process is draining and takes no new configuration").
			WithCode(api.CodeDraining)
)

// logDraining says that a reload is not done. A file that changes later is read by the
// process that starts next.
func (p *proxy) logDraining(trigger string) {
	p.log.Warn().Str("trigger", trigger).Msg("not reloaded: the process is draining")
}

// reload loads the configuration again and applies it. Called by the main loop
// only. On error the running configuration goes on.
func (p *proxy) reload(trigger string) reloadOutcome {
	if p.heir.process != nil {
		p.log.Warn().Str("trigger", trigger).Msg("not reloaded: a new process is starting, which reads the files itself")
		return reloadOutcome{err: errUpgrading}
	}
	began := time.Now()
	p.super.reloading()
	defer func() { p.super.ready(p.serving()) }()
	p.remember(p.loaded.Load()) // before they are read, so that no change is missed
	loaded, err := load(p.flags, p.demo.addresses())
	var kept []config.Problem
	if err == nil {
		kept, err = p.apply(loaded)
	}
	r := &api.Reload{At: began, Result: string(observe.ReloadApplied), Trigger: trigger}
	if err != nil {
		r.Result, r.Reason = string(observe.ReloadRejected), firstLine(err)
		p.registry.CountReload(observe.ReloadRejected)
		p.lastReload.Store(r)
		p.logRejected(trigger, err)
		return reloadOutcome{err: err}
	}
	for _, k := range kept {
		r.RestartNeeded = append(r.RestartNeeded, k.Path)
	}
	p.registry.CountReload(observe.ReloadApplied)
	p.lastReload.Store(r)
	level, message := zerolog.InfoLevel, "configuration reloaded"
	if len(kept) > 0 {
		level, message = zerolog.WarnLevel, "configuration reloaded, but for the keys above, which need a restart"
	}
	p.log.WithLevel(level).Str("trigger", trigger).Uint64("generation", p.engine.Generation()).Dur("took_ms", time.Since(began)).
		Msg(message)
	return reloadOutcome{result: api.ReloadResult{
		Generation: p.engine.Generation(), RestartNeeded: ctl.DescribeProblems(kept), Warnings: ctl.DescribeProblems(loaded.Warnings),
	}}
}

// apply makes loaded the running configuration. What only a restart can change
// stays as it is, in loaded too, and is returned.
func (p *proxy) apply(loaded *config.Loaded) ([]config.Problem, error) {
	kept := config.KeepRestartKeys(p.loaded.Load(), loaded)
	admit, err := p.prepareAccess(loaded)
	if err != nil {
		return nil, err
	}
	if err := p.engine.Apply(loaded.Config); err != nil {
		return nil, placed(loaded, err)
	}
	for _, k := range kept {
		p.log.Warn().Str("key", k.Path).Msg(k.Message)
	}
	setLevel(loaded.Config.Log.Level)
	admit()
	p.loaded.Store(loaded)
	p.logWarnings(loaded)
	return kept, nil
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
