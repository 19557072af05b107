package pool

import (
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// The circuit breaker of a backend is one word. Every transition is one
// compare-and-swap of it, and nothing else has to be published with it.
//
//	63 62 61           42 41                                   0
//	+----+---------------+-------------------------------------+
//	|state| generation   | payload                             |
//	+----+---------------+-------------------------------------+
//	  0 closed             failures in a row (bits 15-0)
//	  1 half-open          since, in 100 ms (41-16) | trials let in (15-8) | trials that were good (7-0)
//	  2 open               until, in ms of the clock of nowNanos (41-0)
//
//	            failures in a row, or their share: open()
//	  closed ---------------------------------------------> open
//	    ^                                                    |  open_for passed: the next admit,
//	    | half_open_requests good ones                       |  or a good probe: lift()
//	    |                                                    v
//	    +------------------- half-open <---------------------+
//	                            |  one bad trial, with a new open_for
//	                            +--------------------------> open
//
// Every arrow adds one to the generation. A permit remembers the generation it
// was given in, and a result of another one is ignored: requests that began
// before the breaker opened, and end after it closed, change nothing. A
// generation comes round after a million transitions; a result that late would
// count as one failure or success too many.
//
// Trials whose results do not come (a long poll, a tunnel) cannot hold the
// breaker half-open for ever: after another open_for a new generation of
// trials is let in.
//
// A stale read is harmless: admit may let in a request just when the breaker
// opens (it is one of those in flight then), or refuse one just when it closes
// (the caller picks again). The word is a fact about the backend as one pool has
// met it (standing) and survives a reload; thresholds are passed in by the
// generation that asks.
type breaker struct{ word atomic.Uint64 }

type breakerState uint8

const (
	breakerClosed breakerState = iota
	breakerHalfOpen
	breakerOpen
)

func (s breakerState) String() string {
	switch s {
	case breakerHalfOpen:
		return "half-open"
	case breakerOpen:
		return "open"
	case breakerClosed:
	}
	return "closed"
}

const (
	payloadBits    = 42
	payloadMask    = 1<<payloadBits - 1
	generationMask = 1<<20 - 1
	runMax         = 1<<16 - 1 // failures in a row stop counting here
	trialsMax      = 1<<8 - 1
	sinceMask      = 1<<26 - 1
	sinceNanos     = int64(100 * time.Millisecond)
)

// breakerPolicy is what one generation of a pool asks of its breakers.
type breakerPolicy struct {
	// runMin failures in a row open it; 0 switches this rule off.
	runMin uint64
	// percent of the results in the window open it, from resultsMin results on;
	// 0 switches this rule off.
	percent    float64
	resultsMin uint64
	openNanos  int64
	// trials are let in half-open, and all must be good.
	trials uint64
}

// Permit is what Acquire gives and Release takes back. It is a plain value; the
// zero Permit belongs to no acquire.
type Permit struct {
	beganNanos int64 // set by Acquire
	generation uint32
	trial      bool
}

// result is what an outcome means to a breaker.
type result uint8

const (
	resultNeutral result = iota
	resultGood
	resultBad
)

// event is what a result did to the breaker.
type event uint8

const (
	eventNone event = iota
	// eventTrip asks the caller to open the breaker, if the pool can spare the backend.
	eventTrip
	eventReopened
	eventClosed
)

// Effect is what an attempt has done to the circuit breaker of its member.
type Effect uint8

// The effects.
const (
	EffectNone Effect = iota
	EffectOpened
	EffectClosed
)

// IsTrial reports that a breaker that is half-open has let the attempt through, to see how
// it ends.
func (k Permit) IsTrial() bool { return k.trial }

func packWord(s breakerState, generation uint32, payload uint64) uint64 {
	return uint64(s)<<62 | uint64(generation&generationMask)<<payloadBits | payload&payloadMask
}

func packTrials(nowNanos int64, admitted, good uint64) uint64 {
	return (uint64(nowNanos/sinceNanos)&sinceMask)<<16 | admitted<<8 | good
}

func stateOf(w uint64) breakerState { return breakerState(w >> 62) }
func generationOf(w uint64) uint32  { return uint32(w>>payloadBits) & generationMask }
func untilNanosOf(w uint64) int64   { return int64(w&payloadMask) * int64(time.Millisecond) }
func admittedOf(w uint64) uint64    { return w >> 8 & trialsMax }
func goodOf(w uint64) uint64        { return w & trialsMax }

// sinceOver reports whether a half-open generation is older than limit.
func sinceOver(w uint64, nowNanos, limitNanos int64) bool {
	age := (uint64(nowNanos/sinceNanos) - w>>16&sinceMask) & sinceMask
	return int64(age)*sinceNanos > limitNanos
}

// admit asks for one request. It is called for every request, and costs one
// load while the breaker is closed.
func (b *breaker) admit(p *breakerPolicy, nowNanos int64) (Permit, bool) {
	if w := b.word.Load(); stateOf(w) == breakerClosed {
		return Permit{generation: generationOf(w)}, true
	}
	return b.admitTrial(p, nowNanos)
}

func (b *breaker) admitTrial(p *breakerPolicy, nowNanos int64) (Permit, bool) {
	for { // a lost round means that another request changed the word
		w := b.word.Load()
		g := generationOf(w)
		var next uint64
		switch stateOf(w) {
		case breakerClosed:
			return Permit{generation: g}, true
		case breakerOpen:
			if nowNanos < untilNanosOf(w) {
				return Permit{}, false
			}
			next = packWord(breakerHalfOpen, g+1, packTrials(nowNanos, 1, 0))
		default:
			switch {
			case admittedOf(w) < p.trials:
				next = w + 1<<8
			case sinceOver(w, nowNanos, p.openNanos):
				next = packWord(breakerHalfOpen, g+1, packTrials(nowNanos, 1, 0))
			default:
				return Permit{}, false
			}
		}
		if b.word.CompareAndSwap(w, next) {
			return Permit{generation: generationOf(next), trial: true}, true
		}
	}
}

// done hands in the result of an admitted request, exactly once for each.
func (b *breaker) done(k Permit, r result, p *breakerPolicy, w *window, nowNanos int64) event {
	if k.trial {
		return b.doneTrial(k, r, p, nowNanos)
	}
	if r == resultNeutral {
		return eventNone
	}
	if p.percent > 0 {
		w.add(nowNanos, uint64(r-resultGood))
	}
	for {
		old := b.word.Load()
		if generationOf(old) != k.generation || stateOf(old) != breakerClosed {
			return eventNone
		}
		run := old & runMax
		if r == resultGood {
			if run == 0 || b.word.CompareAndSwap(old, old-run) {
				return eventNone
			}
			continue
		}
		if run < runMax && !b.word.CompareAndSwap(old, old+1) {
			continue
		}
		if p.runMin > 0 && run+1 >= p.runMin || p.overShare(w, nowNanos) {
			return eventTrip
		}
		return eventNone
	}
}

func (b *breaker) doneTrial(k Permit, r result, p *breakerPolicy, nowNanos int64) event {
	for {
		old := b.word.Load()
		if generationOf(old) != k.generation || stateOf(old) != breakerHalfOpen {
			return eventNone
		}
		next, e := old, eventNone
		switch {
		case r == resultBad:
			next, e = packWord(breakerOpen, k.generation+1, untilMillis(nowNanos, p.openNanos)), eventReopened
		case r == resultNeutral:
			next -= 1 << 8 // the trial proved nothing: its place is free again
		case goodOf(old)+1 >= p.trials:
			next, e = packWord(breakerClosed, k.generation+1, 0), eventClosed
		default:
			next++
		}
		if b.word.CompareAndSwap(old, next) {
			return e
		}
	}
}

func (p *breakerPolicy) overShare(w *window, nowNanos int64) bool {
	if p.percent <= 0 {
		return false
	}
	total, failed := w.sum(nowNanos)
	return total >= p.resultsMin && float64(failed)*100 >= p.percent*float64(total)
}

// untilMillis rounds up, so that an open breaker never lets in early. It ends with what
// the word can say.
func untilMillis(nowNanos, openNanos int64) uint64 {
	until := socket.After(nowNanos, time.Duration(openNanos))
	millis := uint64(until / int64(time.Millisecond))
	if until%int64(time.Millisecond) != 0 {
		millis++
	}
	return min(millis, payloadMask)
}

// open opens a closed breaker on behalf of a permit of its generation, and
// reports whether it was this call that did.
func (b *breaker) open(k Permit, p *breakerPolicy, nowNanos int64) bool {
	for {
		old := b.word.Load()
		if generationOf(old) != k.generation || stateOf(old) != breakerClosed {
			return false
		}
		if b.word.CompareAndSwap(old, packWord(breakerOpen, k.generation+1, untilMillis(nowNanos, p.openNanos))) {
			return true
		}
	}
}

// lift ends the wait of an open breaker: a probe saw the backend well, so
// trials may begin now. It reports whether there was a wait.
func (b *breaker) lift(nowNanos int64) bool {
	for {
		old := b.word.Load()
		if stateOf(old) != breakerOpen || untilNanosOf(old) <= nowNanos {
			return false
		}
		if b.word.CompareAndSwap(old, packWord(breakerOpen, generationOf(old), uint64(nowNanos/int64(time.Millisecond)))) {
			return true
		}
	}
}

// state is the state as it is shown: an open breaker whose time is over is half-open.
func (b *breaker) state(nowNanos int64) breakerState {
	w := b.word.Load()
	if stateOf(w) == breakerOpen && nowNanos >= untilNanosOf(w) {
		return breakerHalfOpen
	}
	return stateOf(w)
}

// waitNanos is how long the breaker still refuses everything; 0 when it does not.
func (b *breaker) waitNanos(nowNanos int64) int64 {
	w := b.word.Load()
	if stateOf(w) != breakerOpen {
		return 0
	}
	return max(untilNanosOf(w)-nowNanos, 0)
}

// closed reports whether requests pass unhindered.
func (b *breaker) closed() bool { return stateOf(b.word.Load()) == breakerClosed }

// breakerNews is what others know of a breaker, and from which word. A stage counts the
// states that a breaker has gone through: twice its generation, plus 1 for an open one
// whose time is over. What is told late, by a slower goroutine, is older and not news.
type breakerNews struct {
	state breakerState
	stage uint32
}

const stageBits = 21

func stageOf(generation uint32, isOver bool) uint32 {
	stage := generation & generationMask << 1
	if isOver {
		stage++
	}
	return stage
}

// take makes a state of the breaker what others know, and reports that it is news.
func (n *breakerNews) take(state breakerState, stage uint32) bool {
	if (stage-n.stage)&(1<<stageBits-1) >= 1<<(stageBits-1) {
		return false
	}
	isNews := n.state != state
	*n = breakerNews{state, stage}
	return isNews
}
