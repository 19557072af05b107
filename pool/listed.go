package pool

import (
	"maps"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
)

// listed is one backend of a pool: from its list, or discovered.
type listed struct {
	config.Backend

	rank       int // 0 is a primary; higher ones serve when no lower one can
	discovered bool
}

// backupRank is the rank of a backend with backup: true.
const backupRank = 1

// discover takes hold of all discoveries of a configuration, once for each
// generation, and waits for the first answers of new ones, all together.
func (b *builder) discover(cfg *config.Config) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Pools)) {
		c := cfg.Pools[name].Discovery
		if c == nil || c.DNS == nil {
			continue
		}
		d := b.set.finder.hold(*c.DNS)
		if _, twice := b.set.held.discoveries[d]; twice {
			b.set.finder.drop(d)
		}
		b.set.held.discoveries[d] = struct{}{}
	}
	limit := make(chan struct{})
	timer := time.AfterFunc(lookupFirstMax, func() { close(limit) })
	defer timer.Stop()
	for d := range b.set.held.discoveries {
		d.await(limit)
	}
}

// backends are the members of a pool: those of its list, then those discovered
// that are not in the list.
func (b *builder) backends(p *Pool, cfg *config.Pool) []listed {
	list := make([]listed, 0, len(cfg.Backends))
	known := make(map[string]bool, len(cfg.Backends))
	for _, c := range cfg.Backends {
		l := listed{Backend: c}
		if c.Backup {
			l.rank = backupRank
		}
		list = append(list, l)
		known[identityOf(c.Address)] = true
	}
	if cfg.Discovery == nil {
		return list
	}
	p.discovery = b.set.discoveryOf(*cfg.Discovery.DNS)
	found, version := p.discovery.answer()
	p.version = version
	for _, f := range found {
		if id := identityOf(f.Address); !known[id] && len(list) < algo.MaxMembers {
			known[id] = true
			list = append(list, listed{
				Backend: config.Backend{Address: f.Address, Weight: f.Weight}, rank: f.Rank, discovered: true,
			})
		}
	}
	return list
}

// discoveryOf finds a discovery that discover took hold of.
func (s *Set) discoveryOf(def config.DNS) *discovery {
	for d := range s.held.discoveries {
		if d.def == def {
			return d
		}
	}
	panic("BUG: a discovery nobody took hold of")
}
