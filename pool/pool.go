package pool

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/rs/zerolog"
)

// denyNanos is how long a refusal to eject is remembered, so that a pool whose
// limit is reached does not count its breakers for every failure.
const denyNanos = int64(10 * time.Millisecond)

// Pool is the policy of one generation over its backends, and of those that follow with
// the same one. All methods may be called by any goroutine.
type Pool struct {
	// Set by Build and never changed.
	name         string
	config       *config.Pool   // what it was made of
	trust        *attempt.Trust // likewise; nil for clear text
	kind         algo.Kind
	hashOn       HashOn
	panicPercent int
	ejectPercent int
	slowStart    time.Duration
	announces    attempt.Announcement
	members      []*Member
	places       map[string]*Member // by Backend.Place
	limits       *Limiter           // nil without a concurrency section
	limiter      *Limiter           // limits, or what a generation with one has left
	limitPolicy  *limitPolicy       // what Start puts in force
	discovery    *discovery         // nil without
	version      uint64             // of the discovery's answer that members has
	overlay      *Overlay           // of the process
	edited       uint64             // edition of the overlay's edits that members has
	named        map[string]bool    // places that are named and in the overlay's hands; nil for none
	now          func() int64
	log          zerolog.Logger
	told         func(Event) // of changes; nil is nobody

	// view is loaded once for every pick and stored by rebuild alone.
	view atomic.Pointer[view]

	holders   atomic.Int32 // generations that have the pool; at 0 it has ended
	dirty     atomic.Bool  // a rebuild is on its way
	denyUntil atomic.Int64 // see denyNanos
	ejecting  sync.Mutex   // one breaker at a time opens, so the limit holds

	mu struct {
		sync.Mutex
		retired bool
		timer   *time.Timer // wakes the view when a breaker's wait ends; nil until needed
	}
}

// Name is the pool's name in the configuration.
func (p *Pool) Name() string { return p.name }

// HashOn is the part of a request whose Sum belongs into the Query of a pick.
func (p *Pool) HashOn() HashOn { return p.hashOn }

// Announces reports that connections to the backends begin with a PROXY header,
// so that each of them is made for one request: Attempt.Client says whose.
func (p *Pool) Announces() bool { return p.announces != attempt.AnnounceNothing }

// Members are all members, eligible or not, by index. The slice must not be
// changed.
func (p *Pool) Members() []*Member { return p.members }

// Member finds a member by its address as configured; nil when there is none.
func (p *Pool) Member(address string) *Member {
	i := slices.IndexFunc(p.members, func(m *Member) bool { return m.backend.address == address })
	if i < 0 {
		return nil
	}
	return p.members[i]
}

// Pick chooses a member for one attempt and returns it with its index, which
// the caller adds to q.Tried before it picks again. Backups are chosen while no
// primary is eligible, and for a retry that has tried all primaries. Members in
// q.Tried are never returned: nil and -1 mean that nobody is left, and
// Unavailable says why when nothing was tried yet.
func (p *Pool) Pick(q algo.Query) (*Member, int) {
	v := p.view.Load()
	m, index := v.first.pick(q)
	for i := 0; m == nil && i < len(v.spare); i++ {
		m, index = v.spare[i].pick(q)
	}
	return m, index
}

// Serves reports that somebody may be picked. It costs one pointer load.
func (p *Pool) Serves() bool { return p.view.Load().cause == end.OK }

// Unavailable says why a pick finds nobody, in the words of X-Isame-Error, and
// after which time another try makes sense: when the first breaker lets a trial
// in, or the next probe may find a backend well. The cause is OK when members
// are eligible. The time is a second at least.
func (p *Pool) Unavailable() (cause end.End, retryAfter time.Duration) {
	v := p.view.Load()
	now := p.now()
	for i, m := range v.waiting {
		wait := time.Duration(m.breaker.waitNanos(now))
		if m.health != nil && (m.health.Verdict() == health.Unhealthy || m.isJoining()) {
			wait = max(wait, m.health.Interval())
		}
		if i == 0 || wait < retryAfter {
			retryAfter = wait
		}
	}
	return v.cause, max(retryAfter, time.Second)
}

// Limiter bounds the pool's exchanges in progress; nil when nothing does.
func (p *Pool) Limiter() *Limiter { return p.limits }

// Keeps reports that m may go on to serve those who belong to it (sticky
// sessions): drained and with weight 0, too, but not disabled, nor while its
// probes or its breaker say that it is down. Any goroutine may call it.
func (p *Pool) Keeps(m *Member) bool { return p.view.Load().keeps[m.index] }

// eject opens the breaker of m unless too many of its rank are open already.
// All of a rank may be ejected while members of a later one stand by.
func (p *Pool) eject(m *Member, k Permit, nowNanos int64) bool {
	if nowNanos < p.denyUntil.Load() {
		return false
	}
	p.ejecting.Lock()
	defer p.ejecting.Unlock()
	if p.view.Load().lastRank <= m.rank {
		peers, ejected := 0, 1
		for _, o := range p.members {
			if o.rank == m.rank {
				peers++
				if o != m && !o.breaker.closed() {
					ejected++
				}
			}
		}
		if ejected*100 > peers*p.ejectPercent {
			p.denyUntil.Store(nowNanos + denyNanos)
			return false
		}
	}
	return m.breaker.open(k, m.policy, nowNanos)
}

// find is the member at this place, or nil.
func (p *Pool) find(place string) *Member { return p.places[place] }

// tell hands an event on, if somebody wants it.
func (p *Pool) tell(e Event) {
	if p.told == nil {
		return
	}
	e.At, e.Pool = time.Now(), p.name
	p.told(e)
}
