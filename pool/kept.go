package pool

import (
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// A generation takes over the pools that it would only make again: the same configuration
// and zone, the same edits of the operator, the same answer of the discovery, and, where
// TLS is spoken, the same in the files. Such a pool is the same object in both of them,
// with its members, its view, its timers and what it holds of its backends. It is policy
// nevertheless: the first difference makes another one, and Set.Retire of the last
// generation that has a pool ends it.

// kept is the pool of this name of the generation before, which is this one's too from now
// on; nil where it has to be made.
func (b *builder) kept(name string, cfg *config.Pool) *Pool {
	p := b.prev.before(name)
	if p == nil || b.prev.zone != b.set.zone || p.edited != b.set.overlay.of(name).edition() || !p.config.Equal(cfg) || !b.isCurrent(p) {
		return nil
	}
	trust, err := attempt.NewTrust("pools."+name+".tls", cfg)
	if err != nil || !trust.Same(p.trust) || !p.hold() {
		return nil
	}
	if !b.looks {
		trust.Warn(&p.log, time.Now())
	}
	return p
}

// isCurrent reports that the members of p are those that its discovery knows by now.
func (b *builder) isCurrent(p *Pool) bool {
	if p.discovery == nil {
		return true
	}
	_, held := b.set.held.discoveries[p.discovery]
	_, version := p.discovery.answer()
	return (held || b.looks) && version == p.version
}

// hold counts one more generation that has the pool; false when the last one has let go.
func (p *Pool) hold() bool {
	for n := p.holders.Load(); n > 0; n = p.holders.Load() {
		if p.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// add makes p a pool of the set.
func (s *Set) add(p *Pool) {
	s.pools[p.name] = p
	s.ordered = append(s.ordered, p)
	for _, m := range p.members {
		s.held.backends[m.backend.identity] = m.backend
	}
}

// letGo takes back the hold on every pool and returns those that no other generation has.
func (s *Set) letGo() (last []*Pool) {
	for _, p := range s.ordered {
		if p.holders.Add(-1) == 0 {
			last = append(last, p)
		}
	}
	return last
}
