package observe

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// writeBackends writes what backends have counted.
func (s *scraping) writeBackends() {
	keys := slices.SortedFunc(maps.Keys(s.backends), safely.InTurns(func(a, b backendKey) int {
		return cmp.Or(cmp.Compare(a.pool, b.pool), cmp.Compare(a.backend, b.backend))
	}))
	byClass := make([]classes, len(keys))
	s.Begin(&familyBackendRequests)
	for i, key := range keys {
		s.backends[key].Codes.Each(func(code int, n uint64) {
			byClass[i].add(code, n)
			s.Count(n, key.pool, key.backend, codeText(code))
		})
	}
	s.Begin(&familyBackendResponses)
	for i, key := range keys {
		for class, n := range &byClass[i] {
			s.Count(n, key.pool, key.backend, classNames[class])
		}
	}
	s.Begin(&familyBackendErrors)
	for _, key := range keys {
		s.writeErrors(key)
	}
	s.writeSpans(keys, &familyBackendConnect, func(b *BackendStats) *Span { return &b.Connect })
	s.writeSpans(keys, &familyBackendFirstByte, func(b *BackendStats) *Span { return &b.FirstByte })
}

// backendEnds are how attempts at a backend usually fail: these are there from the start.
var backendEnds = [...]end.End{ //nolint:gochecknoglobals // read-only table
	end.ConnectRefused, end.ConnectTimeout, end.ConnectFailed, end.TLSFailed, end.ReusedDied, end.Reset, end.Timeout,
	end.BadResponse, end.Truncated,
}

func (s *scraping) writeErrors(key backendKey) {
	var counts [end.Ends]uint64
	s.backends[key].errors.Each(func(code int, n uint64) { counts[code-endCode] = n })
	for e, n := range &counts {
		if n > 0 || slices.Contains(backendEnds[:], end.End(e)) {
			s.Count(n, key.pool, key.backend, end.End(e).Word())
		}
	}
}

func (s *scraping) writeSpans(keys []backendKey, f *expose.Family, of func(*BackendStats) *Span) {
	s.Begin(f)
	for _, key := range keys {
		span := of(s.backends[key])
		s.Sum(float64(span.nanos.Sum())/float64(time.Second), span.count.Sum(), key.pool, key.backend)
	}
}

// writePools writes what pools have counted, and what only they know.
func (s *scraping) writePools() {
	names := slices.Sorted(maps.Keys(s.pools))
	s.Begin(&familyBackendDuration)
	for _, name := range names {
		sum := s.pools[name].Durations.Snapshot()
		s.Histogram(&sum, nil, name)
	}
	s.writeMembers()
	s.Begin(&familyShed)
	for _, name := range names {
		for i := pool.ShedLimit; i < pool.ShedLeft; i++ {
			s.Count(s.pools[name].Shed[i].Sum(), name, i.String())
		}
	}
	s.writeLimits()
	s.Begin(&familyQueueWait)
	for i := range s.states {
		if of := s.pools[s.states[i].Name]; of != nil && s.states[i].Concurrency != nil {
			sum := of.Waits.Snapshot()
			s.Histogram(&sum, nil, s.states[i].Name)
		}
	}
}

// breakerStates are the numbers of isame_breaker_state.
var breakerStates = map[string]float64{"closed": 0, "half-open": 1, "open": 2} //nolint:gochecknoglobals // read-only table

func (s *scraping) writeMembers() {
	s.eachMember(&familyBackendUp, func(p string, b *pool.BackendStatus) { s.Gauge(truth(b.Up), p, b.Address) })
	s.eachMember(&familyBackendInflight, func(p string, b *pool.BackendStatus) { s.Gauge(float64(b.InFlight), p, b.Address) })
	s.eachMember(&familyBackendConnections, func(p string, b *pool.BackendStatus) {
		s.Gauge(float64(max(b.ConnectionsOpen-b.ConnectionsIdle, 0)), p, b.Address, "active")
		s.Gauge(float64(b.ConnectionsIdle), p, b.Address, "idle")
	})
	s.eachMember(&familyBreakerState, func(p string, b *pool.BackendStatus) { s.Gauge(breakerStates[b.Breaker], p, b.Address) })
	s.eachMember(&familyBreakerTrips, func(p string, b *pool.BackendStatus) { s.Count(b.Trips, p, b.Address) })
}

// eachMember writes a family of backends.
func (s *scraping) eachMember(f *expose.Family, write func(poolName string, b *pool.BackendStatus)) {
	s.Begin(f)
	for i := range s.states {
		for j := range s.states[i].Backends {
			write(s.states[i].Name, &s.states[i].Backends[j])
		}
	}
}

// writeLimits writes the limits of pools that have some.
func (s *scraping) writeLimits() {
	for _, of := range []struct {
		family *expose.Family
		value  func(*pool.LimiterStatus) int64
	}{
		{&familyQueueLength, func(l *pool.LimiterStatus) int64 { return l.Waiting }},
		{&familyConcurrencyLimit, func(l *pool.LimiterStatus) int64 { return l.Limit }},
		{&familyConcurrencyInflight, func(l *pool.LimiterStatus) int64 { return l.InProgress }},
	} {
		s.Begin(of.family)
		for i := range s.states {
			if l := s.states[i].Concurrency; l != nil {
				s.Gauge(float64(of.value(l)), s.states[i].Name)
			}
		}
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
