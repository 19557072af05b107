package pool

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/rs/zerolog"
)

// denyNanos is how long a refusal to eject is remembered, so that a pool whose
// limit is reached does not count its breakers for every failure.
const denyNanos = int64(10 * time.Millisecond)

// Pool is the policy of one generation over its backends. All methods may be
// called by any goroutine.
type Pool struct {
	// Set by Build and never changed.
	name         string
	kind         algo.Kind
	hashOn       HashOn
	panicPercent int
	ejectPercent int
	slowStart    time.Duration
	timeouts     config.PoolTimeouts
	announces    attempt.Announcement
	members      []*Member
	places       map[string]*Member // by Backend.Place
	limits       *Limiter           // nil without a concurrency section
	limiter      *Limiter           // limits, or what a generation with one has left
	limitPolicy  *limitPolicy       // what Start puts in force
	discovery    *discovery         // nil without
	version      uint64             // of the discovery's answer that members has
	edited       uint64             // version of the operator's edits that members has
	forgotten    []string           // removals that nothing names any more
	now          func() int64
	log          zerolog.Logger

	// view is loaded once for every pick and stored by rebuild alone.
	view atomic.Pointer[view]

	dirty     atomic.Bool  // a rebuild is on its way
	denyUntil atomic.Int64 // see denyNanos
	ejecting  sync.Mutex   // one breaker at a time opens, so the limit holds

	mu struct {
		sync.Mutex
		retired bool
		timer   *time.Timer // wakes the view when a breaker's wait ends; nil until needed
	}
}

// Name is the pool's name in the configuration.
func (p *Pool) Name() string { return p.name }

// HashOn is the part of a request whose Sum belongs into the Query of a pick.
func (p *Pool) HashOn() HashOn { return p.hashOn }

// Timeouts bound how long a backend of this pool may take.
func (p *Pool) Timeouts() config.PoolTimeouts { return p.timeouts }

// Announces reports that connections to the backends begin with a PROXY header,
// so that each of them is made for one request: Attempt.Client says whose.
func (p *Pool) Announces() bool { return p.announces != attempt.AnnounceNothing }

// Members are all members, eligible or not, by index. The slice must not be
// changed.
func (p *Pool) Members() []*Member { return p.members }

// Member finds a member by its address as configured; nil when there is none.
func (p *Pool) Member(address string) *Member {
	i := slices.IndexFunc(p.members, func(m *Member) bool { return m.backend.address == address })
	if i < 0 {
		return nil
	}
	return p.members[i]
}

// Pick chooses a member for one attempt and returns it with its index, which
// the caller adds to q.Tried before it picks again. Backups are chosen while no
// primary is eligible, and for a retry that has tried all primaries. Members in
// q.Tried are never returned: nil and -1 mean that nobody is left, and
// Unavailable says why when nothing was tried yet.
func (p *Pool) Pick(q algo.Query) (*Member, int) {
	v := p.view.Load()
	m, index := v.first.pick(q)
	for i := 0; m == nil && i < len(v.spare); i++ {
		m, index = v.spare[i].pick(q)
	}
	return m, index
}

// Serves reports that somebody may be picked. It costs one pointer load.
func (p *Pool) Serves() bool { return p.view.Load().cause == end.OK }

// Unavailable says why a pick finds nobody, in the words of X-Isame-Error, and
// after which time another try makes sense: when the first breaker lets a trial
// in, or the next probe may find a backend well. The cause is OK when members
// are eligible. The time is a second at least.
func (p *Pool) Unavailable() (cause end.End, retryAfter time.Duration) {
	v := p.view.Load()
	now := p.now()
	for i, m := range v.waiting {
		wait := time.Duration(m.breaker.waitNanos(now))
		if m.health != nil && (m.health.Verdict() == health.Unhealthy || m.isJoining()) {
			wait = max(wait, m.health.Interval())
		}
		if i == 0 || wait < retryAfter {
			retryAfter = wait
		}
	}
	return v.cause, max(retryAfter, time.Second)
}

// eject opens the breaker of m unless too many of its rank are open already.
// All of a rank may be ejected while members of a later one stand by.
func (p *Pool) eject(m *Member, k Permit, nowNanos int64) bool {
	if nowNanos < p.denyUntil.Load() {
		return false
	}
	p.ejecting.Lock()
	defer p.ejecting.Unlock()
	if p.view.Load().lastRank <= m.rank {
		peers, ejected := 0, 1
		for _, o := range p.members {
			if o.rank == m.rank {
				peers++
				if o != m && !o.breaker.closed() {
					ejected++
				}
			}
		}
		if ejected*100 > peers*p.ejectPercent {
			p.denyUntil.Store(nowNanos + denyNanos)
			return false
		}
	}
	return m.breaker.open(k, m.policy, nowNanos)
}

// kick has the view rebuilt soon, in another goroutine. Kicks that come while
// one is waiting are answered by that one.
func (p *Pool) kick() {
	if !p.dirty.Swap(true) {
		safely.New("view", p.rebuild, p.rebuildLater).Go()
	}
}

// rebuild makes the view from what is known now. What changes while it reads
// kicks again, because dirty is cleared first.
func (p *Pool) rebuild() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty.Store(false)
	p.rebuildLocked()
}

