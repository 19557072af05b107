package push

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/otlp"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// Source hands all metrics over, a part at a time, and ends with the first error of take.
type Source func(since time.Time, exponential bool, take func([]metricdata.Metrics) error) error

// Pusher sends metrics. Use and Close may be called by one goroutine at a time.
type Pusher struct {
	version, instance string
	log               zerolog.Logger
	source            Source
	began             time.Time

	used           config.MetricsPush // what runs
	now            *rounds            // nil: nothing is sent
	ended          sync.WaitGroup
	pushed, failed atomic.Uint64
}

// New makes one that sends nothing until Use. Sums are said to begin now.
func New(version, instance string, log zerolog.Logger, source Source) *Pusher {
	return &Pusher{version: version, instance: instance, log: log, source: source, began: time.Now()}
}

// Use sends as c says from now on. On error nothing has changed. It waits for nobody.
func (p *Pusher) Use(c *config.MetricsPush) error {
	if *c == p.used || !c.Enabled && !p.used.Enabled {
		return nil
	}
	var next *rounds
	if c.Enabled {
		to, err := newWay(c, p.version, p.instance)
		if err != nil {
			return err
		}
		next = newRounds(p, c, to)
	}
	if p.now != nil {
		p.now.giveUp()
	}
	p.used, p.now = *c, next
	if next != nil {
		safely.GoIn(&p.ended, "metrics push", next.run)
	}
	return nil
}

// Counts are the pushes that a collector has taken whole, and those that it has not.
func (p *Pusher) Counts() (pushed, failed uint64) { return p.pushed.Load(), p.failed.Load() }

// leaveWithin is how long Close waits for a push under way that nobody needs any more: it is collecting numbers, which
// is not broken off, and only reads.
const leaveWithin = time.Second

// Close sends the last numbers, until ctx ends.
func (p *Pusher) Close(ctx context.Context) {
	if p.now == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, otlp.FlushTime)
	defer cancel()
	close(p.now.closing)
	done := make(chan struct{})
	safely.GoThen("metrics push end", p.ended.Wait, func() { close(done) })
	select {
	case <-done:
	case <-ctx.Done():
		p.now.giveUp()
		left := time.NewTimer(leaveWithin)
		defer left.Stop()
		select {
		case <-done:
		case <-left.C:
		}
	}
	p.now.giveUp()
	p.now, p.used = nil, config.MetricsPush{}
}

// rounds are the pushes to one collector, by a goroutine of their own.
type rounds struct {
	*Pusher

	to      *way
	used    config.MetricsPush
	ctx     context.Context //nolint:containedctx // it is that of the goroutine
	giveUp  context.CancelFunc
	closing chan struct{}
	failing bool // the last one failed
}

func newRounds(p *Pusher, c *config.MetricsPush, to *way) *rounds {
	r := &rounds{Pusher: p, to: to, used: *c, closing: make(chan struct{})}
	r.ctx, r.giveUp = context.WithCancel(context.Background())
	return r
}

// run pushes until it is given up or closed; then once more.
func (r *rounds) run() {
	tick := time.NewTicker(r.used.Interval)
	defer tick.Stop()
	defer func() { _ = r.to.exporter.Shutdown(r.ctx) }()
	for {
		select {
		case <-tick.C:
			r.push()
		case <-r.closing:
			if r.ctx.Err() == nil {
				r.push()
			}
			return
		case <-r.ctx.Done():
			return
		}
	}
}

// push sends all metrics once. That a collector does not take them is said once, until one does.
func (r *rounds) push() {
	err := r.source(r.began, r.used.Histograms == config.HistogramsExponential, func(part []metricdata.Metrics) error {
		return r.to.send(r.ctx, part)
	})
	switch {
	case err == nil:
		r.pushed.Add(1)
		if r.failing {
			r.failing = false
			r.log.Info().Str("endpoint", r.used.Endpoint).Msg("metrics.otlp: the collector takes metrics again")
		}
	case r.ctx.Err() != nil && !r.isClosing(): // another one is used by now
	default:
		r.failed.Add(1)
		if !r.failing {
			r.failing = true
			r.log.Error().Err(err).Str("endpoint", r.used.Endpoint).
				Msg("metrics.otlp: the collector does not take metrics: the next push brings all of them")
		}
	}
}

func (r *rounds) isClosing() bool {
	select {
	case <-r.closing:
		return true
	default:
		return false
	}
}
