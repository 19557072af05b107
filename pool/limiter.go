package pool

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/health"
)

// Limiter bounds the exchanges of a pool that are in progress, and keeps those
// that wait for their turn. It is a fact of the pool's name: what is in progress
// and the limit that was learned outlive a reload; limits, timeouts and the
// length of the queue are policy, which Set.Start puts in force.
//
// word holds two numbers: bits 63..32 exchanges in progress, bits 31..0 those
// that wait for a slot. Transitions:
//
//	Enter    in progress + 1           only when nobody waits and the limit is not reached
//	Leave    in progress - 1           one atomic add; when somebody waits, grant follows
//	Join     waiting + 1               under mu; nothing while Enter would have succeeded
//	grant    in progress + 1, waiting - 1   under mu, one word
//	remove   waiting - 1               under mu: timed out, left, or pushed out
//
// Why nobody is forgotten: Join adds to waiting by a compare-and-swap on a word
// in which the limit was reached, so a Leave that saw nobody waiting comes before
// that word was read. Join then looks at the limit once more, because the limit
// is another word: one that was raised in between is seen by one of the two.
//
// A stale limit lets a few more or less in for as long as one load takes.
//
// Cost on 2 cores: see BenchmarkLimiter; the same with a mutex is its twin there.
type Limiter struct {
	now func() int64

	_     [64]byte
	word  atomic.Uint64
	_     [56]byte
	limit atomic.Int64 // in force now

	policy   atomic.Pointer[limitPolicy]
	gradient *sampler // learns the limit where the policy asks for it

	// placed counts who waits for a place at a backend, each with its slot.
	placed atomic.Int64
	shed   [Sheds]atomic.Uint64

	mu struct {
		sync.Mutex
		slots  queue
		places queue
	}
}

const (
	slotOne     = 1 << 32
	waitingMask = slotOne - 1
	// limitNone stands for no limit.
	limitNone = math.MaxInt32
)

// limitPolicy is a concurrency section, compiled. It never changes.
type limitPolicy struct {
	requestsMax int64 // limitNone without a limit; the upper bound of a learned one
	adaptive    bool
	queueMax    int
	timeout     int64 // of a wait, nanoseconds
}

func newLimitPolicy(c *config.Concurrency) *limitPolicy {
	p := &limitPolicy{
		requestsMax: int64(c.MaxRequests), adaptive: c.Adaptive, queueMax: c.MaxQueue,
		timeout: int64(health.OrDuration(c.QueueTimeout, time.Second)),
	}
	switch {
	case p.requestsMax > 0:
		p.requestsMax = min(p.requestsMax, limitNone)
	case p.adaptive:
		p.requestsMax = learnedMax
	default:
		p.requestsMax = limitNone
	}
	return p
}

// Shed says why an exchange was not let in; its text is the cause the client
// gets and the label reason of isame_shed_total.
type Shed uint8

// The reasons.
const (
	// ShedNone is none: it was let in.
	ShedNone Shed = iota
	// ShedLimit means that the limit is reached and nobody may wait.
	ShedLimit
	// ShedFull means that as many wait already as may.
	ShedFull
	// ShedTimeout means that it has waited as long as one may.
	ShedTimeout
	// ShedLeft means that Cancel was called. It is not counted: nobody was refused.
	ShedLeft
	// Sheds is how many there are.
	Sheds
)

// End is how an exchange ends that was refused for this reason.
func (s Shed) End() end.End {
	return [...]end.End{end.OK, end.ConcurrencyLimit, end.QueueFull, end.QueueTimeout, end.ClientGone}[min(s, ShedLeft)]
}

// String is its word.
func (s Shed) String() string { return s.End().Word() }

func newLimiter(now func() int64, p *limitPolicy) *Limiter {
	l := &Limiter{now: now, gradient: newSampler()}
	l.enforce(p)
	return l
}

// enforce makes p the policy. Who waits is judged by it from now on.
func (l *Limiter) enforce(p *limitPolicy) {
	l.policy.Store(p)
	l.apply(p)
}

// apply sets the limit that p and what was learned make together.
func (l *Limiter) apply(p *limitPolicy) {
	limit := p.requestsMax
	if p.adaptive {
		limit = min(limit, l.gradient.limit.Load())
	}
	if l.limit.Swap(limit) < limit {
		l.wake()
	}
}

// Enter takes a slot if one is free and nobody waits for it. Exactly one Leave
// follows.
func (l *Limiter) Enter() bool {
	for {
		w := l.word.Load()
		if w&waitingMask != 0 || int64(w>>32) >= l.limit.Load() {
			return false
		}
		if l.word.CompareAndSwap(w, w+slotOne) {
			return true
		}
	}
}

// Leave gives a slot back.
func (l *Limiter) Leave() {
	if w := l.word.Add(^uint64(slotOne - 1)); w&waitingMask != 0 {
		l.wake()
	}
}

// wake gives free slots to those that wait.
func (l *Limiter) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grantLocked()
}

func (l *Limiter) grantLocked() {
	for {
		w := l.word.Load()
		if w&waitingMask == 0 || int64(w>>32) >= l.limit.Load() {
			return
		}
		if l.word.CompareAndSwap(w, w+slotOne-1) {
			l.mu.slots.pop(l.standing(&l.mu.slots, l.now())).tell(ShedNone)
		}
	}
}

// InProgress is the number of exchanges that hold a slot.
func (l *Limiter) InProgress() int64 { return int64(l.word.Load() >> 32) }

// Waiting is the number of exchanges in the queue.
func (l *Limiter) Waiting() int64 { return int64(l.word.Load()&waitingMask) + l.placed.Load() }

// Queues reports that exchanges may wait at all.
func (l *Limiter) Queues() bool { return l.policy.Load().queueMax > 0 }

// Refuse says without a lock whether a wait would be refused at once, and counts
// that. It spares the event loop a goroutine for each request of an overload.
func (l *Limiter) Refuse() Shed {
	p := l.policy.Load()
	switch {
	case p.queueMax == 0:
		return l.count(ShedLimit)
	case l.Waiting() >= int64(p.queueMax) && !l.mu.slots.standing(p, l.now()):
		return l.count(ShedFull)
	}
	return ShedNone
}

func (l *Limiter) count(s Shed) Shed {
	if s != ShedLeft {
		l.shed[s].Add(1)
	}
	return s
}

// observe learns from an attempt that was answered after latencyNanos.
func (l *Limiter) observe(nowNanos, latencyNanos int64) {
	p := l.policy.Load()
	if p.adaptive && l.gradient.observe(nowNanos, latencyNanos, l.InProgress(), p.requestsMax) {
		l.apply(p)
	}
}

// status is nil for a pool that limits nothing.
func (l *Limiter) status() *LimiterStatus {
	if l == nil {
		return nil
	}
	p := l.policy.Load()
	s := &LimiterStatus{
		Limit: l.limit.Load(), Adaptive: p.adaptive, InProgress: l.InProgress(), Waiting: l.Waiting(),
		MaxQueue: int64(p.queueMax), Shed: map[string]uint64{},
	}
	if s.Limit == limitNone {
		s.Limit = 0
	}
	for i := ShedLimit; i < ShedLeft; i++ {
		s.Shed[i.String()] = l.shed[i].Load()
	}
	return s
}
