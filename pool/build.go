package pool

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/health"
)

// breakerDefaults is the circuit breaker of a pool without a circuit_breaker section.
func breakerDefaults() config.CircuitBreaker {
	return config.CircuitBreaker{
		Failures: 5, ErrorPercent: 50, MinRequests: 20,
		Window: 10 * time.Second, OpenFor: 10 * time.Second,
		HalfOpenRequests: 3, MaxEjectedPercent: 50,
	}
}

// builder makes the pools of one generation.
type builder struct {
	set   *Set
	prev  *Set
	opts  *Options
	looks bool // see Imagine
}

// pool builds one pool, with its first view.
func (b *builder) pool(name string, cfg config.Pool) (*Pool, error) {
	path := "pools." + name
	var problems []error
	kind, err := kindOf(cfg.Algorithm)
	if err != nil {
		problems = append(problems, fmt.Errorf("%s.algorithm: %w", path, err))
	}
	hashOn, err := ParseHashOn(cfg.HashOn)
	if err != nil {
		problems = append(problems, fmt.Errorf("%s.hash_on: %w", path, err))
	}
	var def *health.Definition
	if cfg.HealthCheck != nil {
		if def, err = health.Define(cfg.HealthCheck); err != nil {
			problems = append(problems, fmt.Errorf("%s.health_check: %w", path, err))
		}
	}
	trust, err := attempt.NewTrust(path+".tls", &cfg)
	problems = append(problems, err, checkMembers(path, cfg.Backends))
	announces, err := attempt.AnnouncementOf(cfg.ProxyProtocol)
	if err != nil {
		problems = append(problems, fmt.Errorf("%s.proxy_protocol: %w", path, err))
	}
	if cfg.Discovery != nil && cfg.Discovery.DNS == nil {
		problems = append(problems, fmt.Errorf("%s.discovery: needs dns", path))
	}
	if cfg.Protocol != "" && cfg.Protocol != "http1" && b.opts.Multiplex == nil {
		problems = append(problems, fmt.Errorf("%s.protocol: cannot speak %s: nobody opens streams", path, cfg.Protocol))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	breaker := breakerDefaults()
	if cfg.CircuitBreaker != nil {
		breaker = *cfg.CircuitBreaker
	}
	p := &Pool{
		name: name, config: &cfg, trust: trust, kind: kind, hashOn: hashOn,
		panicPercent: cfg.PanicThreshold,
		ejectPercent: breaker.MaxEjectedPercent,
		slowStart:    cfg.SlowStart,
		announces:    announces,
		places:       map[string]*Member{},
		now:          b.opts.now,
		log:          b.opts.Logger.With().Str("pool", name).Logger(),
		told:         b.opts.Tell,
	}
	p.holders.Store(1)
	trust.Warn(&p.log, time.Now())
	policy := policyOf(&breaker)
	before := b.prev.before(name)
	p.limit(cfg.Concurrency, before)
	for i, c := range b.backends(p, &cfg) {
		m := b.member(p, c, &cfg, def, trust, before)
		m.index = i
		m.policy, m.window = policy, b.window(m.standing, breaker.Window)
		m.counted = attempt.Faults
		if cfg.CircuitBreaker != nil {
			m.counted, m.fives = attempt.StrictFaults, true
		}
		inherit(m, before)
		p.members = append(p.members, m)
		p.places[m.backend.place] = m
	}
	p.open(before, b.looks)
	if b.looks {
		p.retire()
	}
	b.set.remarks = append(b.set.remarks, p.remarks(before)...)
	return p, nil
}

// window are the results that breakers of this length go by. Who only looks leaves those
// that are kept alone.
func (b *builder) window(s *standing, length time.Duration) *window {
	if b.looks {
		return newWindow(length)
	}
	return s.window(length)
}

// open makes the first view. The pool watches its backends before it reads
// them, so that no change falls between the two; one that is only looked at does not.
func (p *Pool) open(before *Pool, looks bool) {
	for _, m := range p.members {
		if !looks {
			m.standing.account.watch(p)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if before != nil { // turns go on where they stand
		old := before.view.Load()
		v := &view{first: tier{balancer: old.first.balancer}, panicking: old.panicking, cause: old.cause}
		for i := range old.spare {
			v.spare = append(v.spare, tier{balancer: old.spare[i].balancer})
		}
		p.view.Store(v)
	}
	p.rebuildLocked()
}

// retire makes the pool deaf: no rebuild, no timer. Picks go on working on the
// last view for exchanges that still hold the old generation.
func (p *Pool) retire() {
	for _, m := range p.members {
		m.standing.account.unwatch(p)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.retired = true
	if p.mu.timer != nil {
		p.mu.timer.Stop()
	}
}

// limit takes over the limiter of the generation before, or makes one. A pool
// that has lost its section keeps it, without a limit, so that those that wait
// are let in and counters go on when the section returns.
func (p *Pool) limit(c *config.Concurrency, before *Pool) {
	if before != nil {
		p.limiter = before.limiter
	}
	switch {
	case c != nil:
		p.limitPolicy = newLimitPolicy(c)
		if p.limiter == nil {
			p.limiter = newLimiter(p.now, p.limitPolicy)
		}
		p.limits = p.limiter
	case p.limiter != nil:
		p.limitPolicy = newLimitPolicy(&config.Concurrency{})
	}
}

// member takes hold of the facts of one backend and puts the policy over them.
func (b *builder) member(
	p *Pool, c listed, cfg *config.Pool, def *health.Definition, trust *attempt.Trust, before *Pool,
) *Member {
	d := attempt.DialingOf(cfg, c.Address, c.foundAs, p.announces, trust)
	back := b.backend(c.Address, d)
	s := standingOf(back, before)
	m := &Member{
		backend: back, standing: s, load: &s.load, breaker: &s.breaker, tally: &s.account.tally, pool: p,
		rank: c.rank, discovered: c.discovered, added: c.added, requestsMax: int64(c.MaxRequests),
		zone: c.Zone, local: c.Zone != "" && c.Zone == b.set.zone,
		weightGiven: c.Weight,
	}
	m.dialing, m.host = d, attempt.HostOf(cfg, c.Address, c.foundAs)
	m.clients = back.holdClients(attempt.OptionsOf(p.name, cfg, d), d, b.opts)
	if def != nil {
		m.health = back.holdOpinion(def.Over(d, m.host), s, p.name)
	}
	return m
}

// backend returns the facts of an address: those this generation already has,
// those of the one before, or new ones.
func (b *builder) backend(address string, d *attempt.Dialing) *Backend {
	id := identityOf(address, d)
	if back, ok := b.set.held.backends[id]; ok {
		return back
	}
	back := (*Backend)(nil)
	if b.prev != nil {
		back = b.prev.held.backends[id]
	}
	if back == nil {
		back = newBackend(address, d)
	}
	b.set.held.backends[id] = back
	return back
}

// dropOpinions takes back what the members of a pool that ends hold of health checks.
func (p *Pool) dropOpinions() {
	for _, m := range p.members {
		if m.health != nil {
			m.backend.dropOpinion(m.health)
		}
	}
}

// dropClients takes back the connections of a pool that ends, and appends to leaving those
// that nobody has any more.
func (p *Pool) dropClients(leaving []*attempt.Clients) []*attempt.Clients {
	for _, m := range p.members {
		if m.backend.dropClients(m.clients) {
			leaving = append(leaving, m.clients)
		}
	}
	return leaving
}

// standingOf is what the pool of this name has met at a backend so far. Where the
// backend is spoken to in another way than before, only its account goes on.
func standingOf(back *Backend, before *Pool) *standing {
	var old *Member
	if before != nil {
		old = before.find(back.place)
	}
	switch {
	case old == nil:
		return &standing{account: newAccount()}
	case old.backend != back:
		return &standing{account: old.standing.account}
	}
	return old.standing
}

// inherit carries over how long the member has been up.
func inherit(m *Member, before *Pool) {
	if before == nil {
		return
	}
	old := before.find(m.backend.place)
	if old == nil {
		m.late = len(before.members) > 0 // else nobody is there to serve meanwhile
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	m.up, m.since, m.upNanos = old.up, old.since, old.upNanos
	m.late = old.late && !old.up // it still waits for its first good probe
}

func policyOf(c *config.CircuitBreaker) *breakerPolicy {
	return &breakerPolicy{
		runMin:     min(uint64(max(c.Failures, 0)), runMax),
		percent:    c.ErrorPercent,
		resultsMin: uint64(max(c.MinRequests, 1)),
		openNanos:  int64(max(c.OpenFor, time.Millisecond)),
		trials:     min(uint64(max(c.HalfOpenRequests, 1)), trialsMax),
	}
}

func checkMembers(path string, list []config.Backend) error {
	if len(list) > algo.MaxMembers {
		return fmt.Errorf("%s.backends: cannot use %d backends: at most %d", path, len(list), algo.MaxMembers)
	}
	var problems []error
	seen := make(map[string]int, len(list))
	for i := range list {
		at := fmt.Sprintf("%s.backends[%d]", path, i)
		id := placeOf(list[i].Address)
		if j, twice := seen[id]; twice {
			problems = append(problems, fmt.Errorf("%s.address: %q is backends[%d] already", at, list[i].Address, j))
		}
		seen[id] = i
		if w := list[i].Weight; w < 0 || w > weightMax {
			problems = append(problems, fmt.Errorf("%s.weight: %d is not from 0 to %d", at, w, math.MaxUint16))
		}
	}
	return errors.Join(problems...)
}
