package pool

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// weightMax is the largest weight, as in the configuration.
const weightMax = math.MaxUint16

// SetState changes what the operator asks of the member with this address. It
// holds over reloads while the address stays in the pool.
func (p *Pool) SetState(address string, s State) error {
	switch s {
	case Enabled, Drain, Disabled:
	default:
		return fmt.Errorf("cannot set backend %q to state %q: want enabled, drain or disabled", address, s)
	}
	return p.change(address, func(m *Member) { m.standing.account.setState(s) })
}

// SetWeight changes a member's share; 0 takes nothing new. It holds over
// reloads until the configured weight changes.
func (p *Pool) SetWeight(address string, weight int) error {
	if weight < 0 || weight > weightMax {
		return fmt.Errorf("cannot set weight of backend %q to %d: want 0 to %d", address, weight, weightMax)
	}
	return p.change(address, func(m *Member) { m.standing.account.setWeight(weight, m.weightGiven) })
}

// change applies an operator's wish; when it returns, the next pick obeys it, in
// this generation and in others that run or are built beside it.
func (p *Pool) change(address string, apply func(*Member)) error {
	m := p.Member(address)
	if m == nil {
		return fmt.Errorf("cannot find backend %q in pool %q", address, p.name)
	}
	apply(m)
	for _, one := range m.standing.account.generations() {
		one.rebuild()
	}
	state, weight := m.standing.account.wish(m.weightGiven)
	p.log.Info().Str("backend", address).Str("state", string(state)).Int("weight", weight).
		Msg("backend changed by the operator")
	return nil
}

// Add puts a backend into a pool at run time, or takes back its removal. The next
// Build has it, and this Set is Stale until then. c must be valid as one of the
// configuration. Calls must not overlap each other or Remove.
func (s *Set) Add(pool string, c config.Backend) error {
	p := s.pools[pool]
	if p == nil {
		return fmt.Errorf("cannot add backend to pool %q: %w", pool, ErrNoPool)
	}
	id := placeOf(c.Address)
	if p.find(id) != nil {
		return fmt.Errorf("cannot add backend %q to pool %q: %w", c.Address, pool, ErrBackendThere)
	}
	s.roster.edit(pool, func(e *edits) {
		delete(e.removed, id)
		e.added = slices.DeleteFunc(e.added, func(o config.Backend) bool { return placeOf(o.Address) == id })
		e.added = append(e.added, c)
	})
	return nil
}

// Remove takes a backend out of a pool at run time: requests under way finish,
// and it gets no new ones. The next Build is without it, and this Set is Stale
// until then. Calls must not overlap each other or Add.
func (s *Set) Remove(pool, address string) error {
	p := s.pools[pool]
	if p == nil {
		return fmt.Errorf("cannot remove backend from pool %q: %w", pool, ErrNoPool)
	}
	id := placeOf(address)
	if p.find(id) == nil {
		return fmt.Errorf("cannot remove backend %q from pool %q: %w", address, pool, ErrNoBackend)
	}
	s.roster.edit(pool, func(e *edits) {
		e.added = slices.DeleteFunc(e.added, func(o config.Backend) bool { return placeOf(o.Address) == id })
		e.removed[id] = true
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
		Health:     "unchecked",
		Breaker:    m.breaker.state(nowNanos).String(),
		Up:         m.up,
		InFlight:   m.InFlight(),
		Requests:   m.tally.requests(),
		Failures:   m.tally.failures.Load(),
		Since:      m.since,
	}
	if m.dialing.Announces != attempt.AnnounceNothing {
		s.ProxyProtocol = m.dialing.Announces.String()
	}
	s.ConnectionsOpen, s.ConnectionsIdle = m.clients.Counts()
	if m.health != nil {
		s.Health = m.health.Verdict().String()
		s.Probes = m.health.Probes()
	}
	s.Reason = m.reasonLocked(&s, nowNanos)
	return s
}

// reasonLocked says in words why a member is up or not: what weighs most comes first.
func (m *Member) reasonLocked(s *BackendStatus, nowNanos int64) string {
	switch wait := m.breaker.waitNanos(nowNanos); {
	case m.state == Drain:
		return "drained by the operator"
	case m.state == Disabled:
		return "disabled by the operator"
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
