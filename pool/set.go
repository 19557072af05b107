package pool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// retireTick is how often a retiring backend is looked at until it is idle.
const retireTick = 20 * time.Millisecond

// Set is all pools of one generation. Build makes it, Start begins its probes,
// Retire ends it. Build, Start and Retire of successive generations are called
// one after the other (one reload at a time); everything else by anybody.
type Set struct {
	pools   map[string]*Pool
	ordered []*Pool // by name
	zone    string  // the proxy's own
	prober  *health.Prober
	finder  *finder
	overlay *Overlay
	held    held
	remarks []remark // for the log, once the generation serves
	retired sync.Once

	arrivals arrivals // until Start
}

// held are the facts a generation refers to. A discovery counts the generations that
// hold it, and ends when the last one lets go. Connections and opinions are held by the
// pools, each member its own, and go with the last generation of the pool.
type held struct {
	backends    map[string]*Backend // by identity
	discoveries map[*discovery]struct{}
}

// Build makes the pools of a generation, with the members that discoveries know;
// it waits a moment for the first answer of new ones. Pools that would be made the same
// again, and in others the backends that prev also had, are the
// same objects: connections, health, breaker and counters go on. Nothing that
// runs is touched; when the caller cannot use the result after all, it calls
// Retire on it. All problems are reported at once, each beginning with the
// path of its field.
func Build(cfg *config.Config, prev *Set, opts Options) (*Set, error) {
	return build(cfg, prev, opts, false)
}

// build makes the pools; looks is as Imagine says.
func build(cfg *config.Config, prev *Set, opts Options, looks bool) (*Set, error) {
	if opts.now == nil {
		opts.now = socket.Nanos
	}
	s := &Set{pools: make(map[string]*Pool, len(cfg.Pools)), zone: cfg.Zone}
	s.held = held{backends: make(map[string]*Backend, prev.size()), discoveries: map[*discovery]struct{}{}}
	if prev == nil {
		s.prober, s.finder, s.overlay = health.NewProber(opts.Logger, opts.now, opts.ProbesMax), newFinder(&opts), opts.Overlay
		if s.overlay == nil {
			s.overlay = NewOverlay()
		}
	} else {
		s.prober, s.finder, s.overlay = prev.prober, prev.finder, prev.overlay
	}
	b := &builder{set: s, prev: prev, opts: &opts, looks: looks}
	if !looks {
		b.discover(cfg)
	}
	var problems []error
	for name, c := range cfg.Pools {
		p := b.kept(name, &c)
		if p == nil {
			var err error
			if p, err = b.pool(name, c); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		s.add(p)
	}
	if len(problems) > 0 {
		s.Retire(nil, 0)
		slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(problems...)
	}
	slices.SortFunc(s.ordered, func(a, b *Pool) int { return strings.Compare(a.name, b.name) })
	if prev != nil {
		s.arrivals = arrivalsOf(prev.pools, s.pools)
	}
	return s, nil
}

// Stale says that a discovery knows other members by now than this generation
// was built with, or that the operator added or removed some: another Build of
// the same configuration has them.
func (s *Set) Stale() bool {
	return slices.ContainsFunc(s.ordered, func(p *Pool) bool {
		if s.overlay.of(p.name).edition() != p.edited {
			return true
		}
		if p.discovery == nil {
			return false
		}
		_, version := p.discovery.answer()
		return version != p.version
	})
}

// Pool finds a pool by name; nil when there is none.
func (s *Set) Pool(name string) *Pool { return s.pools[name] }

// Pools are all pools by name. The slice must not be changed.
func (s *Set) Pools() []*Pool { return s.ordered }

// Start begins the probes of backends that came with this generation, the
// first one at once, and does not wait for them. From now on it is this
// generation that counts: its limits of concurrency are in force, also for
// exchanges of the one before.
func (s *Set) Start() {
	for _, p := range s.ordered {
		if p.limiter != nil {
			p.limiter.enforce(p.limitPolicy)
		}
		for _, m := range p.members {
			if m.health != nil {
				m.health.Start(s.prober)
			}
		}
	}
	for _, r := range s.remarks {
		r.pool.log.Warn().Str("backend", r.address).Str("since", r.override.Since.UTC().Format(time.RFC3339)).
			Str("author", r.override.Author).Msg(r.text)
	}
	s.arrivals.speak(s.ordered)
	s.arrivals = arrivals{}
}

// Retire ends a generation after next has taken over (nil: at the end of the
// process, or for a Set that never ran), but for the pools that another one has.
// Probes that no other generation wants
// end at once. Connections of backends that no other one has are closed as they
// become idle; Retire returns when none is left in use or drain has passed, so
// it wants a goroutine of its own while traffic goes on. Exchanges that hold a
// Member of this generation may still Release it. Later calls do nothing.
func (s *Set) Retire(next *Set, drain time.Duration) {
	s.retired.Do(func() { s.retire(next, drain) })
}

func (s *Set) retire(next *Set, drain time.Duration) {
	last := s.letGo()
	for _, p := range last {
		p.retire()
	}
	for _, p := range last {
		p.dropOpinions()
	}
	for d := range s.held.discoveries {
		s.finder.drop(d)
	}
	var leaving []*attempt.Clients
	for _, p := range last {
		leaving = p.dropClients(leaving)
	}
	if next != nil {
		next.logLeaving(last)
	}
	closeWhenIdle(leaving, drain)
}

// logLeaving says which backends of pools that have ended are not in this generation
// any more.
func (s *Set) logLeaving(ended []*Pool) {
	for _, p := range ended {
		for _, m := range p.members {
			if _, stays := s.held.backends[m.backend.identity]; !stays {
				p.log.Info().Str("backend", m.backend.address).Int64("in_flight", m.InFlight()).Msg("backend retired")
			}
		}
	}
}

// closeWhenIdle closes connections as they become idle until none is left or
// drain has passed. What is in use then is closed when it is given back.
func closeWhenIdle(leaving []*attempt.Clients, drain time.Duration) {
	deadline := time.NewTimer(drain)
	defer deadline.Stop()
	tick := time.NewTicker(retireTick)
	defer tick.Stop()
	for {
		for _, c := range leaving {
			c.Close()
		}
		leaving = slices.DeleteFunc(leaving, func(c *attempt.Clients) bool {
			open, _ := c.Counts()
			return open == 0
		})
		if len(leaving) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		}
	}
}

// size is the number of backends in s, which may be nil: no generation.
func (s *Set) size() int {
	if s == nil {
		return 0
	}
	return len(s.held.backends)
}

// before is the pool of that name in s, which may be nil: no generation.
func (s *Set) before(name string) *Pool {
	if s == nil {
		return nil
	}
	return s.pools[name]
}

// kindOf is ParseKind with the configuration's default.
func kindOf(name string) (algo.Kind, error) {
	if name == "" {
		return algo.RoundRobin, nil
	}
	kind, ok := algo.ParseKind(name)
	if !ok {
		return 0, fmt.Errorf("unknown algorithm %q", name)
	}
	return kind, nil
}
