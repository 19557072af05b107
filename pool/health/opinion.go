package health

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Opinion is what one pool holds of the health of one backend: what the check
// that it may share with other pools has seen, and what its own traffic has met
// since, where that says something definite. It belongs to the pair like the
// standing does: what one pool meets makes no other pool turn away, it only makes
// the next probe, which is for all, come soon.
//
// Before its first decisive probe a backend is unknown, which counts as usable:
// when the proxy starts it serves at once. A member that a reload adds to a
// pool waits for its first good probe instead, see Member.late.
type Opinion struct {
	// Set by check.hold and never changed.
	check *Check
	owner owner
	pool  string

	// now is the verdict for readers without the mutex, with deadBit.
	now atomic.Uint32
	// quiet is until when, on the clock of nowNanos, doubts that are not definite
	// are not heard again.
	quiet atomic.Int64

	// mu is guarded by the check's mutex.
	mu struct {
		belief

		refs int // uses, one for each generation
		// doubted is when live traffic last doubted the backend; a probe that began
		// before says nothing about it.
		doubted time.Time
		// accused says that requests were answered, but badly, since the verdict was
		// last good: probes, which need not see that, may not cut a breaker's wait.
		accused bool
	}
}

// belief is a verdict with the last entries that led to it.
type belief struct {
	health health
	dead   bool // nobody answered the last time
	ring   [probesKept]Probe
	count  int // entries so far
}

// take adds one probe.
func (b *belief) take(seen Sight, entry Probe, d *Definition) {
	b.health.observe(seen.Good, d.rise, d.fall)
	b.note(seen.Dead, entry)
}

// note adds one entry that decides nothing.
func (b *belief) note(dead bool, entry Probe) {
	b.dead = dead
	b.ring[b.count%probesKept] = entry
	b.count++
}

// deadBit beside a verdict says that nobody answered at all.
const deadBit = 1 << 8

// Verdict is what is held now. Any goroutine may ask; it costs one load.
func (o *Opinion) Verdict() Verdict { return Verdict(o.now.Load() &^ deadBit) }

// State is the verdict, and whether the backend is dead: unhealthy, and nobody
// answered at all the last time.
func (o *Opinion) State() (v Verdict, dead bool) {
	now := o.now.Load()
	return Verdict(now &^ deadBit), now&deadBit != 0
}

// change is what one probe did to an opinion.
type change struct {
	opinion *Opinion
	was, is Verdict
	shown   bool // Verdict or deadBit are others now
	lifts   bool // an open breaker need not wait any longer
}

func (n *change) matters() bool { return n.shown || n.lifts }

// tell acts on a change, without the check's mutex. A backend that comes back
// well ends the wait of its open breaker: the probe saw it before any client had
// to try.
func (n *change) tell(p *Prober, reason string) {
	w := n.opinion.owner
	lifted := n.lifts && w.Lift(p.now())
	if n.is != n.was {
		n.opinion.announce(p, n.was, n.is, reason)
	}
	if n.shown || lifted {
		w.Changed()
	}
}

// takeLocked takes one probe that began then; the check's mutex is held.
func (o *Opinion) takeLocked(seen Sight, entry Probe, began time.Time) change {
	n := change{opinion: o, was: o.mu.health.verdict}
	before, unsure := o.now.Load(), o.mu.health.changing()
	if stale := began.Before(o.mu.doubted); stale {
		o.mu.note(seen.Dead, entry)
	} else {
		o.mu.take(seen, entry, o.check.def)
	}
	n.is = o.mu.health.verdict
	n.lifts = seen.Good && (unsure || n.is != n.was) && !o.mu.accused
	if n.is == Healthy || !seen.Good {
		o.mu.accused = false
	}
	o.publishLocked()
	n.shown = o.now.Load() != before
	return n
}

// Suspect tells what live traffic of the pool met: failures in a row, or their
// share, made its breaker trip. ejected says that the breaker took the backend
// out; it may not where max_ejected_percent is reached.
//
// Nobody listening, or no connection in time, is what a probe would have seen:
// the verdict follows at once. Failed answers (5xx, timeouts, resets) make it
// follow where the breaker did, and else only ask for a probe soon. From there
// on it is the probes that decide, as after a bad one.
// It reports whether the verdict changed.
func (o *Opinion) Suspect(met attempt.Outcome, ejected bool, nowNanos int64) bool {
	dead := met == attempt.ConnectRefused || met == attempt.ConnectTimeout
	definite := dead || ejected
	if o.Verdict() == Unhealthy || !definite && nowNanos < o.quiet.Load() {
		return false // the usual case of a backend that goes on failing: no lock
	}
	c := o.check
	o.quiet.Store(socket.After(nowNanos, c.def.hurry()))
	c.mu.Lock()
	p, was := c.mu.prober, o.mu.health.verdict
	if p == nil || c.mu.stopped || was == Unhealthy {
		c.mu.Unlock()
		return false
	}
	o.mu.doubted = time.Now()
	reason := "live traffic failed: " + met.Cause()
	if definite {
		o.mu.health.condemn()
		o.mu.accused = !dead
		o.mu.note(dead, Probe{At: o.mu.doubted, Reason: reason, Live: true})
	}
	o.publishLocked()
	is := o.mu.health.verdict
	c.hurryLocked()
	c.mu.Unlock()
	if is != was {
		o.announce(p, was, is, reason)
	}
	return is != was
}

// publishLocked stores the verdict for readers without the mutex.
func (o *Opinion) publishLocked() {
	word := uint32(o.mu.health.verdict)
	if o.mu.dead && o.mu.health.verdict == Unhealthy {
		word |= deadBit
	}
	o.now.Store(word)
}

// announce logs a verdict once.
func (o *Opinion) announce(p *Prober, was, is Verdict, reason string) {
	level := zerolog.InfoLevel
	switch {
	case is == Unhealthy:
		level = zerolog.WarnLevel
	case was == Unknown:
		level = zerolog.DebugLevel // a good start is no news
	}
	p.log.WithLevel(level).Str("pool", o.pool).Str("backend", o.check.address).Stringer("was", was).Stringer("is", is).
		Str("reason", reason).Msg("backend health changed")
}

// Probes are the last ones, newest first.
func (o *Opinion) Probes() []Probe {
	o.check.mu.Lock()
	defer o.check.mu.Unlock()
	n := min(o.mu.count, probesKept)
	list := slices.Clone(o.mu.ring[:n])
	for i := range list {
		list[i] = o.mu.ring[(o.mu.count-1-i)%probesKept]
	}
	return list
}

// Check is what it is about.
func (o *Opinion) Check() *Check { return o.check }

// Start begins the probes of its check; see check.start.
func (o *Opinion) Start(p *Prober) { o.check.start(p) }

// Interval is the time between two probes of a backend whose verdict is clear.
func (o *Opinion) Interval() time.Duration { return o.check.def.interval }
