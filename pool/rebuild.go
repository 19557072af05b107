package pool

import (
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/isame-lb/isame-lb/pool/safely"
)

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
	asked := p.overlay.of(p.name)
	for i, m := range p.members {
		m.state, m.weight = asked.at(m.backend.place).wish(m.weightGiven)
		candidates[i] = m.candidate(now)
		if !m.breaker.closed() {
			m.tellHalfOpen(now)
		}
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
		if m.standing.account.shows(p, m.up) {
			m.tellLocked(upKind(m.up), nowNanos)
		}
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

// keeping is Keeps for every member; the pool's mutex is held.
func (p *Pool) keeping(cs []candidate, c choice) []bool {
	keeps := make([]bool, len(cs))
	for i, m := range cs {
		keeps[i] = m.healthy && m.ready && !m.joining && p.members[i].state != Disabled
	}
	for _, chosen := range c.tiers { // also where health is ignored
		for _, i := range chosen {
			keeps[i] = true
		}
	}
	return keeps
}

// newTier builds the balancer over the chosen members. was is the balancer of
// the tier it replaces, or nil.
func (p *Pool) newTier(chosen []int, was algo.Balancer, nowNanos int64) tier {
	if len(chosen) == 0 {
		return tier{}
	}
	t := tier{members: make([]placed, len(chosen)), whole: len(chosen) == len(p.members)}
	list := make([]algo.Member, len(chosen))
	for i, at := range chosen {
		m := p.members[at]
		t.members[i] = placed{m, at}
		list[i] = algo.Member{
			Key:    m.backend.address,
			Weight: uint32(m.weight),
			Ramp:   m.ramp(p.slowStart, nowNanos),
			Load:   m.load,
		}
	}
	if p.kind.IsRegistered() {
		t.balancer = p.oversee(list, was)
		return t
	}
	b, err := algo.New(p.kind, list, was)
	if err != nil {
		panic("BUG: balancer that Build accepted: " + err.Error())
	}
	t.balancer = b
	return t
}

// tellLocked is tell for what a member is now; the pool's mutex is held.
func (m *Member) tellLocked(k EventKind, nowNanos int64) {
	if m.pool.told == nil {
		return
	}
	s := m.statusLocked(nowNanos)
	m.pool.tell(Event{Kind: k, Address: s.Address, Up: s.Up, State: m.state, Weight: s.Weight, Reason: s.Reason})
}

// tellHalfOpen tells that the breaker lets trials in, which begins by the clock.
func (m *Member) tellHalfOpen(nowNanos int64) {
	w := m.breaker.word.Load()
	isOver := stateOf(w) == breakerOpen && nowNanos >= untilNanosOf(w)
	if (isOver || stateOf(w) == breakerHalfOpen) && m.standing.shows(breakerHalfOpen, stageOf(generationOf(w), isOver)) {
		m.pool.tell(Event{Kind: BreakerHalfOpen, Address: m.backend.address})
	}
}
