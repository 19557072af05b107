package rate

import (
	"math"
	"time"
)

// Ask is one limit that a request has to pass. The caller sets Limit and Key; Take and
// Peek set the rest, whatever the result. It belongs to one request.
type Ask struct {
	Key   Key
	Limit int // index in the table's definition

	law     *law
	word    uint64
	ahead   int64 // units ahead of the clock, with this request where it passed
	early   int64 // units by which this request is too early, 0 where it is not
	refused bool
	// Where the key stood when it was charged, and what was changed there.
	at          place
	was, became uint64
}

// Result is what a table says to a request.
type Result struct {
	// Decided is the ask that decided: of those that refuse the one that refuses
	// longest, else the one that has the least left.
	Decided int
	Allowed bool
	// Wait is how long an allowed request has to wait before it goes on: its place is
	// taken already.
	Wait time.Duration
	// RetryAfter is the time after which a refused request passes, if nobody comes
	// before it; above 0 then.
	RetryAfter time.Duration
}

// Take asks all limits for one request. It passes if all let it pass; otherwise none
// of them has counted it. At least one ask, at most LimitsMax, each key of a limit once.
//
// nowNanos is the clock that all callers of this table share.
func (t *Table) Take(nowNanos int64, asks []Ask) Result {
	if len(asks) == 1 {
		t.prepare(&asks[0])
		t.charge(&asks[0], nowNanos)
	} else {
		t.takeAll(nowNanos, asks)
	}
	for i := range asks {
		if asks[i].refused {
			t.refuse(&asks[i], nowNanos)
		}
	}
	return decide(asks)
}

// takeAll charges all asks or none. Nearly all that are refused are so before anything
// was written.
func (t *Table) takeAll(nowNanos int64, asks []Ask) {
	if t.lookAll(nowNanos, asks) {
		t.chargeAll(nowNanos, asks)
	}
}

// lookAll reports that all asks would pass, and takes nothing.
func (t *Table) lookAll(nowNanos int64, asks []Ask) bool {
	passes := true
	for i := range asks {
		t.prepare(&asks[i])
		t.look(&asks[i], nowNanos)
		passes = passes && !asks[i].refused
	}
	return passes
}

// chargeAll charges all asks. Where somebody was faster since they were looked at, what
// was charged is given back.
func (t *Table) chargeAll(nowNanos int64, asks []Ask) {
	for i := range asks {
		t.charge(&asks[i], nowNanos)
		if !asks[i].refused {
			continue
		}
		for j := range asks[:i] {
			asks[j].giveBack(nowNanos)
		}
		return
	}
}

// Peek says how the keys stand, and takes nothing.
func (t *Table) Peek(nowNanos int64, asks []Ask) Result {
	t.lookAll(nowNanos, asks)
	return decide(asks)
}

func (t *Table) prepare(a *Ask) {
	a.law, a.word = &t.laws[a.Limit], word(a.Key, a.Limit)
}

// decide is what the asks say together.
func decide(asks []Ask) Result {
	r := Result{Allowed: true}
	least := int64(math.MaxInt64)
	for i := range asks {
		a := &asks[i]
		switch {
		case a.refused:
			r.Allowed, r.Wait = false, 0
			if after := a.law.nanos(a.early); after > r.RetryAfter {
				r.Decided, r.RetryAfter = i, after
			}
		case r.Allowed:
			r.Wait = max(r.Wait, a.law.nanos(a.early))
			if left := a.Remaining(); left < least {
				r.Decided, least = i, left
			}
		}
	}
	return r
}

// judge says whether a key that is so far ahead lets a request pass.
func (a *Ask) judge(ahead int64) {
	a.ahead = ahead
	a.early = max(0, ahead+a.law.interval-a.law.tolerance)
	a.refused = a.early > a.law.delay
}

// look judges an ask, and takes nothing.
func (t *Table) look(a *Ask, nowNanos int64) {
	a.judge(t.aheadOf(a.word, nowNanos))
	if a.law.block == 0 {
		return
	}
	if until := t.aheadOf(a.word|keyBlock, nowNanos); until > 0 {
		a.early, a.refused = max(a.early, until), true
	}
}

// aheadOf is how many units the key of a word is ahead of the clock.
func (t *Table) aheadOf(word uint64, nowNanos int64) int64 {
	if p, ok := t.find(word); ok {
		if value, ok := p.read(word); ok {
			return t.ahead(word, value, nowNanos)
		}
	}
	return 0
}

