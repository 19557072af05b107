package pool

import (
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// listed is one backend of a pool: from its list, or discovered.
type listed struct {
	config.Backend

	rank       int // 0 is a primary; higher ones serve when no lower one can
	discovered bool
	added      bool   // at run time
	foundAs    string // the name it was found under, where it was
}

// backupRank is the rank of a backend with backup: true.
const backupRank = 1

// discover takes hold of all discoveries of a configuration, once for each
// generation, and waits for the first answers of new ones, all together.
func (b *builder) discover(cfg *config.Config) {
	users := map[*discovery][]string{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Pools)) {
		c := cfg.Pools[name].Discovery
		if c == nil || c.DNS == nil {
			continue
		}
		d := b.set.finder.hold(*c.DNS, name)
		if _, twice := b.set.held.discoveries[d]; twice {
			b.set.finder.drop(d)
		}
		b.set.held.discoveries[d] = struct{}{}
		users[d] = append(users[d], name)
		d.usedBy(users[d])
	}
	limit := make(chan struct{})
	passed := func() { close(limit) }
	timer := safely.New("first lookup", passed, passed).After(lookupFirstMax)
	defer timer.Stop()
	for d := range b.set.held.discoveries {
		d.await(limit)
	}
}

// lister collects the members of a pool, each address once: who comes first wins.
type lister struct {
	list  []listed
	edits *edits
	known map[string]bool // by place
	named map[string]bool // places that are named, and that somebody has removed or added
}

func (l *lister) add(one listed) {
	id := placeOf(one.Address)
	if l.known[id] || len(l.list) == algo.MaxMembers {
		return
	}
	l.known[id] = true
	v := l.edits.at(id)
	if v != nil && (v.Removed || v.Added != nil) && !one.added {
		if l.named == nil {
			l.named = map[string]bool{}
		}
		l.named[id] = true
	}
	switch {
	case v != nil && v.Removed:
	case v != nil && v.Added != nil:
		c := v.backend()
		l.list = append(l.list, listed{Backend: c, rank: rankOf(&c), added: true})
	default:
		l.list = append(l.list, one)
	}
}

// backends are the members of a pool: those of its list, those the operator
// added, then those discovered; without those the operator removed. What the operator
// says of one that was added goes before what the list says.
func (b *builder) backends(p *Pool, cfg *config.Pool) []listed {
	p.overlay = b.set.overlay
	l := lister{edits: p.overlay.of(p.name), known: make(map[string]bool, len(cfg.Backends))}
	p.edited = l.edits.edition()
	for _, c := range cfg.Backends {
		l.add(listed{Backend: c, rank: rankOf(&c)})
	}
	for _, c := range l.edits.added() {
		l.add(listed{Backend: c, rank: rankOf(&c), added: true})
	}
	if cfg.Discovery != nil {
		p.discovery = b.discoveryOf(*cfg.Discovery.DNS)
		found, version := p.discovery.answer()
		p.version = version
		name := attempt.FoundAs(cfg.Discovery.DNS)
		for _, f := range found {
			l.add(listed{Backend: config.Backend{Address: f.Address, Weight: f.Weight}, rank: f.Rank, discovered: true, foundAs: name})
		}
	}
	p.named = l.named
	return l.list
}

func rankOf(c *config.Backend) int {
	if c.Backup {
		return backupRank
	}
	return 0
}

// discoveryOf finds a discovery that discover took hold of. Who only looks gets what is
// known.
func (b *builder) discoveryOf(def config.DNS) *discovery {
	if b.looks {
		return b.set.finder.look(def)
	}
	for d := range b.set.held.discoveries {
		if d.def == def {
			return d
		}
	}
	panic("BUG: a discovery nobody took hold of")
}
