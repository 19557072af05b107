package engine

import (
	"bytes"
	"math"
	"time"

	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// forward begins what all attempts share: atPrepare.
func (x *exchange) forward() phase {
	if x.staged && x.call.Hold > 0 && !x.body.Done() {
		if next := x.hold(); next != atPrepare {
			return next
		}
	}
	if lent := x.aim(); lent >= 0 {
		x.route.fallbacks[lent].Add(x.c.shard.index)
	}
	if x.fwd.pool.announces {
		x.attempt.Client = x.c.announced()
	}
	x.route.retry.Budget.Request(x.startNanos)
	x.prepare()
	if out := x.appendBodyHere(); out != attempt.OK {
		x.keep = false
		return x.reject(answer.ForOutcome(out))
	}
	if x.staged && x.call.Mirror != nil {
		x.beginCopy()
	}
	return atAdmit
}

// aim chooses the pool, and what the first pick there depends on: all that is known of the
// backend before one is picked. lent is the number of the pool of a split that was drawn and
// has nobody, so that another one takes the request; -1 else. Nothing is taken or counted.
func (x *exchange) aim() (lent int) {
	r := x.route
	x.fwd = forwarding{
		pool: r.pools[0], byNanos: x.deadline(), beganNanos: x.startNanos,
		query: pool.Query{Random: random(), NowNanos: x.startNanos},
	}
	if x.isGRPC() {
		x.fwd.byNanos = socket.Earlier(x.fwd.byNanos, deadline(x.startNanos, grpcTimeout(x.head.Lookup("grpc-timeout"))))
	}
	lent = -1
	if r.split != nil {
		lent = x.drawPool()
	} else if r.sticky {
		x.stick()
	}
	if x.staged {
		x.place()
	}
	if x.fwd.pool.hashes {
		x.fwd.query.Hash = x.hash(x.fwd.pool.HashOn())
	}
	return lent
}

// drawPool chooses the pool of a split: the one that the client belongs to, by its cookie
// or its key, else one by weight, and where nobody is to be picked there, another one. lent
// is as aim returns it.
func (x *exchange) drawPool() (lent int) {
	r, f := x.route, &x.fwd
	if r.sticky && x.stick() {
		return -1
	}
	key, keyed := x.splitKey()
	drawn := r.draw(key, keyed, nil)
	f.pool = r.pools[drawn]
	if f.pool.Serves() {
		return -1
	}
	if other := r.draw(key, keyed, func(i int) bool { return r.pools[i].Serves() }); other >= 0 {
		f.pool = r.pools[other]
		return drawn
	}
	return -1
}

// draw is the number of a pool of the split, among those that may take the request: that
// of a key, or one at random; -1 when none may. may nil is all.
func (r *routeEntry) draw(key uint64, keyed bool, may func(int) bool) int {
	switch {
	case keyed:
		return r.split.Of(key, may)
	case may == nil:
		return r.split.Pick(random())
	}
	return r.split.Other(random(), may)
}

// splitKey is what the client is known by in a split; false where it is not. Unlike hash,
// it does not make one client of all that have not the part that is looked at: a share of
// the pools would get all of them, or none.
func (x *exchange) splitKey() (key uint64, ok bool) {
	on := &x.route.splitOn
	switch {
	case !x.route.splitKeyed:
		return 0, false
	case on.Kind != pool.HashSourceIP && len(affinity.Part(*on, &x.head, x.path)) == 0:
		return 0, false
	}
	return x.hash(*on), true
}

// Admission: where a pool limits its exchanges in progress, each takes a slot
// before its first attempt and gives it back when the last byte has gone to the
// client, or nothing more will. Retries and rivals belong to the exchange and
// take no slot of their own; max_requests of a backend counts attempts.
//
// A free slot is taken in the loop. Without one the exchange is refused there, or
// waits in a goroutine. A client that leaves, or is cut, leaves the queue.

// admit takes a slot of the pool, where those are limited: atAdmit.
func (x *exchange) admit() phase {
	l := x.fwd.pool.limiter
	switch {
	case l == nil || x.enterPool():
		return atPick
	case x.waits:
		return x.awaitSlot()
	}
	if s := l.Refuse(); s != pool.ShedNone { // there is no use in waiting
		return x.reject(x.shed(s))
	}
	return aside
}

// enterPool takes a slot if one is free.
func (x *exchange) enterPool() bool {
	f := &x.fwd
	f.entered = f.pool.limiter.Enter()
	return f.entered
}

// leavePool gives the slot back. It does nothing without one.
func (x *exchange) leavePool() {
	if f := &x.fwd; f.entered {
		f.entered = false
		f.pool.limiter.Leave()
	}
}

// shed counts a refusal and is its answer.
func (x *exchange) shed(s pool.Shed) *answer.Reject {
	x.fwd.pool.stats.Shed[s].Add(x.c.shard.index, 1)
	return answer.ForShed(s)
}

// mayAwaitPlace reports that exchanges may wait while all backends are full.
func (x *exchange) mayAwaitPlace() bool {
	l := x.fwd.pool.limiter
	return l != nil && l.Queues()
}

// awaitSlot waits for a slot.
func (x *exchange) awaitSlot() phase {
	defer x.queued(socket.Nanos())
	l := x.fwd.pool.limiter
	w := l.NewWaiter()
	s := l.Join(w, x.fwd.byNanos)
	if s == pool.ShedNone {
		s = x.sleep(w)
	}
	x.fwd.entered = s == pool.ShedNone
	if s != pool.ShedNone {
		return x.unserved(s)
	}
	x.beginAnew()
	return atPick
}

// awaitPlace waits until a backend takes one more attempt.
func (x *exchange) awaitPlace() phase {
	defer x.queued(socket.Nanos())
	l := x.fwd.pool.limiter
	w := l.NewWaiter()
	for {
		if s := l.JoinPlace(w, x.fwd.byNanos); s != pool.ShedNone {
			return x.unserved(s)
		}
		if r := x.acquireAgain(); r != answer.Busy { // a place became free while it joined
			w.Quit()
			return x.picked(r)
		}
		if s := x.sleep(w); s != pool.ShedNone {
			return x.unserved(s)
		}
		r := x.acquireAgain()
		if r == answer.Busy {
			continue
		}
		if r != nil {
			l.PlaceFreed() // not taken: the next one may
		}
		return x.picked(r)
	}
}

// acquireAgain is acquire after a wait.
func (x *exchange) acquireAgain() *answer.Reject {
	x.beginAnew()
	x.fwd.query.Tried, x.fwd.query.Random = pool.Tried{}, random()
	return x.acquire()
}

// beginAnew makes the time of the next attempt begin now.
func (x *exchange) beginAnew() {
	f := &x.fwd
	f.beganNanos = socket.Nanos()
	f.query.NowNanos = f.beganNanos
}

// sleep waits for the verdict on w, or until nobody waits for the exchange.
func (x *exchange) sleep(w *pool.Waiter) pool.Shed { return w.Sleep(x.patience(0).Bell) }

// unserved is what follows on a wait that has not led to a backend.
func (x *exchange) unserved(s pool.Shed) phase {
	if s == pool.ShedLeft {
		return x.leave()
	}
	return x.reject(x.shed(s))
}

// pick chooses a backend for the next attempt: atPick. Where all that may be asked are
// full, and the pool lets exchanges wait for that, the first attempt waits.
func (x *exchange) pick() phase {
	r := x.acquire()
	if r == answer.Busy && x.mayAwaitPlace() {
		if !x.waits {
			return aside
		}
		return x.awaitPlace()
	}
	return x.picked(r)
}

// picked is what follows on acquire.
func (x *exchange) picked(r *answer.Reject) phase {
	if r != nil {
		return x.reject(r)
	}
	return atOpen
}

// acquire picks a member and takes its permit. Members that refuse are left out
// of the next pick, so it ends with the pool's last member at the latest.
func (x *exchange) acquire() *answer.Reject {
	f := &x.fwd
	if m := f.again; m != nil {
		f.again = nil
		if permit, ok := m.Acquire(f.beganNanos); ok {
			x.got(m, permit)
			return nil
		}
	}
	refused, busy := false, false
	for range pool.TriedMax {
		m, index := f.pool.Pick(f.query)
		if m == nil && f.query.Tried.Len() > 0 && !refused {
			m, index = x.pickAgain()
		}
		if m == nil {
			break
		}
		if permit, ok := m.Acquire(f.beganNanos); ok {
			x.got(m, permit)
			return nil
		}
		refused, busy = true, busy || !m.IsEjected()
		f.query.Tried.Add(index)
	}
	switch {
	case f.last != nil:
		return f.last
	case busy:
		return answer.Busy
	}
	cause, after := f.pool.Unavailable()
	if cause == end.OK && refused {
		cause = end.CircuitOpen // just now: the view does not say so yet
	}
	return answer.Unavailable(cause, after)
}

// pickAgain picks among members that were tried, because nobody else is left: those
// before the last one first. So it is no pick of a first attempt, which would take
// another exchange's turn, unless there is one member only.
func (x *exchange) pickAgain() (*pool.Member, int) {
	f := &x.fwd
	f.query.Tried = f.query.Tried.Last()
	if m, index := f.pool.Pick(f.query); m != nil {
		return m, index
	}
	f.query.Tried = pool.Tried{}
	return f.pool.Pick(f.query)
}

// got begins an attempt.
func (x *exchange) got(m *pool.Member, permit pool.Permit) {
	x.fwd.trying = trying{member: m, permit: permit}
	x.attempts++
	x.noteAttempt(m)
	x.backendName = m.Address()
	x.nameHost(m)
	if x.spanEnd > 0 {
		x.traceSpan.Put(x.out, x.spanEnd, x.trail.At())
	}
	x.fwd.hedgeBy = x.hedgeTime()
}

// noteAttempt notes that an attempt begins. What is done before the first one takes time
// only where the head came in parts, or a goroutine may have waited for something.
func (x *exchange) noteAttempt(m *pool.Member) {
	nowNanos := x.fwd.beganNanos
	if nowNanos == x.startNanos && (x.waits || x.slowHead) {
		nowNanos = socket.Nanos()
	}
	x.trail.Begin(x.fwd.pool.recordedAs(m, &x.c.shard.engine.recorder.Names), x.startNanos, nowNanos)
}

// hash is the sum of the part of the request that on names. A request without
// it hashes the empty string: such clients share one backend.
func (x *exchange) hash(on pool.HashOn) uint64 {
	if on.Kind == pool.HashSourceIP {
		ip := x.clientAddr().As16()
		return pool.Sum(ip[:])
	}
	return pool.Sum(affinity.Part(on, &x.head, x.path))
}

// stick finds the backend the client belongs to: the first attempt goes there if
// it may take anything. With a split, the client belongs to its backend's pool; who
// has moved from one to another has a cookie of each, and the one that was given
// last counts. It reports whether there is such a backend.
func (x *exchange) stick() bool {
	youngest := int64(math.MaxInt64)
	for _, p := range x.route.pools {
		s := p.sticky
		if s == nil {
			continue
		}
		i, age := s.Find(affinity.Cookie(&x.head.Head, s.Name), affinity.Minutes(time.Now()))
		if i < 0 || age >= youngest {
			continue
		}
		m := p.Members()[i]
		if !p.Keeps(m) {
			continue
		}
		youngest = age
		x.fwd.pool, x.fwd.again, x.fwd.stuck = p, m, m
		x.fwd.renew = s.IsOld(age)
	}
	return x.fwd.stuck != nil
}

// appendSticky appends the cookie that keeps the client on the backend that
// answers, unless it has one that is good for a while.
func (x *exchange) appendSticky(b []byte) []byte {
	f := &x.fwd
	s := f.pool.sticky
	if s == nil || (f.stuck == f.member && !f.renew) {
		return b
	}
	https := bytes.Equal(x.scheme(), schemeHTTPS)
	return s.Append(b, f.member.Index(), affinity.Minutes(time.Now()), https)
}
