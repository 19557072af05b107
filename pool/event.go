package pool

import "time"

// EventKind is what has changed about a member.
type EventKind uint8

// The kinds. Up and down say whether it may be picked; state and weight are what the
// operator asks.
const (
	MemberUp EventKind = iota
	MemberDown
	MemberState
	MemberWeight
	MemberAdded
	MemberRemoved
	BreakerOpened
	BreakerHalfOpen
	BreakerClosed
)

// String is the word for it.
func (k EventKind) String() string {
	return [...]string{"up", "down", "state", "weight", "added", "removed", "opened", "half-open", "closed"}[k]
}

// OfBreaker reports a kind that is about the circuit breaker.
func (k EventKind) OfBreaker() bool { return k >= BreakerOpened }

// Event is a change of a member, for whoever looks on: see Options.Tell.
type Event struct {
	At            time.Time
	Kind          EventKind
	Pool, Address string
	// Up, State and Weight are as they are then; breakers do not say them.
	Up     bool
	State  State
	Weight int
	// Reason says why it is up or down, or what the breaker has met last; empty where
	// nothing is to be said.
	Reason string
}

// tell hands an event on, if somebody wants it.
func (p *Pool) tell(e Event) {
	if p.told == nil {
		return
	}
	e.At, e.Pool = time.Now(), p.name
	p.told(e)
}

// tellLocked is tell for what a member is now; the pool's mutex is held.
func (m *Member) tellLocked(k EventKind, nowNanos int64) {
	if m.pool.told == nil {
		return
	}
	s := m.statusLocked(nowNanos)
	m.pool.tell(Event{Kind: k, Address: s.Address, Up: s.Up, State: m.state, Weight: s.Weight, Reason: s.Reason})
}

// tellWish tells what the operator asks of m from now on; its view follows.
func (p *Pool) tellWish(m *Member, k EventKind) {
	state, weight := m.wish()
	p.mu.Lock()
	up := m.up
	p.mu.Unlock()
	p.tell(Event{Kind: k, Address: m.backend.address, Up: up, State: state, Weight: weight})
}

// tellDifference tells what is asked of m otherwise than its view has it.
func (p *Pool) tellDifference(m *Member) {
	state, weight := m.wish()
	p.mu.Lock()
	was, weighed := m.state, m.weight
	p.mu.Unlock()
	if state != was {
		p.tellWish(m, MemberState)
	}
	if weight != weighed {
		p.tellWish(m, MemberWeight)
	}
}

// upKind is the kind of a change to up.
func upKind(up bool) EventKind {
	if up {
		return MemberUp
	}
	return MemberDown
}

// shows makes what p says about up what others know, and reports that it is news. Of the
// generations that run, the one that speaks alone is heard.
func (a *account) shows(p *Pool, up bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.speaker != p || a.mu.up == up {
		return false
	}
	a.mu.up = up
	return true
}

// speaks makes p the generation that is heard from now on, and reports that what it says
// is news.
func (a *account) speaks(p *Pool, up bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	news := a.mu.speaker != nil && a.mu.up != up
	a.mu.speaker, a.mu.up = p, up
	return news
}

// arrivals are the members by which a generation differs from the one before. They are
// told when it serves, and forgotten then.
type arrivals struct{ joined, left []*Member }

// arrive finds them; prev is nil for the first generation, which has none.
func (s *Set) arrive(prev *Set) {
	if prev == nil {
		return
	}
	missing := func(in *Set, p *Pool) (list []*Member) {
		other := in.pools[p.name]
		if other == p {
			return nil
		}
		for _, m := range p.members {
			if other == nil || other.find(m.backend.place) == nil {
				list = append(list, m)
			}
		}
		return list
	}
	for _, p := range prev.ordered {
		s.arrivals.left = append(s.arrivals.left, missing(s, p)...)
	}
	for _, p := range s.ordered {
		s.arrivals.joined = append(s.arrivals.joined, missing(prev, p)...)
	}
}

// speak makes this generation the one that is heard, and tells what is different.
func (s *Set) speak() {
	told := s.arrivals
	s.arrivals = arrivals{}
	for _, m := range told.left {
		state, weight := m.wish()
		m.pool.tell(Event{Kind: MemberRemoved, Address: m.backend.address, State: state, Weight: weight})
	}
	for _, p := range s.ordered {
		p.speak()
	}
	for _, m := range told.joined {
		m.pool.mu.Lock()
		m.tellLocked(MemberAdded, m.pool.now())
		m.pool.mu.Unlock()
	}
}

// speak is Set.speak for the members that stay.
func (p *Pool) speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m.standing.account.speaks(p, m.up) {
			m.tellLocked(upKind(m.up), p.now())
		}
	}
}

// breakerNews is what others know of a breaker, and from which word. A stage counts the
// states that a breaker has gone through: twice its generation, plus 1 for an open one
// whose time is over. What is told late, by a slower goroutine, is older and not news.
type breakerNews struct {
	state breakerState
	stage uint32
}

const stageBits = 21

func stageOf(generation uint32, isOver bool) uint32 {
	stage := generation & generationMask << 1
	if isOver {
		stage++
	}
	return stage
}

// shows makes a state of the breaker what others know, and reports that it is news.
func (s *standing) shows(state breakerState, stage uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (stage-s.mu.told.stage)&(1<<stageBits-1) >= 1<<(stageBits-1) {
		return false
	}
	news := s.mu.told.state != state
	s.mu.told = breakerNews{state, stage}
	return news
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

// tellHalfOpen tells that the breaker lets trials in, which begins by the clock.
func (m *Member) tellHalfOpen(nowNanos int64) {
	w := m.breaker.word.Load()
	isOver := stateOf(w) == breakerOpen && nowNanos >= untilNanosOf(w)
	if (isOver || stateOf(w) == breakerHalfOpen) && m.standing.shows(breakerHalfOpen, stageOf(generationOf(w), isOver)) {
		m.pool.tell(Event{Kind: BreakerHalfOpen, Address: m.backend.address})
	}
}
