package run

import (
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool"
)

// backendChanged publishes a change of a backend. Loops call it.
func (p *proxy) backendChanged(e pool.Event) {
	if e.Kind.OfBreaker() {
		p.events.Publish(api.BreakerEvent{At: e.At, Pool: e.Pool, Backend: e.Address, Change: e.Kind.String(), Last: e.Reason})
		return
	}
	p.events.Publish(api.BackendEvent{
		At: e.At, Pool: e.Pool, Backend: e.Address, Change: e.Kind.String(), Up: e.Up, State: string(e.State), Weight: e.Weight, Reason: e.Reason,
	})
}

// overlaid publishes a change of backends at run time.
func (p *proxy) overlaid(e api.OverlayEvent) {
	e.At = time.Now()
	p.events.Publish(e)
}

// begun publishes the configuration that serves at first.
func (p *proxy) begun(generation uint64) {
	p.events.Publish(api.GenerationEvent{At: time.Now(), Generation: generation, Trigger: ledger.TriggerStart, Author: ledger.Self})
}

// publishReport publishes the end of a change, and the configuration that it has brought. By
// then that serves.
func (p *proxy) publishReport(r *ledger.Report, last *api.Reload) {
	e := api.ReloadEvent{
		At: time.Now(), Result: api.ReloadApplied, Trigger: r.Author.Trigger, Author: r.Author.Name,
		Reason: last.Reason, RestartNeeded: last.RestartNeeded,
	}
	if r.Err != nil {
		e.Result = api.ReloadRefused
		p.events.Publish(e)
		return
	}
	e.Generation, e.Unchanged = r.Outcome.Generation, r.Outcome.Unchanged
	if !e.Unchanged {
		g := api.GenerationEvent{At: e.At, Generation: e.Generation, Trigger: e.Trigger, Author: e.Author, Message: r.Author.Message}
		if t := r.Outcome.Trial; t != nil {
			g.ConfirmBefore = &t.Before
		}
		p.events.Publish(g)
	}
	p.events.Publish(e)
	p.lookAtCertificates()
}

// tap begins to hand on exchanges as they end.
func (p *proxy) tap(q *ctl.RecordQuery, sample float64) (ctl.Tap, error) {
	f := filterOf(q)
	return tap{p.engine.Recorder().Tap(&f, sample)}, nil
}

// tap is a tap of the recorder, as the admin API shows it.
type tap struct{ *record.Tap }

// Take returns what has come since the call before.
func (t tap) Take() (list []api.Record, lost uint64) {
	views, lost := t.Tap.Take()
	for i := range views {
		list = append(list, apiRecord(&views[i]))
	}
	return list, lost
}
