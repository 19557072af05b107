package engine

import (
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Admission: where a pool limits its exchanges in progress, each takes a slot
// before its first attempt and gives it back when the last byte has gone to the
// client, or nothing more will. Retries and rivals belong to the exchange and
// take no slot of their own; max_requests of a backend counts attempts.
//
// A free slot is taken in the loop. Without one the exchange is refused there, or
// waits in a goroutine. A client that leaves, or is cut, leaves the queue.

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

// refuseEntry is the answer where there is no use in waiting; nil where there is.
func (x *exchange) refuseEntry() *answer.Reject {
	if s := x.fwd.pool.limiter.Refuse(); s != pool.ShedNone {
		return x.shed(s)
	}
	return nil
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

// acquireFirst is acquire for the first attempt, in a goroutine: it waits for a
// slot where there is a limit, and for a backend that has a place. ClientGone:
// nobody waits any more.
func (x *exchange) acquireFirst() (attempt.Outcome, *answer.Reject) {
	f := &x.fwd
	if f.pool.limiter != nil && !f.entered {
		if out, r := x.awaitSlot(); out != attempt.OK || r != nil {
			return out, r
		}
	}
	r := x.acquire()
	if r == answer.Busy && x.mayAwaitPlace() {
		return x.awaitPlace()
	}
	return attempt.OK, r
}

// awaitSlot waits for a slot.
func (x *exchange) awaitSlot() (attempt.Outcome, *answer.Reject) {
	l := x.fwd.pool.limiter
	w := l.NewWaiter()
	s := l.Join(w, x.fwd.byNanos)
	if s == pool.ShedNone {
		s = x.sleep(w)
	}
	x.fwd.entered = s == pool.ShedNone
	return x.awaited(s)
}

// awaitPlace waits until a backend takes one more attempt.
func (x *exchange) awaitPlace() (attempt.Outcome, *answer.Reject) {
	l := x.fwd.pool.limiter
	w := l.NewWaiter()
	for {
		if s := l.JoinPlace(w, x.fwd.byNanos); s != pool.ShedNone {
			return x.awaited(s)
		}
		if r := x.acquireAgain(); r != answer.Busy { // a place became free while it joined
			w.Quit()
			return attempt.OK, r
		}
		if out, r := x.awaited(x.sleep(w)); out != attempt.OK || r != nil {
			return out, r
		}
		r := x.acquireAgain()
		if r != answer.Busy {
			if r != nil {
				l.PlaceFreed() // not taken: the next one may
			}
			return attempt.OK, r
		}
	}
}

// acquireAgain is acquire after a wait.
func (x *exchange) acquireAgain() *answer.Reject {
	f := &x.fwd
	f.beganNanos = socket.Nanos()
	f.query.Tried, f.query.Random, f.query.NowNanos = pool.Tried{}, random(), f.beganNanos
	return x.acquire()
}

// sleep waits for the verdict on w, or until nobody waits for the exchange.
func (x *exchange) sleep(w *pool.Waiter) pool.Shed { return w.Sleep(x.patience(0).Bell) }

// awaited is what follows on the end of a wait.
func (x *exchange) awaited(s pool.Shed) (attempt.Outcome, *answer.Reject) {
	f := &x.fwd
	f.beganNanos = socket.Nanos() // the attempt's time begins now
	f.query.NowNanos = f.beganNanos
	switch s { //nolint:exhaustive // the others are refusals
	case pool.ShedNone:
		return attempt.OK, nil
	case pool.ShedLeft:
		return attempt.ClientGone, nil
	}
	return attempt.OK, x.shed(s)
}
