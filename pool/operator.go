package pool

import (
	"fmt"
	"math"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// weightMax is the largest weight, as in the configuration.
const weightMax = math.MaxUint16

// Wish is what an operator asks of a backend.
type Wish struct {
	// State is enabled, drain or disabled; empty leaves it.
	State State
	// Weight is the share, 0 takes nothing new; nil leaves it.
	Weight *int
	// Until is when State ends by itself; the zero time is never.
	Until time.Time
	// Author is who asks.
	Author string
}

func (w *Wish) check(address string) error {
	switch w.State {
	case "", Enabled, Drain, Disabled:
	default:
		return fmt.Errorf("cannot set backend %q to state %q: want enabled, drain or disabled", address, w.State)
	}
	if w.Weight != nil && (*w.Weight < 0 || *w.Weight > weightMax) {
		return fmt.Errorf("cannot set weight of backend %q to %d: want 0 to %d", address, *w.Weight, weightMax)
	}
	return nil
}

// over is what an override becomes by the wish.
func (w *Wish) over(v *Override) {
	switch w.State {
	case "":
	case Enabled:
		v.State, v.Until = "", nil
	default:
		v.State, v.Until = w.State, timeOf(w.Until)
	}
	if w.Weight != nil {
		v.Weight = w.Weight
	}
	v.Since, v.Author, v.MissingSince = time.Now(), w.Author, nil
}

// Ask changes what the operator asks of the member with this address. When it returns,
// the next pick obeys it, in this generation and in others that run or are built beside
// it; it holds over reloads until something else is asked.
func (p *Pool) Ask(address string, w Wish) error {
	m := p.Member(address)
	if m == nil {
		return fmt.Errorf("cannot find backend %q in pool %q: %w", address, p.name, ErrNoBackend)
	}
	if err := w.check(address); err != nil {
		return err
	}
	asked := p.overlay.change(p.name, address, w.over)
	if w.State != "" {
		p.tellWish(m, MemberState)
	}
	if w.Weight != nil {
		p.tellWish(m, MemberWeight)
	}
	m.obey()
	state, weight := asked.wish(m.weightGiven)
	line := p.log.Info().Str("backend", address).Str("state", string(state)).Int("weight", weight)
	if asked.Until != nil {
		line.Time("until", *asked.Until)
	}
	if w.Author != "" {
		line.Str("author", w.Author)
	}
	line.Msg("backend changed by the operator")
	return nil
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

// obey has every generation of the pool that runs look at what is asked of the member.
func (m *Member) obey() {
	for _, one := range m.standing.account.generations() {
		one.rebuild()
	}
}

// Settle has the pools look at the overlay again, where it was changed otherwise than by
// Ask, Add and Remove. Who is a member changes with the next Build, and this Set is Stale until then.
func (s *Set) Settle(changed []Override) {
	for i := range changed {
		if p := s.pools[changed[i].Pool]; p != nil {
			if m := p.find(placeOf(changed[i].Address)); m != nil {
				p.tellDifference(m)
				m.obey()
			}
		}
	}
}

// Names reports that configuration or discovery name a backend of a pool by themselves.
func (s *Set) Names(pool, address string) bool {
	p := s.pools[pool]
	if p == nil {
		return false
	}
	id := placeOf(address)
	if m := p.find(id); m != nil && !m.added {
		return true
	}
	return p.named[id]
}

// Discovers reports that members of a pool are discovered.
func (s *Set) Discovers(pool string) bool {
	p := s.pools[pool]
	return p != nil && p.discovery != nil
}

// Add puts a backend into a pool at run time, or takes back its removal. The next
// Build has it, and this Set is Stale until then. c must be valid as one of the
// configuration. Calls must not overlap each other or Remove.
func (s *Set) Add(pool string, c config.Backend, author string) error {
	p := s.pools[pool]
	if p == nil {
		return fmt.Errorf("cannot add backend to pool %q: %w", pool, ErrNoPool)
	}
	if m := p.find(placeOf(c.Address)); m != nil {
		if m.isLike(&c) { // the answer to an earlier call may have been lost
			return nil
		}
		return fmt.Errorf("cannot add backend %q to pool %q: %w", c.Address, pool, ErrBackendThere)
	}
	s.overlay.change(pool, c.Address, func(v *Override) {
		*v = Override{
			Added: &Addition{Weight: c.Weight, Backup: c.Backup, Zone: c.Zone, MaxRequests: c.MaxRequests},
			Since: time.Now(), Author: author,
		}
	})
	return nil
}

// isLike reports that the member is what c says.
func (m *Member) isLike(c *config.Backend) bool {
	return m.weightGiven == c.Weight && m.rank == rankOf(c) && m.zone == c.Zone && m.requestsMax == int64(c.MaxRequests)
}

// Remove takes a backend out of a pool at run time: requests under way finish,
// and it gets no new ones. The next Build is without it, and this Set is Stale
// until then. Calls must not overlap each other or Add.
func (s *Set) Remove(pool, address, author string) error {
	p := s.pools[pool]
	if p == nil {
		return fmt.Errorf("cannot remove backend from pool %q: %w", pool, ErrNoPool)
	}
	if p.find(placeOf(address)) == nil {
		return fmt.Errorf("cannot remove backend %q from pool %q: %w", address, pool, ErrNoBackend)
	}
	removed := s.Names(pool, address) // else it goes by not being added any more
	s.overlay.change(pool, address, func(v *Override) {
		*v = Override{Removed: removed, Since: time.Now(), Author: author}
	})
	return nil
}

// Status is the pool as it is now.
func (p *Pool) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{Name: p.name, Algorithm: p.kind.String(), Members: len(p.members), Panic: p.view.Load().panicking}
	s.Concurrency = p.limits.status()
	if p.discovery != nil {
		s.Discovery = p.discovery.status()
	}
	for _, m := range p.members {
		b := m.statusLocked(p.now())
		if b.Up {
			s.Healthy++
		}
		s.InFlight += b.InFlight
		s.Requests += b.Requests
		s.Failures += b.Failures
		s.Backends = append(s.Backends, b)
	}
	return s
}

// Status is every pool as it is now, by name.
func (s *Set) Status() []Status {
	list := make([]Status, 0, len(s.pools))
	for _, p := range s.ordered {
		list = append(list, p.Status())
	}
	return list
}

// Summaries are all pools as they are now in brief, by name.
func (s *Set) Summaries() []Summary {
	list := make([]Summary, 0, len(s.pools))
	for _, p := range s.ordered {
		list = append(list, p.summary())
	}
	return list
}

// Reading is what is counted of one member of a pool, as it is now.
type Reading struct {
	Pool, Address      string
	InFlight           int64
	Requests, Failures uint64
}

// Readings appends what is counted of all members, pools by name, to list. It costs a fraction of Status and
// makes nothing but room in list, for who looks many times a second.
func (s *Set) Readings(list []Reading) []Reading {
	for _, p := range s.ordered {
		list = p.readings(list)
	}
	return list
}

// Occupancies are those of all pools, by name.
func (s *Set) Occupancies() []Occupancy {
	list := make([]Occupancy, 0, len(s.ordered))
	for _, p := range s.ordered {
		list = append(list, p.occupancy())
	}
	return list
}

func (p *Pool) readings(list []Reading) []Reading {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		list = append(list, Reading{
			Pool: p.name, Address: m.backend.address, InFlight: m.InFlight(), Requests: m.tally.requests(), Failures: m.tally.failures.Load(),
		})
	}
	return list
}

