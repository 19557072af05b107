package socket

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

var (
	// ErrAborted is what Read and Write return after Abort.
	ErrAborted = errors.New("connection aborted by the proxy")
	// ErrWouldBlock is what Read and Write return instead of waiting when the
	// loop uses the connection: see Conn.Loop.
	ErrWouldBlock = errors.New("nothing to read or no room to write now")
)

// half is one direction of a Conn. Its state is one word:
//
//	ready    the kernel said that bytes (or room) are there; cleared by the
//	         owner before it tries
//	hung     the peer has closed its half or reset: stays, every try finds out
//	broken   both halves are closed, or it has reset: stays
//	waiting  a goroutine sleeps in wake; whoever clears the bit wakes it
//	expired  the timer fired since it was armed
//	aborted  somebody ended the connection
//	looped   the loop calls the handler instead
//	minded   a goroutine has it, and the loop tells the handler of a hang-up
//	pooled   nobody has it: it waits for another request; whoever clears the bit
//	         owns the connection, and that is the loop when the peer hangs up
//
// The loop sets ready and hung, timers expired, anybody aborted; waiting, looped,
// minded and pooled belong to the owner. A bit that is set too often costs one failing
// system call, so events may be stale; none is lost, because the owner clears
// ready before it tries and looks again after it has set waiting or looped.
type half struct {
	state atomic.Uint32

	// Owned by the goroutine, or the loop, that uses this direction.
	nowait      bool  // fail with ErrWouldBlock instead of waiting
	wantedNanos int64 // deadline asked for; 0 is none
	armedNanos  int64 // deadline the timer has; 0 is none
	timer       *time.Timer
	wake        chan struct{}
}

const (
	bitReady = 1 << iota
	bitHung
	bitBroken
	bitWaiting
	bitExpired
	bitAborted
	bitLooped
	bitMinded
	bitPooled
)

// signal sets bits, wakes a waiting goroutine, and reports whether the loop
// has to call the handler.
func (h *half) signal(bits uint32) (looped bool) {
	old := h.state.Or(bits)
	if old&bitWaiting != 0 && h.state.And(^uint32(bitWaiting))&bitWaiting != 0 {
		h.wake <- struct{}{} // has room: one waiter, woken once
	}
	return old&bitLooped != 0
}

// sleep waits for a bit other than waiting. stillBlocked is asked once more
// after the bit is set; nil where the ready bit alone decides.
func (h *half) sleep(stillBlocked func() bool) {
	if h.wake == nil {
		h.wake = make(chan struct{}, 1)
	}
	for {
		s := h.state.Load()
		if s&^uint32(bitLooped|bitMinded) != 0 {
			return
		}
		if h.state.CompareAndSwap(s, s|bitWaiting) {
			break
		}
	}
	if stillBlocked != nil && !stillBlocked() && h.state.And(^uint32(bitWaiting))&bitWaiting != 0 {
		return
	}
	<-h.wake
}

// late reports that the wanted deadline has passed; it looks at the clock only
// when the timer has fired.
func (h *half) late() bool {
	if h.state.Load()&bitExpired == 0 {
		return false
	}
	h.state.And(^uint32(bitExpired))
	h.armedNanos = 0
	return h.wantedNanos != 0 && Nanos() >= h.wantedNanos
}

// arm makes sure that the timer fires no later than wanted. One that fires
// earlier is left alone: moving a deadline away with every request costs two
// stores instead of a timer operation.
func (h *half) arm(fire safely.Func) {
	if h.state.Load()&bitExpired != 0 { // it fired while nobody waited
		h.state.And(^uint32(bitExpired))
		h.armedNanos = 0
	}
	if h.wantedNanos == 0 || (h.armedNanos != 0 && h.armedNanos <= h.wantedNanos) {
		return
	}
	h.armedNanos = h.wantedNanos
	wait := time.Duration(h.wantedNanos - Nanos())
	if h.timer == nil {
		h.timer = fire.After(wait)
		return
	}
	h.timer.Reset(wait)
}

// blocked is what a try that found nothing returns: a reason to fail, or nil
// to wait.
func (h *half) blocked() error {
	switch {
	case h.state.Load()&bitAborted != 0:
		return ErrAborted
	case h.late():
		return os.ErrDeadlineExceeded
	case h.nowait:
		return ErrWouldBlock
	}
	return nil
}
