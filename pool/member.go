package pool

import (
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/valyala/fasthttp"
)

// Member is a backend as one pool of one generation sees it: the policy over
// the facts. It is what Pick returns; Acquire, Client and Release are for the
// exchange that picked it.
type Member struct {
	// Set by Build and never changed.
	backend     *Backend
	standing    *standing // what the pool has met there, over reloads
	load        *algo.Load
	breaker     *breaker
	window      *window
	tally       *tally
	policy      *breakerPolicy
	counted     uint32 // outcomes that are failures to the breaker
	fives       bool   // answers with 5xx are failures to the breaker, too
	rank        int    // 0 is a primary; higher ones serve when no lower one can
	requestsMax int64  // 0 is no limit
	index       int
	pool        *Pool
	clients     *attempt.Clients
	dialing     *attempt.Dialing
	host        string          // what it sees as Host; empty is what the client has sent
	health      *health.Opinion // nil without health_check
	zone        string
	local       bool // its zone is the proxy's
	discovered  bool // not of the pool's list
	added       bool // by the operator, who decides about it also where the list has it
	weightGiven int  // as configured
	// late members came with a reload of a pool that ran before: they start
	// slowly, and serve after their first good probe.
	late bool

	// Guarded by the pool's mutex; read by rebuild and Status only. Weight and state
	// are what the overlay says since the last rebuild.
	weight  int
	state   State
	up      bool
	since   time.Time // when up changed
	upNanos int64     // when a slow start began; 0 is none
}

// Backend is what the member stands for.
func (m *Member) Backend() *Backend { return m.backend }

// Address is the address as the configuration spells it.
func (m *Member) Address() string { return m.backend.address }

// Host is what it is to see as Host; empty is what the client has sent.
func (m *Member) Host() string { return m.host }

// Index is the member's place in its pool, the same in every view of one
// generation. It is what algo.Tried remembers.
func (m *Member) Index() int { return m.index }

// InFlight is the number of attempts of the pool, over all generations, that began
// and did not end.
func (m *Member) InFlight() int64 { return m.load.InFlight.Load() }

// Client returns the connections of one shard; shard is less than Options.Shards.
func (m *Member) Client(shard int) *fasthttp.HostClient { return m.clients.Shard(shard) }

// Acquire asks for one attempt: the circuit breaker's permit, a place under
// max_requests, and in-flight + 1. When it is refused nothing was taken, and
// the caller picks again with this member among those tried. nowNanos is of
// the clock of Nanos.
func (m *Member) Acquire(nowNanos int64) (Permit, bool) {
	if m.requestsMax > 0 && m.full() {
		return Permit{}, false
	}
	k, ok := m.breaker.admit(m.policy, nowNanos)
	if !ok {
		return k, false
	}
	if m.requestsMax == 0 {
		m.load.Begin()
	} else if !m.beginLimited() {
		m.breaker.done(k, resultNeutral, m.policy, m.window, nowNanos)
		return Permit{}, false
	}
	k.beganNanos = nowNanos
	return k, true
}

// wish is the state and the weight that it is to have now.
func (m *Member) wish() (State, int) { return m.asked().wish(m.weightGiven) }

// asked is what was asked of it at run time; nil where nothing was. It must not be changed.
func (m *Member) asked() *Override { return m.pool.overlay.of(m.pool.name).at(m.backend.place) }

// IsEjected reports that the breaker is not closed, which is why an Acquire may
// have been refused.
func (m *Member) IsEjected() bool { return !m.breaker.closed() }

// isJoining reports that the member waits for its first good probe.
func (m *Member) isJoining() bool {
	return m.late && m.health != nil && m.health.Verdict() == health.Unknown
}

// full reports that max_requests is reached. Who is told so may wait: the
// standing is marked before the last look, so that whoever makes room later sees
// the mark.
func (m *Member) full() bool {
	if m.load.InFlight.Load() < m.requestsMax {
		return false
	}
	if m.pool.limits == nil || !m.pool.limits.Queues() {
		return true
	}
	m.standing.crowded.Store(true)
	return m.load.InFlight.Load() >= m.requestsMax
}

