package health

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Check is what probes see of one backend under one definition: a fact. Pools
// with the same definition share it, and a reload that keeps the definition keeps
// it. What a pool takes from it, together with its own traffic, is its opinion.
type Check struct {
	address string
	def     *Definition

	mu struct {
		sync.Mutex
		probed   belief // what the probes alone say: where a new opinion begins
		opinions map[owner]*Opinion
		prober   *Prober
		timer    *time.Timer
		cancel   context.CancelFunc
		idle     chan struct{} // closed when the running probe has ended; nil when none runs
		stopped  bool
	}
}

// NewCheck returns a Check of an address that has not begun.
func NewCheck(address string, d *Definition) *Check {
	c := &Check{address: address, def: d}
	c.mu.opinions = map[owner]*Opinion{}
	return c
}

// owner is whose opinion it is: what one pool has met at the backend.
type owner interface {
	// Lift ends the wait of an open breaker, and reports that there was one. Changed says
	// that the verdict may be another one. Neither is called with a mutex of the check.
	Lift(nowNanos int64) bool
	Changed()
}

// Hold returns the opinion of a pool, which begins with what the probes know,
// and counts one more use of it.
func (c *Check) Hold(w owner, pool string) *Opinion {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.mu.opinions[w]
	if o == nil {
		o = &Opinion{check: c, owner: w, pool: pool}
		o.mu.belief = c.mu.probed
		o.publishLocked()
		c.mu.opinions[w] = o
	}
	o.mu.refs++
	return o
}

// Drop takes one use back and reports whether nobody has an opinion any more.
func (c *Check) Drop(o *Opinion) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.mu.refs--
	if o.mu.refs == 0 {
		delete(c.mu.opinions, o.owner)
	}
	return len(c.mu.opinions) == 0
}

// Key is that of its definition.
func (c *Check) Key() string { return c.def.Key }

// start begins probing, the first time at once. Only the first call does
// anything: a check that goes on over a reload keeps its rhythm.
func (c *Check) start(p *Prober) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.timer != nil || c.mu.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.cancel, c.mu.prober = cancel, p
	c.mu.timer = safely.New("prober", func() { c.run(ctx, p) }, c.goOn).After(0)
}

// goOn sets the timer after a run that has met a bug.
func (c *Check) goOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.idle = nil
	if !c.mu.stopped {
		c.mu.timer.Reset(c.def.pause(0, c.paceLocked(), rand.Float64()))
	}
}

// Stop ends probing, aborts the probe that runs and waits for its end.
func (c *Check) Stop() {
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
func (c *Check) run(ctx context.Context, p *Prober) {
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
	seen := Sight{Reason: "the probe met a bug, see the log"}
	safely.Do("probe", func() { seen = p.Probe(ctx, c.address, c.def) }, nil)
	<-p.slots
	c.finish(p, seen, began)
}

// finish keeps one probe, tells the pools whose verdict changed, and sets the
// timer.
func (c *Check) finish(p *Prober, seen Sight, began time.Time) {
	took := time.Since(began)
	entry := Probe{At: began, DurationMS: float64(took) / float64(time.Millisecond), OK: seen.Good, Reason: seen.Reason}
	c.mu.Lock()
	c.mu.idle = nil
	if c.mu.stopped {
		c.mu.Unlock()
		return
	}
	c.mu.probed.take(seen, entry, c.def)
	var news []change
	for _, o := range c.mu.opinions {
		if n := o.takeLocked(seen, entry, began); n.matters() {
			news = append(news, n)
		}
	}
	c.mu.timer.Reset(c.def.pause(took, c.paceLocked(), rand.Float64()))
	c.mu.Unlock()
	for i := range news {
		news[i].tell(p, seen.Reason)
	}
}

// paceLocked is how soon the next probe is wanted: as soon as whoever of the
// pools is least sure wants it.
func (c *Check) paceLocked() pace {
	wanted := calm
	for _, o := range c.mu.opinions {
		switch o.mu.health.pace() {
		case hurried:
			return hurried
		case steady:
			wanted = steady
		case calm:
		}
	}
	return wanted
}

// hurryLocked makes the next probe come soon, when none runs: else that sets the
// timer.
func (c *Check) hurryLocked() {
	if c.mu.idle == nil {
		c.mu.timer.Reset(c.def.pause(0, hurried, rand.Float64()))
	}
}
