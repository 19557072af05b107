package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/lookup"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/rs/zerolog"
)

const (
	// lookupMax bounds one lookup, all servers and targets together.
	lookupMax = 5 * time.Second
	// lookupFirstMax is how long Build waits for the first answers.
	lookupFirstMax = 2 * time.Second
	// lookupLeast is the least time between two lookups that succeed, unless the
	// interval is shorter: a TTL of 0 does not mean a lookup for each request.
	lookupLeast = time.Second
	// lookupJitter is the random share by which lookups come earlier.
	lookupJitter = 0.1
	// lookupLogEvery is how often a failure that goes on is logged.
	lookupLogEvery = 5 * time.Minute
)

// discovery is what the DNS says about one name: a fact. Pools with the same
// definition share it, and a reload that keeps the definition keeps it, with its
// rhythm.
//
// The last good answer is kept whatever the DNS says later: an error, no such
// name, no records. A name server in trouble must not take the backends away;
// those that are really gone fail their probes.
type discovery struct {
	def    config.DNS
	began  time.Time
	refs   int           // sets that use it, guarded by the finder's mutex
	first  chan struct{} // closed after the first lookup
	ended  chan struct{} // closed when the goroutine has ended
	cancel context.CancelFunc

	mu struct {
		sync.Mutex
		found    []lookup.Found
		version  uint64    // counts the changes of found
		at       time.Time // of the last good answer
		ttl      time.Duration
		next     time.Time // of the next lookup
		failed   error     // of the last lookup; nil when it was good
		failedAt time.Time
		failures int // in a row
		logged   time.Time
		pools    []string // that use it, as the last generation says; for the log
	}
}

// finder is what all discoveries of a process share: it outlives generations.
type finder struct {
	log     zerolog.Logger
	changed func()
	find    func(context.Context, lookup.Question) (lookup.Answer, error)

	mu struct {
		sync.Mutex
		all map[config.DNS]*discovery
	}
}

func newFinder(o *Options) *finder {
	f := &finder{log: o.Logger, changed: o.Changed, find: o.find}
	if f.find == nil {
		f.find = lookup.Find
	}
	f.mu.all = map[config.DNS]*discovery{}
	return f
}

// hold returns the discovery with this definition and counts one more use, by a pool. A
// new one begins at once; it takes over what another one knows of the same records.
func (f *finder) hold(def config.DNS, pool string) *discovery {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.mu.all[def]
	if d == nil {
		d = &discovery{def: def, began: time.Now(), first: make(chan struct{}), ended: make(chan struct{})}
		d.mu.pools = []string{pool} // before the first line of the log
		f.inheritLocked(d)
		ctx, cancel := context.WithCancel(context.Background())
		d.cancel = cancel
		f.mu.all[def] = d
		safely.GoThen("discovery", func() { d.run(ctx, f) }, func() { close(d.ended) })
	}
	d.refs++
	return d
}

// inheritLocked has a new discovery take over what another one knows of the same records.
func (f *finder) inheritLocked(d *discovery) {
	for _, o := range f.mu.all {
		if o.def.Name == d.def.Name && o.def.Type == d.def.Type && o.def.Port == d.def.Port {
			d.inherit(o)
		}
	}
}

// look is hold for those who only look: what is known by now. Nothing is counted, and
// nobody is asked.
func (f *finder) look(def config.DNS) *discovery {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.mu.all[def]; d != nil {
		return d
	}
	d := &discovery{def: def, began: time.Now()}
	f.inheritLocked(d)
	return d
}

// drop takes one use back. The last one ends the lookups and waits for their end.
func (f *finder) drop(d *discovery) {
	f.mu.Lock()
	d.refs--
	last := d.refs == 0
	if last {
		delete(f.mu.all, d.def)
	}
	f.mu.Unlock()
	if last {
		d.cancel()
		<-d.ended
	}
}

// usedBy says which pools use it. They are not changed any more, but more may be appended.
func (d *discovery) usedBy(pools []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.pools = pools
}

// inherit takes over a good answer; d is not shared yet.
func (d *discovery) inherit(o *discovery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.mu.at.Before(d.mu.at) {
		d.mu.found, d.mu.version, d.mu.at, d.mu.ttl = o.mu.found, o.mu.version, o.mu.at, o.mu.ttl
	}
}

// await waits for the first lookup, or for something inherited.
func (d *discovery) await(limit <-chan struct{}) {
	d.mu.Lock()
	known := !d.mu.at.IsZero()
	d.mu.Unlock()
	if known {
		return
	}
	select {
	case <-d.first:
	case <-limit:
	}
}

