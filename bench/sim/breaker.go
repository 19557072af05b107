package sim

import "time"

// The rules of the pool's breaker at their defaults.
const (
	breakerRun         = 5 // failures in a row
	breakerPercent     = 50
	breakerResultsMin  = 20
	breakerWindowNanos = int64(10 * time.Second)
	breakerOpenNanos   = int64(10 * time.Second)
	breakerTrials      = 3
	ejectedPercentMax  = 50
)

type breakerState uint8

const (
	closed breakerState = iota
	halfOpen
	open
)

// breaker of one backend in one proxy. The zero value is closed.
//
// Closed, it counts failures in a row, and results in two halves of the window:
// when the current half is over it becomes the previous one. Open, it lets
// nothing in until its time is over; half-open a few trials, which must all be
// good.
type breaker struct {
	state      breakerState
	generation uint32
	run        int
	half       int64 // number of the current half-window
	now, past  tally
	untilNanos int64
	admitted   int
	good       int
}

type tally struct{ total, failed int }

// permit ties a result to the generation it belongs to, as the pool's does.
type permit struct {
	generation uint32
	trial      bool
}

// admit asks for one request.
func (b *breaker) admit(nowNanos int64) (permit, bool) {
	if b.state == open {
		if nowNanos < b.untilNanos {
			return permit{}, false
		}
		b.enter(halfOpen)
	}
	if b.state == closed {
		return permit{generation: b.generation}, true
	}
	if b.admitted == breakerTrials {
		return permit{}, false
	}
	b.admitted++
	return permit{b.generation, true}, true
}

func (b *breaker) enter(s breakerState) {
	*b = breaker{state: s, generation: b.generation + 1, half: b.half}
}

// open lets nothing in for a while.
func (b *breaker) open(nowNanos int64) {
	b.enter(open)
	b.untilNanos = nowNanos + breakerOpenNanos
}

// wantsOpen counts a result of a closed breaker and says whether it should open.
func (b *breaker) wantsOpen(failed bool, nowNanos int64) bool {
	if half := nowNanos / (breakerWindowNanos / 2); half != b.half {
		b.past = tally{}
		if half == b.half+1 {
			b.past = b.now
		}
		b.now, b.half = tally{}, half
	}
	b.now.total++
	if !failed {
		b.run = 0
		return false
	}
	b.now.failed++
	b.run++
	total, bad := b.now.total+b.past.total, b.now.failed+b.past.failed
	return b.run >= breakerRun || total >= breakerResultsMin && bad*100 >= breakerPercent*total
}

// trialDone counts a trial of a half-open breaker; changed says that it closed
// or opened again.
func (b *breaker) trialDone(failed bool, nowNanos int64) (changed bool) {
	if failed {
		b.open(nowNanos)
		return true
	}
	b.good++
	if b.good < breakerTrials {
		return false
	}
	b.enter(closed)
	return true
}
