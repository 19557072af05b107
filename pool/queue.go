package pool

import (
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// standingAfter is how long a queue may go without being empty before it counts
// as overload: a burst is gone by then. Facebook's services use the same 100 ms
// (Maurer, "Fail at Scale", ACM Queue 2015), and so does CoDel (RFC 8289).
const standingAfter = 100 * time.Millisecond

// Under overload a wait is bounded by this share of queue_timeout, but not by
// less than hurryShortest.
const (
	hurryShare    = 10
	hurryShortest = 10 * time.Millisecond
)

// queue is who waits, oldest first. While it is short-lived it is served oldest
// first. When it has not been empty for standingAfter (or half of queue_timeout)
// more comes than can be served, and whoever is served last in line has a client
// that is about to give up: then the newest is served first, waits are short,
// and when the queue is full it is the oldest that goes. All but the newest: as
// long as somebody waits at all, the next free slot is used.
//
// Its limiter's mutex guards it; since alone may be read without.
type queue struct {
	oldest, newest *Waiter
	length         int
	since          atomic.Int64 // Nanos at which it last was empty; 0 while it is
}

// standing reports that the queue means overload.
func (q *queue) standing(p *limitPolicy, nowNanos int64) bool {
	since := q.since.Load()
	return since != 0 && nowNanos-since > min(int64(standingAfter), p.timeout/2)
}

func (l *Limiter) standing(q *queue, nowNanos int64) bool {
	return q.standing(l.policy.Load(), nowNanos)
}

// push adds w behind the others, or before them when it has been in front.
func (q *queue) push(w *Waiter, nowNanos int64) {
	w.in = q
	switch {
	case q.length == 0:
		q.oldest, q.newest = w, w
		q.since.Store(max(nowNanos, 1))
	case w.beganNanos < q.oldest.beganNanos:
		w.next, q.oldest.prev, q.oldest = q.oldest, w, w
	default:
		w.prev, q.newest.next, q.newest = q.newest, w, w
	}
	q.length++
}

func (q *queue) remove(w *Waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.oldest = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.newest = w.prev
	}
	w.prev, w.next, w.in = nil, nil, nil
	q.length--
	if q.length == 0 {
		q.since.Store(0)
	}
}

// pop takes out whose turn it is. The queue is not empty.
func (q *queue) pop(newestFirst bool) *Waiter {
	w := q.oldest
	if newestFirst {
		w = q.newest
	}
	q.remove(w)
	return w
}

// Waiter is one exchange in a queue. Its goroutine makes it, joins and sleeps;
// Cancel may be called by anybody at any time.
type Waiter struct {
	limiter    *Limiter
	beganNanos int64 // of the wait; 0 before it
	hurryBy    int64 // the end of a wait under overload
	endBy      int64 // the end of any wait
	verdict    chan Shed

	// Guarded by the limiter's mutex. in is nil when a verdict was given, or is
	// not wanted.
	in         *queue
	prev, next *Waiter
}

// NewWaiter is an exchange that does not wait yet.
func (l *Limiter) NewWaiter() *Waiter { return &Waiter{limiter: l, verdict: make(chan Shed, 1)} }

// tell gives the verdict. w is in no queue any more, so it is given once a Join.
func (w *Waiter) tell(s Shed) { w.verdict <- s }

// Join begins to wait for a slot, at most until byNanos (0: as the policy says).
// When it returns ShedNone Sleep has the verdict; anything else is the verdict.
func (l *Limiter) Join(w *Waiter, byNanos int64) Shed {
	l.mu.Lock()
	defer l.mu.Unlock()
	nowNanos := l.now()
	for {
		word := l.word.Load()
		if word&waitingMask == 0 && int64(word>>32) < l.limit.Load() {
			if l.word.CompareAndSwap(word, word+slotOne) {
				w.tell(ShedNone)
				return ShedNone
			}
			continue
		}
		if s := l.roomLocked(&l.mu.slots, nowNanos); s != ShedNone {
			return l.count(s)
		}
		break
	}
	l.waitLocked(w, &l.mu.slots, nowNanos, byNanos)
	l.word.Add(1)
	l.grantLocked()
	return ShedNone
}

// JoinPlace begins to wait for a place at a backend; the exchange has its slot.
// The caller asks the backends once more before it sleeps: see PlaceFreed.
func (l *Limiter) JoinPlace(w *Waiter, byNanos int64) Shed {
	l.mu.Lock()
	defer l.mu.Unlock()
	nowNanos := l.now()
	if w.beganNanos == 0 {
		if s := l.roomLocked(&l.mu.places, nowNanos); s != ShedNone {
			return l.count(s)
		}
	}
	l.waitLocked(w, &l.mu.places, nowNanos, byNanos)
	l.placed.Add(1)
	return ShedNone
}