// charge lets a request pass one limit, or not. A turn of its loop that fails is one
// in which somebody else has passed, or the key was put in or out.
func (t *Table) charge(a *Ask, nowNanos int64) {
	w := a.law
	if w.block > 0 {
		t.look(a, nowNanos)
		if a.refused {
			return
		}
	}
	now := w.units(nowNanos)
	for {
		p, ok := t.find(a.word)
		if !ok {
			a.judge(0)
			if p, value, inserted := t.insert(a.word, w.interval, nowNanos); inserted {
				a.charged(p, now, value)
				return
			}
			continue
		}
		value, ok := p.read(a.word)
		if !ok {
			continue
		}
		a.judge(w.ahead(value, now))
		if a.refused {
			return
		}
		p.touch(classAgain, nowNanos) // before the value: giveBack relies on it
		next := uint64(now+a.ahead+w.interval)<<stampBits | value&stampMask
		if p.b.value[p.i].CompareAndSwap(value, next) {
			a.charged(p, now, next)
			return
		}
	}
}

// charged notes what a charge has changed: the key's value, which is became now.
func (a *Ask) charged(p place, now int64, became uint64) {
	a.at, a.became = p, became
	a.was = uint64(now+a.ahead)<<stampBits | became&stampMask
	a.ahead += a.law.interval
}

// refuse notes that a key was refused, and blocks it where the limit says so.
func (t *Table) refuse(a *Ask, nowNanos int64) {
	if p, ok := t.find(a.word); ok {
		p.touch(classRefused, nowNanos)
	}
	if a.law.block == 0 {
		return
	}
	for {
		p, ok := t.find(a.word | keyBlock)
		if !ok {
			if _, _, inserted := t.insert(a.word|keyBlock, a.law.block, nowNanos); inserted {
				a.early = max(a.early, a.law.block)
				return
			}
			continue
		}
		value, ok := p.read(a.word | keyBlock)
		if !ok {
			continue
		}
		p.touch(classRefused, nowNanos)
		now := a.law.units(nowNanos)
		if until := a.law.ahead(value, now); until > 0 {
			a.early = max(a.early, until)
			return
		}
		if p.b.value[p.i].CompareAndSwap(value, uint64(now+a.law.block)<<stampBits|value&stampMask) {
			a.early = max(a.early, a.law.block)
			return
		}
	}
}

// giveBack takes back what a request was charged that another limit has refused.
//
// It never gives back too much. If the key stands as the request has left it, it gets
// what it was. Otherwise others have passed since, as many as the intervals by which it
// has moved. Without this request they would have moved it as far from where it was,
// or from the latest time that any of them can have had, which its use tells; it goes
// back no further than the later of both. When somebody else has given back meanwhile,
// or the place has changed hands, as the stamp tells, nothing can be said: then the
// interval stays charged. That takes three requests of one key within some hundred
// nanoseconds, two of them refused by a limit that had let them pass just before.
func (a *Ask) giveBack(nowNanos int64) {
	w, word := a.law, &a.at.b.value[a.at.i]
	for {
		value := word.Load()
		if (value^a.became)&stampMask != 0 {
			return
		}
		// All in units from where the key was.
		gone := int64(value-a.was) >> stampBits
		back := gone - w.interval
		if others := gone - w.interval; others != 0 {
			latest := w.units(max(nowNanos, int64(a.at.b.use[a.at.i].Load()|classBits)+touchNanos))
			floor := int64(uint64(latest)<<stampBits-a.was&^stampMask) >> stampBits
			back = max(back, floor+(others+w.interval-1)>>w.shift<<w.shift)
		}
		if back >= gone {
			return // the charge has passed by itself
		}
		next := (a.was&^stampMask + uint64(back)<<stampBits) | (value+1)&stampMask
		if word.CompareAndSwap(value, next) {
			a.ahead = max(0, a.ahead-w.interval)
			return
		}
	}
}

// Remaining is how many requests of this key would pass at once now.
func (a *Ask) Remaining() int64 {
	if a.refused {
		return 0
	}
	return max(0, a.law.tolerance-a.ahead) >> a.law.shift
}

// Reset is how long it takes until the key may have its whole burst again.
func (a *Ask) Reset() time.Duration {
	if a.refused {
		return a.law.nanos(max(a.ahead, a.early))
	}
	return a.law.nanos(a.ahead)
}

// Refused reports that this limit is one of those that refuse.
func (a *Ask) Refused() bool { return a.refused }