func (p *Pool) occupancy() Occupancy {
	o := Occupancy{Pool: p.name}
	if l := p.limiter; l != nil {
		o.InProgress, o.Waiting, o.MaxQueue = l.InProgress(), l.Waiting(), int64(l.policy.Load().queueMax)
		if limit := l.limit.Load(); limit < limitNone {
			o.Limit = limit
		}
	}
	for _, m := range p.members {
		n := m.InFlight()
		o.InFlight += n
		o.Busiest = max(o.Busiest, n)
		o.Requests += m.tally.requests()
	}
	o.MaxRequests = p.view.Load().requestsMax()
	return o
}

// requestsMax is how many attempts the members in the rotation may have together; 0: one of
// them any number.
func (v *view) requestsMax() (all int64) {
	for _, m := range v.first.members {
		if m.requestsMax == 0 {
			return 0
		}
		all += m.requestsMax
	}
	return all
}

func (p *Pool) summary() Summary {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Summary{
		Name: p.name, Algorithm: p.kind.String(), Members: len(p.members), Panic: p.view.Load().panicking,
		Backends: make([]BackendSummary, 0, len(p.members)),
	}
	for _, m := range p.members {
		b := BackendSummary{Address: m.backend.address, Up: m.up, State: string(m.state), Health: m.opinion(), InFlight: m.InFlight()}
		if b.Up {
			s.Healthy++
		}
		s.InFlight += b.InFlight
		s.Requests += m.tally.requests()
		s.Failures += m.tally.failures.Load()
		s.Backends = append(s.Backends, b)
	}
	return s
}