// beginLimited counts an attempt unless max_requests is reached. Two that meet
// at the last place do not both lose it: nobody would be woken for it.
func (m *Member) beginLimited() bool {
	for !m.full() {
		n := m.load.InFlight.Load()
		if n < m.requestsMax && m.load.InFlight.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// Release ends one attempt, exactly once for each Acquire that was granted, at
// the last byte of the answer or when the attempt failed. status is 0 when
// there was no answer. latencyNanos is the time to the response head, 0 or less
// when it is not known. It is learnt from answers, and from attempts that were
// outrun; a timeout teaches the time
// since Acquire, and other failures nothing, because a backend that refuses at
// once would look like the fastest one. It returns what that was to the breaker.
func (m *Member) Release(k Permit, o attempt.Outcome, status int, nowNanos, latencyNanos int64) Effect {
	switch {
	case o == attempt.Timeout:
		latencyNanos = nowNanos - k.beganNanos
	case o == attempt.Outrun: // it would have taken this long at least, if that is known
	case o != attempt.OK, latencyNanos <= 0:
		latencyNanos = -1
	}
	m.load.End(nowNanos, latencyNanos)
	if m.standing.crowded.Load() {
		m.standing.makeRoom()
	}
	if m.pool.limits != nil && latencyNanos > 0 && o != attempt.Outrun && status < 500 {
		m.pool.limits.observe(nowNanos, latencyNanos)
	}
	r := m.judge(o, status)
	class := uint(min(max(status, 0)/100, 5)) // what is above is like 5xx (RFC 9110 section 15)
	m.tally.byClass[class].Add(1)
	if o.In(attempt.StrictFaults) || o == attempt.OK && status >= 500 {
		m.tally.failures.Add(1)
	}
	e := m.breaker.done(k, r, m.policy, m.window, nowNanos)
	if e == eventNone {
		return EffectNone
	}
	return m.settle(e, k, verdictOn{o, status}, nowNanos)
}

func (m *Member) judge(o attempt.Outcome, status int) result {
	switch {
	case o.In(m.counted), m.fives && o == attempt.OK && status >= 500:
		return resultBad
	case o.In(attempt.Neutral):
		return resultNeutral
	}
	return resultGood
}

// settle is the rare part of Release: the breaker wants to change or did.
func (m *Member) settle(e event, k Permit, last verdictOn, nowNanos int64) Effect {
	log, effect := &m.pool.log, EffectOpened
	switch e {
	case eventTrip:
		ejected := m.pool.eject(m, k, nowNanos)
		condemned := m.health != nil && m.health.Suspect(last.Outcome, ejected, nowNanos)
		if !ejected {
			if condemned {
				m.standing.account.changed()
			}
			return EffectNone
		}
		m.tripped(k, last)
		log.Warn().Str("backend", m.backend.address).Str("last", last.word()).Msg("circuit breaker opened")
	case eventReopened:
		if m.health != nil {
			m.health.Suspect(last.Outcome, true, nowNanos)
		}
		m.tripped(k, last)
		log.Warn().Str("backend", m.backend.address).Str("last", last.word()).Msg("circuit breaker opened again after a trial")
	case eventClosed:
		effect = EffectClosed
		m.standing.forgive()
		m.tellBreaker(breakerClosed, k, "")
		log.Info().Str("backend", m.backend.address).Msg("circuit breaker closed")
	case eventNone:
		return EffectNone
	}
	m.standing.account.changed()
	return effect
}

// verdictOn is how an attempt ended, and with which status: 0 is no answer.
type verdictOn struct {
	attempt.Outcome
	status int
}

// word says what was wrong with the attempt: the status of a whole answer, else the
// outcome.
func (v verdictOn) word() string {
	if v.Outcome == attempt.OK {
		return strconv.Itoa(v.status)
	}
	return v.Cause()
}

// tripped counts and tells that the breaker has opened.
func (m *Member) tripped(k Permit, last verdictOn) {
	m.tally.trips.Add(1)
	m.tellBreaker(breakerOpen, k, last.word())
}

// tellBreaker tells what the breaker became by the result of a permit of a generation.
func (m *Member) tellBreaker(state breakerState, k Permit, last string) {
	kind := BreakerOpened
	if state == breakerClosed {
		kind = BreakerClosed
	}
	if m.standing.shows(state, stageOf(k.generation+1, false)) {
		m.pool.tell(Event{Kind: kind, Address: m.backend.address, Reason: last})
	}
}
