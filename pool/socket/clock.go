package socket

import (
	"math"
	"time"
)

// started is the zero of Nanos.
var started = time.Now()

// Nanos is the monotonic clock of the hot path: nanoseconds since the process
// began, never 0. It costs half of time.Now (22 ns against 43), because
// time.Since of a monotonic moment reads one clock and not two.
func Nanos() int64 { return int64(time.Since(started)) + 1 }

// After is the moment d after nanos. A sum beyond what the clock can say is the last
// moment there is: a limit of a hundred years is none, and must not become one that
// has passed. Every deadline is made here.
func After(nanos int64, d time.Duration) int64 {
	sum := nanos + int64(d)
	if d > 0 && sum < nanos {
		return math.MaxInt64
	}
	return sum
}

// Earlier is the nearer of two deadlines; 0 is none.
func Earlier(a, b int64) int64 {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// nanosOf is t on the clock of Nanos; the zero time is 0.
func nanosOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(int64(t.Sub(started)), 1)
}

// LongAgo is a deadline that has passed.
var LongAgo = time.Unix(1, 0)

// Pace bounds how long a peer that moves bytes slowly is waited for. It is a
// stock of waiting time: waiting uses it up, bytes refill it, and it never holds
// more than the gap. So a peer that moves nothing is given up after the gap, and
// one that drips below the rate when the stock is used up, however long the
// message is; time that is not spent waiting for it costs it nothing.
//
// The zero value waits for ever. One goroutine uses it at a time.
type Pace struct {
	gapNanos   int64 // the most the stock may hold; 0 is no limit
	byteNanos  int64 // what one byte refills; 0: any byte refills everything
	stockNanos int64
}

// Begin fills the stock for a new message: gap without any byte is too long (0
// is no limit), and so is less than perSecond bytes a second (0: one byte in a
// gap is enough).
func (p *Pace) Begin(gap time.Duration, perSecond int64) {
	p.gapNanos, p.stockNanos, p.byteNanos = int64(gap), int64(gap), 0
	if perSecond > 0 {
		p.byteNanos = int64(time.Second) / perSecond
	}
}

// By is the moment until which a wait that begins at nowNanos may last; 0 is no
// limit.
func (p *Pace) By(nowNanos int64) int64 {
	if p.gapNanos <= 0 {
		return 0
	}
	return After(nowNanos, time.Duration(p.stockNanos))
}

// Took accounts for a wait and the bytes it brought, and reports whether the
// peer may be waited for again.
func (p *Pace) Took(waitedNanos, moved int64) bool {
	if p.gapNanos <= 0 {
		return true
	}
	p.stockNanos -= waitedNanos
	switch {
	case moved <= 0:
	case p.byteNanos == 0 || moved > p.gapNanos/p.byteNanos:
		p.stockNanos = p.gapNanos
	default:
		p.stockNanos = min(p.gapNanos, p.stockNanos+moved*p.byteNanos)
	}
	return p.stockNanos > 0
}