// opinion is what health checks say of the member.
func (m *Member) opinion() string {
	if m.health == nil {
		return "unchecked"
	}
	return m.health.Verdict().String()
}

// Codes are the attempts of a member by the first digit of the answer's status;
// [0] counts those without an answer. They are never reset.
func (m *Member) Codes() [6]uint64 {
	var n [6]uint64
	for i := range n {
		n[i] = m.tally.byClass[i].Load()
	}
	return n
}

func (m *Member) statusLocked(nowNanos int64) BackendStatus {
	s := BackendStatus{
		Address:    m.backend.address,
		Weight:     m.weight,
		Backup:     m.rank > 0,
		Rank:       m.rank,
		Discovered: m.discovered,
		Zone:       m.zone,
		TLS:        m.dialing.Word(),
		TLSError:   m.clients.TLSFault(),
		State:      string(m.state),
		Health:     m.opinion(),
		Breaker:    m.breaker.state(nowNanos).String(),
		Trips:      m.tally.trips.Load(),
		Up:         m.up,
		InFlight:   m.InFlight(),
		Requests:   m.tally.requests(),
		Failures:   m.tally.failures.Load(),
		Since:      m.since,
		Override:   m.asked(), // which nobody changes
	}
	if m.dialing.Announces != attempt.AnnounceNothing {
		s.ProxyProtocol = m.dialing.Announces.String()
	}
	s.ConnectionsOpen, s.ConnectionsIdle = m.clients.Counts()
	if m.health != nil {
		s.Probes = m.health.Probes()
	}
	s.Reason = m.reasonLocked(&s, nowNanos)
	return s
}

// orderedBy says who has drained or disabled a member, and until when.
func orderedBy(o *Override) string {
	text := "the operator"
	if o.Author != "" {
		text += " (" + o.Author + ")"
	}
	if o.Until != nil {
		text += ", until " + o.Until.UTC().Format(time.DateTime) + "Z"
	}
	return text
}

// reasonLocked says in words why a member is up or not: what weighs most comes first.
func (m *Member) reasonLocked(s *BackendStatus, nowNanos int64) string {
	switch wait := m.breaker.waitNanos(nowNanos); {
	case m.state == Drain && s.Override != nil:
		return "drained by " + orderedBy(s.Override)
	case m.state == Disabled && s.Override != nil:
		return "disabled by " + orderedBy(s.Override)
	case m.weight == 0:
		return "weight 0"
	case wait > 0:
		text := fmt.Sprintf("circuit breaker open for another %v", time.Duration(wait).Round(100*time.Millisecond))
		if s.TLSError != "" {
			text += "; TLS: " + s.TLSError
		}
		return text
	case s.Health == "unknown" && m.late:
		return "waits for its first good probe"
	case s.TLSError != "" && (len(s.Probes) == 0 || s.Probes[0].OK):
		return "TLS: " + s.TLSError
	case len(s.Probes) > 0:
		return s.Probes[0].Reason
	case s.Health == "unknown":
		return "not probed yet"
	}
	return "no health check"
}

// tellWish tells what the operator asks of m from now on; its view follows.
func (p *Pool) tellWish(m *Member, k EventKind) {
	state, weight := m.wish()
	p.mu.Lock()
	up := m.up
	p.mu.Unlock()
	p.tell(Event{Kind: k, Address: m.backend.address, Up: up, State: state, Weight: weight})
}