// rebuildLater follows a rebuild that has met a bug: the view that there is stays.
func (p *Pool) rebuildLater() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mu.retired {
		p.wakeLocked(int64(time.Second))
	}
}

func (p *Pool) rebuildLocked() {
	if p.mu.retired {
		return
	}
	now := p.now()
	candidates := make([]candidate, len(p.members))
	for i, m := range p.members {
		m.state, m.weight = m.standing.account.wish(m.weightGiven)
		candidates[i] = m.candidate(now)
	}
	c := choose(candidates, p.panicPercent)
	var was view
	if old := p.view.Load(); old != nil {
		was = *old
	}
	p.markUpLocked(c, now)
	v := &view{panicking: c.panicking, cause: c.cause, keeps: p.keeping(candidates, c), lastRank: c.lastRank}
	if len(c.tiers) > 0 {
		v.first = p.newTier(c.tiers[0], was.first.balancer, now)
		for i, chosen := range c.tiers[1:] {
			v.spare = append(v.spare, p.newTier(chosen, was.spareAt(i), now))
		}
	} else {
		for i, m := range p.members {
			if candidates[i].serving {
				v.waiting = append(v.waiting, m)
			}
		}
	}
	p.view.Store(v)
	p.wakeLocked(p.nextWake(now))
	if p.limits != nil {
		p.limits.placesChanged()
	}
	p.logView(&was, v)
}

// candidate reads everything that decides about m; the pool's mutex is held.
func (m *Member) candidate(nowNanos int64) candidate {
	c := candidate{
		serving: m.state == Enabled && m.weight > 0,
		healthy: true,
		ready:   m.breaker.waitNanos(nowNanos) == 0,
		local:   m.local,
		rank:    m.rank,
		weight:  m.weight,
	}
	if m.health != nil {
		var verdict health.Verdict
		verdict, c.dead = m.health.State()
		c.healthy = verdict != health.Unhealthy
		c.joining = m.isJoining()
	}
	return c
}

// isJoining reports that the member waits for its first good probe.
func (m *Member) isJoining() bool {
	return m.late && m.health != nil && m.health.Verdict() == health.Unknown
}

// markUpLocked notes who may be picked, and since when. A member that comes
// up later than its pool starts slowly.
func (p *Pool) markUpLocked(c choice, nowNanos int64) {
	up := make([]bool, len(p.members))
	for _, tier := range c.tiers {
		for _, i := range tier {
			up[i] = true
		}
	}
	for i, m := range p.members {
		first := m.since.IsZero()
		if !first && m.up == up[i] {
			continue
		}
		if up[i] && (!first || m.late) {
			m.upNanos = nowNanos
		}
		m.up, m.since = up[i], time.Now()
	}
}

// ramp is the part of its weight that counts now, for slow start.
func (m *Member) ramp(slowStart time.Duration, nowNanos int64) uint32 {
	if m.upNanos == 0 {
		return algo.RampFull
	}
	return algo.RampShare(nowNanos-m.upNanos, int64(slowStart))
}

// nextWake is when the view changes by itself, in nanoseconds from now: a
// breaker's wait ends, or a slow start makes its next step. 0 is never.
func (p *Pool) nextWake(nowNanos int64) int64 {
	var wake int64
	for _, m := range p.members {
		wait := m.breaker.waitNanos(nowNanos)
		if wait == 0 && m.up && m.ramp(p.slowStart, nowNanos) < algo.RampFull {
			wait = max(int64(p.slowStart)/algo.RampFull, int64(time.Millisecond))
		}
		if wait > 0 && (wake == 0 || wait < wake) {
			wake = wait
		}
	}
	return wake
}

// wakeLocked sets the timer that changes the view without traffic.
func (p *Pool) wakeLocked(afterNanos int64) {
	switch {
	case afterNanos <= 0:
		if p.mu.timer != nil {
			p.mu.timer.Stop()
		}
	case p.mu.timer == nil:
		p.mu.timer = safely.New("view", p.rebuild, p.rebuildLater).After(time.Duration(afterNanos))
	default:
		p.mu.timer.Reset(time.Duration(afterNanos))
	}
}

// logView says once when the pool as a whole changes for its users.
func (p *Pool) logView(was, is *view) {
	switch {
	case is.cause != end.OK && is.cause != was.cause:
		p.log.Error().Str("cause", is.cause.Word()).Msg("no backend can be picked")
	case is.cause == end.OK && was.cause != end.OK:
		p.log.Info().Int("backends", len(is.first.members)).Msg("backends can be picked again")
	}
	if is.panicking != was.panicking {
		p.log.Warn().Bool("panic", is.panicking).Int("backends", len(is.first.members)).
			Msg("share of healthy backends crossed panic_threshold")
	}
}

// retire makes the pool deaf: no rebuild, no timer. Picks go on working on the
// last view for exchanges that still hold the old generation.
func (p *Pool) retire() {
	for _, m := range p.members {
		m.standing.account.unwatch(p)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.retired = true
	if p.mu.timer != nil {
		p.mu.timer.Stop()
	}
}
