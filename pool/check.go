package pool

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// check is the health of one backend under one definition: a fact. Pools with
// the same definition share it, and a reload that keeps the definition keeps it.
// Probes feed it, and live traffic does where it says something definite.
//
// Before its first decisive probe a backend is unknown, which counts as usable:
// when the proxy starts it serves at once. A member that a reload adds to a
// pool waits for its first good probe instead, see Member.late.
type check struct {
	backend *Backend
	def     *definition
	refs    int // sets that use it, guarded by the backend's mutex

	// now is the verdict for readers without the mutex, with deadBit.
	now atomic.Uint32
	// quiet is until when, on the clock of nowNanos, doubts that are not definite
	// are not heard again.
	quiet atomic.Int64

	mu struct {
		sync.Mutex
		health  health
		ring    [probesKept]Probe
		count   int // entries so far
		prober  *prober
		timer   *time.Timer
		cancel  context.CancelFunc
		idle    chan struct{} // closed when the running probe has ended; nil when none runs
		stopped bool
		// doubted is when live traffic last doubted the backend; a probe that began
		// before says nothing about it.
		doubted time.Time
		// accused says that requests were answered, but badly, since the verdict was
		// last good: probes, which need not see that, may not cut a breaker's wait.
		accused bool
	}
}

// deadBit beside a verdict says that nobody answered at all.
const deadBit = 1 << 8

// sight is what one probe saw.
type sight struct {
	good bool
	dead bool // nobody answers at the address: refused, no such socket, no way there
	// reason says it in words.
	reason string
}

func newCheck(b *Backend, d *definition) *check { return &check{backend: b, def: d} }

func (c *check) verdict() Verdict { return Verdict(c.now.Load() &^ deadBit) }

// state is the verdict, and whether the backend is dead: unhealthy, and nobody
// answered at all the last time.
func (c *check) state() (v Verdict, dead bool) {
	now := c.now.Load()
	return Verdict(now &^ deadBit), now&deadBit != 0
}

// start begins probing, the first time at once. Only the first call does
// anything: a check that goes on over a reload keeps its rhythm.
func (c *check) start(p *prober) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.timer != nil || c.mu.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.cancel, c.mu.prober = cancel, p
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
	if c.mu.stopped || c.mu.idle != nil {
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
	seen := p.probe(ctx, c.backend.address, c.def)
	<-p.slots
	c.finish(p, seen, began)
}

// finish keeps one probe, tells the pools when the verdict changed, and sets
// the timer.
func (c *check) finish(p *prober, seen sight, began time.Time) {
	took := time.Since(began)
	c.mu.Lock()
	c.mu.idle = nil
	if c.mu.stopped {
		c.mu.Unlock()
		return
	}
	was, before := c.mu.health.verdict, c.now.Load()
	unsure := c.mu.health.changing()
	if stale := began.Before(c.mu.doubted); !stale {
		c.mu.health.observe(seen.good, c.def.rise, c.def.fall)
	}
	is := c.mu.health.verdict
	lifts := seen.good && (unsure || is != was) && !c.mu.accused
	if is == Healthy || !seen.good {
		c.mu.accused = false
	}
	c.keepLocked(Probe{At: began, DurationMS: float64(took) / float64(time.Millisecond), OK: seen.good, Reason: seen.reason})
	c.publishLocked(seen.dead)
	c.mu.timer.Reset(c.def.pause(took, c.mu.health.pace(), rand.Float64()))
	changed := c.now.Load() != before
	c.mu.Unlock()
	// A backend that comes back well ends the wait of its open breaker: the
	// probe saw it before any client had to try.
	lifted := lifts && c.backend.breaker.lift(p.now())
	if is != was {
		c.announce(p, was, is, seen.reason)
	}
	if changed || lifted {
		c.backend.changed()
	}
}

// suspect tells what live traffic met: failures in a row, or their share, made a
// breaker trip. ejected says that the breaker took the backend out; it may not
// where max_ejected_percent is reached.
//
// Nobody listening, or no connection in time, is what a probe would have seen:
// the verdict follows at once. Failed answers (5xx, timeouts, resets) make it
// follow where the breaker did, and else only ask for a probe soon. From there
// on it is the probes that decide, as after a bad one.
// It reports whether the verdict changed.
func (c *check) suspect(o Outcome, ejected bool, nowNanos int64) bool {
	dead := o == ConnectRefused || o == ConnectTimeout
	definite := dead || ejected
	if c.verdict() == Unhealthy || !definite && nowNanos < c.quiet.Load() {
		return false // the usual case of a backend that goes on failing: no lock
	}
	c.quiet.Store(nowNanos + int64(c.def.hurry()))
	c.mu.Lock()
	p, was := c.mu.prober, c.mu.health.verdict
	if p == nil || c.mu.stopped || was == Unhealthy {
		c.mu.Unlock()
		return false
	}
	c.mu.doubted = time.Now()
	reason := "live traffic failed: " + o.Cause()
	if definite {
		c.mu.health.condemn()
		c.mu.accused = !dead
		c.keepLocked(Probe{At: c.mu.doubted, Reason: reason, Live: true})
	}
	c.publishLocked(dead)
	is := c.mu.health.verdict
	if c.mu.idle == nil { // else the probe that runs sets it
		c.mu.timer.Reset(c.def.pause(0, hurried, rand.Float64()))
	}
	c.mu.Unlock()
	if is != was {
		c.announce(p, was, is, reason)
	}
	return is != was
}

// keepLocked adds one entry to the ring.
func (c *check) keepLocked(seen Probe) {
	c.mu.ring[c.mu.count%probesKept] = seen
	c.mu.count++
}

// publishLocked stores the verdict for readers without the mutex.
func (c *check) publishLocked(dead bool) {
	word := uint32(c.mu.health.verdict)
	if dead && c.mu.health.verdict == Unhealthy {
		word |= deadBit
	}
	c.now.Store(word)
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
