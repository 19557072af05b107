package trace

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/otlp"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// Bounds of what waits to be exported: some 4 MB.
const (
	queueMax = 2048
	// lag is for how long spans gather.
	lag = time.Second
)

// Tracer exports exchanges. Offer may be called by any goroutine, Use and Close by one at a
// time.
type Tracer struct {
	version, instance string
	log               zerolog.Logger

	queue    chan *Exchange
	next     chan *pipeline // what is used from then on; one place
	closing  chan struct{}
	giveUp   context.CancelFunc // ends what the goroutine waits for
	ended    sync.WaitGroup
	used     config.Tracing // what runs
	exported atomic.Uint64  // spans
	lost     atomic.Uint64  // exchanges that found no room, and spans that nobody took
	failing  bool           // the last export failed; of the goroutine
}

// New makes one that exports nothing until Use.
func New(version, instance string, log zerolog.Logger) *Tracer {
	return &Tracer{version: version, instance: instance, log: log, queue: make(chan *Exchange, queueMax)}
}

// Use exports as c says from now on. What has ended before is still sent as was said then.
// On error nothing has changed.
func (t *Tracer) Use(c *config.Tracing) error {
	if *c == t.used || !c.Enabled && !t.used.Enabled {
		return nil
	}
	var p *pipeline
	if c.Enabled {
		var err error
		if p, err = newPipeline(c, t.version, t.instance); err != nil {
			return err
		}
	}
	t.used = *c
	if t.next == nil {
		var ctx context.Context
		ctx, t.giveUp = context.WithCancel(context.Background())
		t.next, t.closing = make(chan *pipeline, 1), make(chan struct{})
		safely.GoIn(&t.ended, "trace", func() { t.run(ctx) })
	}
	select {
	case unused := <-t.next: // the goroutine still sends: it takes the newest
		if unused != nil {
			unused.close(context.Background())
		}
	default:
	}
	t.next <- p
	return nil
}

// Offer hands an exchange over, which is the Tracer's then. It does not wait.
func (t *Tracer) Offer(e *Exchange) {
	select {
	case t.queue <- e:
	default:
		t.lost.Add(1)
	}
}

// Counts are the spans that a collector has taken, and what was lost: exchanges while too
// many waited, and spans that no collector took.
func (t *Tracer) Counts() (exported, lost uint64) { return t.exported.Load(), t.lost.Load() }

// Close sends what is left, until ctx ends, and says what was lost.
func (t *Tracer) Close(ctx context.Context) {
	if t.next == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, otlp.FlushTime)
	defer cancel()
	defer safely.AfterDone(ctx, "trace", t.giveUp)()
	close(t.closing)
	t.ended.Wait()
	t.giveUp()
	t.next, t.used = nil, config.Tracing{}
	if lost := t.lost.Load(); lost > 0 {
		t.log.Warn().Uint64("lost", lost).Uint64("exported", t.exported.Load()).Msg("tracing: not everything could be exported")
	}
}

// run is the goroutine. Its pipeline is nil while tracing is off.
func (t *Tracer) run(ctx context.Context) {
	tick := time.NewTicker(lag)
	defer tick.Stop()
	var p *pipeline
	for {
		select {
		case e := <-t.queue:
			p = t.adopt(ctx, p) // it may be the first one of another
			t.take(ctx, p, e)
		case <-tick.C:
			p = t.adopt(ctx, p)
			t.send(ctx, p)
		case <-t.closing:
			t.end(ctx, t.adopt(ctx, p))
			return
		}
	}
}

// adopt is the pipeline that is used from now on, in place of p.
func (t *Tracer) adopt(ctx context.Context, p *pipeline) *pipeline {
	select {
	case next := <-t.next:
		if p != nil {
			t.send(ctx, p)
			p.close(ctx)
		}
		return next
	default:
		return p
	}
}

// take makes the spans of an exchange.
func (t *Tracer) take(ctx context.Context, p *pipeline, e *Exchange) {
	switch {
	case p == nil: // it was switched off meanwhile
		return
	case ctx.Err() != nil: // nobody would get them
		t.lost.Add(1)
		return
	}
	safely.Do("trace", func() { e.export(p.tracer) }, nil) //nolint:contextcheck // spans have none of their own
	if len(p.batch) >= batchMax {
		t.send(ctx, p)
	}
}

// end sends what waits and what has gathered, and leaves the collector.
func (t *Tracer) end(ctx context.Context, p *pipeline) {
	if p == nil {
		return
	}
	for range len(t.queue) {
		t.take(ctx, p, <-t.queue)
	}
	t.send(ctx, p)
	p.close(ctx)
}

// send exports a batch. That a collector does not take it is said once, until one does.
func (t *Tracer) send(ctx context.Context, p *pipeline) {
	if p == nil {
		return
	}
	spans, err := p.send(ctx)
	switch {
	case spans == 0:
	case err != nil:
		t.lost.Add(uint64(spans))
		if !t.failing {
			t.failing = true
			t.log.Error().Err(err).Str("endpoint", p.endpoint).Int("spans", spans).
				Msg("tracing: the collector does not take spans: they are lost until it does")
		}
	default:
		t.exported.Add(uint64(spans))
		if t.failing {
			t.failing = false
			t.log.Info().Uint64("lost", t.lost.Load()).Msg("tracing: the collector takes spans again")
		}
	}
}
