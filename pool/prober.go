package pool

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const (
	// probesKept is how many finished probes can be looked at.
	probesKept = 16
	// probesMaxDefault bounds the probes that run at the same time.
	probesMaxDefault = 256
	// probeJitter is the random share of an interval, both ways: probes of many
	// backends and of many proxies must not fall into step.
	probeJitter = 0.1
	// probeHurry divides the interval while a verdict is open.
	probeHurry = 4
	// probeHurryLeast bounds that hurry.
	probeHurryLeast = 100 * time.Millisecond
	// probePauseLeast is the least pause between two probes of a slow backend.
	probePauseLeast = 10 * time.Millisecond
)

// prober is what all health checks of a process share: it outlives generations.
// It has no goroutine; each check is a timer, and one goroutine while it probes.
type prober struct {
	slots chan struct{}
	log   zerolog.Logger
	now   func() int64
	probe func(ctx context.Context, address string, d *definition) (bool, string)
}

func newProber(o *Options) *prober {
	n := o.ProbesMax
	if n <= 0 {
		n = probesMaxDefault
	}
	return &prober{slots: make(chan struct{}, n), log: o.Logger, now: o.now, probe: probe}
}

// check is the health of one backend under one definition: a fact. Pools with
// the same definition share it, and a reload that keeps the definition keeps it.
//
// Before its first decisive probe a backend is unknown, which counts as usable:
// when the proxy starts it serves at once. A member that a reload adds to a
// pool waits for its first good probe instead, see Member.late.
type check struct {
	backend *Backend
	def     *definition
	refs    int // sets that use it, guarded by the backend's mutex

	// now is the verdict for readers without the mutex.
	now atomic.Uint32

	mu struct {
		sync.Mutex
		health  health
		ring    [probesKept]Probe
		count   int // probes so far
		timer   *time.Timer
		cancel  context.CancelFunc
		idle    chan struct{} // closed when the running probe has ended; nil when none runs
		stopped bool
	}
}

func newCheck(b *Backend, d *definition) *check { return &check{backend: b, def: d} }

func (c *check) verdict() Verdict { return Verdict(c.now.Load()) }

// usable is the verdict as a pick sees it.
func (c *check) usable() bool { return c.verdict() != Unhealthy }

// start begins probing, the first time at once. Only the first call does
// anything: a check that goes on over a reload keeps its rhythm.
func (c *check) start(p *prober) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.timer != nil || c.mu.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.cancel = cancel
	c.mu.timer = time.AfterFunc(0, func() { c.run(ctx, p) })
}

// stop ends probing, aborts the probe that runs and waits for its end.
func (c *check) stop() {
	c.mu.Lock()
	c.mu.stopped = true
	idle := c.mu.idle
	if c.mu.timer != nil {
		c.mu.timer.Stop()
		c.mu.cancel()
	}
	c.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// run is the timer's goroutine: one probe, then the timer is set again.
func (c *check) run(ctx context.Context, p *prober) {
	c.mu.Lock()
	if c.mu.stopped {
		c.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	c.mu.idle = idle
	c.mu.Unlock()
	defer close(idle)

	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	began := time.Now()
	good, reason := p.probe(ctx, c.backend.address, c.def)
	<-p.slots
	c.finish(p, good, Probe{
		At: began, DurationMS: float64(time.Since(began)) / float64(time.Millisecond), OK: good, Reason: reason,
	})
}

// finish keeps one probe, tells the pools when the verdict changed, and sets
// the timer.
func (c *check) finish(p *prober, good bool, seen Probe) {
	c.mu.Lock()
	c.mu.idle = nil
	if c.mu.stopped {
		c.mu.Unlock()
		return
	}
	was, doubted := c.mu.health.verdict, c.mu.health.changing()
	changed := c.mu.health.observe(good, c.def.rise, c.def.fall)
	is := c.mu.health.verdict
	c.mu.ring[c.mu.count%probesKept] = seen
	c.mu.count++
	c.now.Store(uint32(is))
	took := time.Duration(seen.DurationMS * float64(time.Millisecond))
	c.mu.timer.Reset(c.def.pause(took, c.mu.health.changing(), rand.Float64()))
	c.mu.Unlock()
	// A backend that comes back well ends the wait of its open breaker: the
	// probe saw it before any client had to try.
	lifted := good && (doubted || changed) && c.backend.breaker.lift(p.now())
	if changed {
		c.announce(p, was, is, seen.Reason)
	}
	if changed || lifted {
		c.backend.changed()
	}
}

// announce logs a verdict once.
func (c *check) announce(p *prober, was, is Verdict, reason string) {
	level := zerolog.InfoLevel
	switch {
	case is == Unhealthy:
		level = zerolog.WarnLevel
	case was == Unknown:
		level = zerolog.DebugLevel // a good start is no news
	}
	p.log.WithLevel(level).Str("backend", c.backend.address).Stringer("was", was).Stringer("is", is).Str("reason", reason).
		Msg("backend health changed")
}

// pause is the time from the end of a probe to the next one: the interval, or a
// quarter of it while the verdict is open, with jitter, less what the probe
// took. random is from 0 to 1.
func (d *definition) pause(took time.Duration, changing bool, random float64) time.Duration {
	interval := d.interval
	if changing {
		interval = min(interval, max(interval/probeHurry, probeHurryLeast))
	}
	jittered := time.Duration(float64(interval) * (1 + probeJitter*(2*random-1)))
	return max(jittered-took, probePauseLeast)
}

// probes are the last ones, newest first.
func (c *check) probes() []Probe {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(c.mu.count, probesKept)
	list := make([]Probe, n)
	for i := range list {
		list[i] = c.mu.ring[(c.mu.count-1-i)%probesKept]
	}
	return list
}