// roomLocked makes room in q for one more.
func (l *Limiter) roomLocked(q *queue, nowNanos int64) Shed {
	p := l.policy.Load()
	switch {
	case p.queueMax == 0:
		return ShedLimit
	case l.mu.slots.length+l.mu.places.length < p.queueMax:
		return ShedNone
	case q.length == 0 || !q.standing(p, nowNanos):
		return ShedFull
	}
	l.refuseLocked(q.oldest, ShedFull)
	return ShedNone
}

// waitLocked puts w into q. A wait that goes on keeps its place and its end.
func (l *Limiter) waitLocked(w *Waiter, q *queue, nowNanos, byNanos int64) {
	if w.beganNanos == 0 {
		p := l.policy.Load()
		w.beganNanos = nowNanos
		w.endBy = socket.After(nowNanos, time.Duration(p.timeout))
		if byNanos != 0 {
			w.endBy = min(w.endBy, byNanos)
		}
		w.hurryBy = min(w.endBy, socket.After(nowNanos, time.Duration(max(p.timeout/hurryShare, int64(hurryShortest)))))
	}
	if last := q.newest; last != nil && last.beganNanos < w.beganNanos && last.late(q.standing(l.policy.Load(), nowNanos), nowNanos) {
		l.refuseLocked(last, ShedTimeout) // it was spared as the newest
	}
	q.push(w, nowNanos)
}

// late reports that the wait is over.
func (w *Waiter) late(standing bool, nowNanos int64) bool {
	return nowNanos >= w.endBy || (standing && nowNanos >= w.hurryBy)
}

func (l *Limiter) removeLocked(w *Waiter) {
	if w.in == &l.mu.slots {
		l.word.Add(^uint64(0))
	} else {
		l.placed.Add(-1)
	}
	w.in.remove(w)
}

func (l *Limiter) refuseLocked(w *Waiter, s Shed) {
	l.removeLocked(w)
	w.tell(l.count(s))
}

// Sleep waits for the verdict of a Join or JoinPlace, or until the bell, which may be
// nil, rings: then nobody wants it any more.
func (w *Waiter) Sleep(bell *socket.Bell) Shed {
	t := time.NewTimer(time.Duration(w.hurryBy - w.limiter.now()))
	defer t.Stop()
	for {
		select {
		case s := <-w.verdict:
			return s
		case <-bell.Rung():
			w.Cancel()
			return <-w.verdict // ours, or one that came just before
		case <-t.C:
			if again := w.limiter.expire(w, w.limiter.now()); again > 0 {
				t.Reset(time.Duration(again))
			}
		}
	}
}

// expire ends the wait of w if it is late, and says otherwise in how many
// nanoseconds to look again. 0: there is a verdict.
func (l *Limiter) expire(w *Waiter, nowNanos int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := w.in
	switch {
	case q == nil:
		return 0
	case nowNanos >= w.endBy:
	case w == q.newest:
		return w.endBy - nowNanos // who comes next tells it to go, if it must
	case nowNanos < w.hurryBy:
		return w.hurryBy - nowNanos
	case !l.standing(q, nowNanos):
		since := q.since.Load() + min(int64(standingAfter), l.policy.Load().timeout/2)
		return min(w.endBy, max(since, nowNanos)+int64(time.Millisecond)) - nowNanos
	}
	l.refuseLocked(w, ShedTimeout)
	return 0
}

// Cancel ends the wait because nobody is there any more who would want it. It
// does nothing once there is a verdict.
func (w *Waiter) Cancel() {
	l := w.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.in != nil {
		l.refuseLocked(w, ShedLeft)
	}
}

// Quit leaves the queue for a place, because one was found while joining. A
// verdict that came meanwhile is passed on to the next.
func (w *Waiter) Quit() {
	l := w.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.in != nil {
		l.removeLocked(w)
		return
	}
	if <-w.verdict == ShedNone {
		l.placeLocked()
	}
}

// PlaceFreed wakes whose turn it is to ask for a place at a backend, and reports
// whether anybody waits. Who is woken and finds no place joins again, in front;
// who has found one in another way calls it for the next.
func (l *Limiter) PlaceFreed() bool {
	if l.placed.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.placeLocked()
}

func (l *Limiter) placeLocked() bool {
	q := &l.mu.places
	if q.length == 0 {
		return false
	}
	l.placed.Add(-1)
	q.pop(l.standing(q, l.now())).tell(ShedNone)
	return true
}

// placesChanged wakes all that wait for a place: other backends may be picked now.
func (l *Limiter) placesChanged() {
	for range l.placed.Load() {
		l.PlaceFreed()
	}
}
