package socket

import (
	"errors"
	"math"
	"sync/atomic"
	"time"
)

var (
	// ErrLeft is the end of a wait for something that nobody wants any more.
	ErrLeft = errors.New("nobody waits for it any more")
	// ErrLate is the end of a wait that has taken its caller too long.
	ErrLate = errors.New("the exchange cannot wait any longer")
)

// Patience is how long somebody waits for what no socket of its own will tell: a dial,
// a place in a queue, the time before another attempt. It ends at ByNanos (0: never),
// and when the Bell rings (nil: nobody rings).
type Patience struct {
	ByNanos int64
	Bell    *Bell
	// At LateBy (0: never) whoever waits calls Late, and goes on to wait. Late returns
	// when it has to be called again.
	LateBy int64
	Late   func() int64
}

// Bell tells one or many who wait that nobody wants the result any more. It rings once
// and is never silent again, so a wait that begins afterwards ends at once. Any
// goroutine may ring it.
type Bell struct {
	once atomic.Bool
	rung chan struct{}
}

// NewBell returns a Bell that has not rung.
func NewBell() *Bell { return &Bell{rung: make(chan struct{})} }

// Ring ends every wait.
func (b *Bell) Ring() {
	if b.once.CompareAndSwap(false, true) {
		close(b.rung)
	}
}

// Rung is closed when the bell has rung; nil for a nil Bell.
func (b *Bell) Rung() <-chan struct{} {
	if b == nil {
		return nil
	}
	return b.rung
}

// Await waits until done is closed, or p is over: ErrLate or ErrLeft. A nil done is
// never closed. What is done already is preferred.
func Await(p Patience, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	late := time.NewTimer(math.MaxInt64) // never, unless it is set
	defer late.Stop()
	for {
		if by := Earlier(p.ByNanos, p.LateBy); by != 0 {
			late.Reset(time.Duration(by - Nanos()))
		}
		select {
		case <-done:
			return nil
		case <-p.Bell.Rung():
			return ErrLeft
		case <-late.C:
			if p.ByNanos != 0 && Nanos() >= p.ByNanos || p.LateBy == 0 {
				return ErrLate
			}
			p.LateBy = p.Late()
		}
	}
}
