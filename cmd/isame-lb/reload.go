package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/observe"
)

// reloadRequest asks the main loop for a reload; done gets its error.
type reloadRequest struct{ done chan error }

// requestReload is the admin API's reload.
func (p *proxy) requestReload(ctx context.Context) error {
	r := reloadRequest{done: make(chan error, 1)}
	select {
	case p.reloads <- r:
	case <-ctx.Done():
		return errBusy
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return errBusy
	}
}

// errBusy is the answer when a reload did not end in the time of a request.
var errBusy = fmt.Errorf("cannot wait longer for the reload: %w", ctl.ErrConflict)

// reload loads the configuration again and applies it. Called by the main loop
// only. On error the running configuration goes on.
func (p *proxy) reload(trigger string) error {
	began := time.Now()
	p.remember(p.loaded.Load().Files) // before they are read, so that no change is missed
	loaded, err := load(p.flags, p.demo.addresses())
	if err == nil {
		err = p.apply(loaded)
	}
	r := &api.Reload{At: began, Result: string(observe.ReloadApplied), Trigger: trigger}
	if err != nil {
		r.Result, r.Reason = string(observe.ReloadRejected), firstLine(err)
		p.registry.CountReload(observe.ReloadRejected)
		p.lastReload.Store(r)
		p.logRejected(trigger, err)
		return err
	}
	p.registry.CountReload(observe.ReloadApplied)
	p.lastReload.Store(r)
	p.log.Info().Str("trigger", trigger).Uint64("generation", p.engine.Generation()).
		Dur("took_ms", time.Since(began)).Msg("configuration reloaded")
	return nil
}

// apply makes loaded the running configuration. What only a restart can change
// is named and stays as it is.
func (p *proxy) apply(loaded *config.Loaded) error {
	for _, r := range config.CheckReload(p.loaded.Load().Config, loaded.Config) {
		p.log.Warn().Str("key", r.Path).Msg(r.Message)
	}
	if err := p.engine.Apply(loaded.Config); err != nil {
		return err
	}
	setLevel(loaded.Config.Log.Level)
	p.loaded.Store(loaded)
	p.logWarnings(loaded)
	return nil
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