// run looks up until ctx ends.
func (d *discovery) run(ctx context.Context, f *finder) {
	for n := 0; ; n++ {
		wait, changed := d.lookUp(ctx, f)
		if n == 0 {
			close(d.first)
		}
		if ctx.Err() != nil {
			return
		}
		if changed && f.changed != nil {
			f.changed()
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// errLookupBug is a lookup that has met a bug of ours. The next one is made as usual.
var errLookupBug = errors.New("the lookup met a bug, see the log")

// lookUp asks once, keeps what came of it, and says when to ask again.
func (d *discovery) lookUp(ctx context.Context, f *finder) (wait time.Duration, changed bool) {
	bounded, cancel := context.WithTimeout(ctx, lookupMax)
	var a lookup.Answer
	err := errLookupBug // unless it comes to its end
	safely.Do("lookup", func() {
		a, err = f.find(bounded, lookup.Question{Name: d.def.Name, Type: d.def.Type, Port: d.def.Port, Server: d.def.Resolver})
	}, nil)
	cancel()
	if ctx.Err() != nil {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.failLocked(f, err)
	} else {
		changed = d.keepLocked(f, a)
	}
	wait = d.waitLocked(rand.Float64())
	d.mu.next = time.Now().Add(wait)
	return wait, changed
}

// failLocked notes a failure. It is logged when it begins, when it becomes
// another one, and now and then.
func (d *discovery) failLocked(f *finder, err error) {
	now := time.Now()
	news := d.mu.failed == nil || d.mu.failed.Error() != err.Error()
	d.mu.failed, d.mu.failedAt = err, now
	d.mu.failures++
	if !news && now.Sub(d.mu.logged) < lookupLogEvery {
		return
	}
	d.mu.logged = now
	f.log.Warn().Err(err).Strs("pools", d.mu.pools).Int("failures", d.mu.failures).
		Int("backends_kept", len(d.mu.found)).Msg("cannot look up backends")
}

// keepLocked takes a good answer and reports whether it differs from the last.
func (d *discovery) keepLocked(f *finder, a lookup.Answer) bool {
	if d.mu.failed != nil {
		f.log.Info().Str("name", d.def.Name).Strs("pools", d.mu.pools).Int("failures", d.mu.failures).Msg("backends can be looked up again")
	}
	d.mu.failed, d.mu.failures = nil, 0
	added, removed := difference(d.mu.found, a.Found)
	d.mu.at, d.mu.ttl = time.Now(), a.TTL
	if added+removed == 0 {
		return false
	}
	d.mu.found = a.Found
	d.mu.version++
	f.log.Info().Str("name", d.def.Name).Str("type", d.def.Type).Strs("pools", d.mu.pools).Int("backends", len(a.Found)).
		Int("added", added).Int("removed", removed).Msg("backends looked up")
	return true
}

// difference counts what is only in one of the lists; a changed weight or rank
// is one of each.
func difference(old, fresh []lookup.Found) (added, removed int) {
	had := make(map[lookup.Found]bool, len(old))
	for _, f := range old {
		had[f] = true
	}
	for _, f := range fresh {
		if !had[f] {
			added++
		}
	}
	return added, len(old) - (len(fresh) - added)
}

// waitLocked is the time to the next lookup: the TTL within lookupLeast and the
// interval, after failures a growing part of the interval; a little earlier at
// random, so that many proxies do not ask in step.
func (d *discovery) waitLocked(random float64) time.Duration {
	wait := max(d.mu.ttl, lookupLeast)
	if d.mu.failures > 0 {
		wait = lookupLeast << min(d.mu.failures-1, 10)
	}
	wait = min(wait, d.def.Interval)
	return time.Duration(float64(wait) * (1 - lookupJitter*random))
}

// answer is the last good one, with its version.
func (d *discovery) answer() ([]lookup.Found, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.found, d.mu.version
}

// status is the discovery as it is now.
func (d *discovery) status() *DiscoveryStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &DiscoveryStatus{
		Name: d.def.Name, Type: d.def.Type, Resolver: d.def.Resolver,
		Found: len(d.mu.found), Resolved: timeOf(d.mu.at), TTLSeconds: d.mu.ttl.Seconds(), Next: timeOf(d.mu.next),
		Failures: d.mu.failures, Failed: timeOf(d.mu.failedAt),
	}
	if d.mu.failed != nil {
		s.Error = d.mu.failed.Error()
	}
	return s
}

// timeOf is nil for the zero time, which JSON shall not show.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
