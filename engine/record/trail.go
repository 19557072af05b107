package record

import (
	"math"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// Trail is what an exchange notes of its attempts while it runs. Whoever has the exchange
// owns it; the zero value is one without an attempt. Moments are Nanos of one clock.
type Trail struct {
	// Read is how long the head of the request took to come; 0: it came at once.
	Read Short

	admit      Short // until the first attempt began
	began      uint8 // attempts, rivals too
	rivals     uint8 // of these
	at         uint8 // place of the attempt under way
	beganNanos int64 // and when it began
	tries      [triesKept]Try
}

// Begin begins an attempt, which is then the one under way.
func (t *Trail) Begin(backend uint32, startNanos, nowNanos int64) {
	if t.began == 0 {
		t.admit = ShortOf(time.Duration(nowNanos - startNanos))
	}
	t.at, t.beganNanos = t.add(backend, startNanos, nowNanos), nowNanos
}

// At is the place of the attempt under way among those that are kept.
func (t *Trail) At() uint8 { return t.at }

// BeganNanos is when the attempt under way began.
func (t *Trail) BeganNanos() int64 { return t.beganNanos }

// add begins an attempt at the next place; the last one holds whichever came last.
func (t *Trail) add(backend uint32, startNanos, nowNanos int64) uint8 {
	at := min(t.began, triesKept-1)
	if t.began < math.MaxUint8 {
		t.began++
	}
	t.tries[at] = Try{Backend: backend, Began: ShortOf(time.Duration(nowNanos - startNanos))}
	return at
}

// Connection is what an attempt has got: how long that took, and where it was used before,
// since when it existed and had waited; 0 is not known.
type Connection struct {
	TookNanos             int64
	Reused                bool
	MadeNanos, IdledNanos int64
}

// Opened notes the connection of the attempt under way.
func (t *Trail) Opened(c Connection) {
	try := &t.tries[t.at]
	try.Connect = ShortOf(time.Duration(c.TookNanos))
	if !c.Reused {
		return
	}
	try.what |= tryReused
	if c.MadeNanos > 0 {
		try.Age = AgeOf(time.Duration(t.beganNanos - c.MadeNanos))
	}
	if c.IdledNanos > 0 {
		try.Idle = ShortOf(time.Duration(t.beganNanos - c.IdledNanos))
	}
}

// Ended notes how the attempt under way has ended, with the status of its answer and when
// the head of that came; 0 without one, and then it is now that counts.
func (t *Trail) Ended(e end.End, status int, headNanos, nowNanos int64) {
	try := &t.tries[t.at]
	try.End = e
	if headNanos > 0 {
		try.what = try.what&^statusMask | uint16(status)&statusMask
		nowNanos = headNanos
	}
	try.Answer = ShortOf(time.Duration(nowNanos - t.beganNanos))
}

// Breaker is what an attempt was to the circuit breaker of its backend.
type Breaker uint8

// What it may be, also both of a trial and what that has done.
const (
	BreakerTrial  Breaker = 1 << iota // a half-open breaker has let it through
	BreakerOpened                     // its end has opened the breaker
	BreakerClosed                     // or closed it
)

// Met notes what the attempt under way was to a breaker, behind its end.
func (t *Trail) Met(b Breaker) { t.tries[t.at].what |= uint16(b) << breakerShift }

// Rival notes an attempt beside the one under way, which is not needed unless something
// else is said of it, and returns its place.
func (t *Trail) Rival(backend uint32, startNanos, nowNanos int64) (place uint8) {
	place = t.add(backend, startNanos, nowNanos)
	if t.rivals < math.MaxUint8 {
		t.rivals++
	}
	t.tries[place].what |= tryRival
	t.tries[place].End = end.Outrun
	return place
}

// Won makes a rival the attempt under way. Its place may have been taken by a later one.
func (t *Trail) Won(place uint8, backend uint32, startNanos, beganNanos int64) {
	t.at, t.beganNanos = place, beganNanos
	t.tries[place] = Try{
		Backend: backend, Began: ShortOf(time.Duration(beganNanos - startNanos)), what: tryRival | tryWon,
	}
}

// Failed notes how a rival has ended where none has won, and what it was to a breaker.
func (t *Trail) Failed(place uint8, e end.End, b Breaker) {
	t.tries[place].End = e
	t.tries[place].what |= uint16(b) << breakerShift
}

// Into copies the trail into the record.
func (t *Trail) Into(r *Record) {
	r.Read, r.Admit, r.Tried, r.Rivals, r.Tries = t.Read, t.admit, t.began, t.rivals, t.tries
}
