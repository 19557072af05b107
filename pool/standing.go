package pool

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/algo"
)

// windowsMax bounds the window lengths a standing keeps results for.
const windowsMax = 8

// standing is what one pool has met at one backend: requests in flight, latency,
// breaker and counters. It is a fact of the pair, of the pool's name and the
// backend's identity: a reload that keeps both keeps it, and no other pool reads
// it. What a pool's requests meet depends on its timeouts, on what it counts as a
// failure and on what is asked of it, so it says nothing about another's.
//
// Latency is of the pair, too, although the wire is the same: a pool of slow
// reports would make a backend look slow to a pool of small pages.
type standing struct {
	// Written at the start and end of every attempt, by all shards.
	_       [64]byte
	load    algo.Load
	breaker breaker     // read at every attempt, written when something is wrong
	crowded atomic.Bool // an exchange may wait for a place: see makeRoom
	_       [64]byte

	account *account // set when it is made and never changed

	mu struct {
		sync.Mutex
		windows []*window
		told    breakerNews
	}
}

// tally counts what a pool saw of a backend. It is never reset.
type tally struct {
	// byClass counts attempts by the first digit of the status; [0] are those
	// without an answer.
	byClass  [6]atomic.Uint64
	failures atomic.Uint64
	trips    atomic.Uint64 // how often the breaker has opened
}

func (t *tally) requests() uint64 {
	var n uint64
	for i := range t.byClass {
		n += t.byClass[i].Load()
	}
	return n
}

// Lift ends the wait of an open breaker, for a probe that saw the backend well.
func (s *standing) Lift(nowNanos int64) bool { return s.breaker.lift(nowNanos) }

// Changed says that the verdict on the backend may be another one.
func (s *standing) Changed() { s.account.changed() }

// window returns the results of the last length, which are kept over a reload.
func (s *standing) window(length time.Duration) *window {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.mu.windows {
		if w.length == length {
			return w
		}
	}
	w := newWindow(length)
	if len(s.mu.windows) == windowsMax {
		s.mu.windows = slices.Delete(s.mu.windows, 0, 1)
	}
	s.mu.windows = append(s.mu.windows, w)
	return w
}

// forgive clears the windows after the breaker closed, so that failures from
// before it opened do not open it again.
func (s *standing) forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.mu.windows {
		w.clear()
	}
}

// makeRoom wakes one exchange that waits for a place, after one became free. The mark
// goes when nobody waits: an exchange that joins later sets it again and looks for itself,
// one that has joined before is found. It stands before anybody is woken: who is may be
// served, and make room for the next, before this returns.
func (s *standing) makeRoom() {
	if !s.isAwaited() {
		s.crowded.Store(false)
		if !s.isAwaited() {
			return
		}
		s.crowded.Store(true)
	}
	for _, p := range s.account.generations() {
		if p.limits != nil && p.limits.PlaceFreed() {
			return // generations of a pool share its limiter
		}
	}
}

// isAwaited reports that an exchange waits for a place.
func (s *standing) isAwaited() bool {
	for _, p := range s.account.generations() {
		if p.limits != nil && p.limits.placed.Load() > 0 {
			return true
		}
	}
	return false
}

// shows makes a state of the breaker what others know, and reports that it is news.
func (s *standing) shows(state breakerState, stage uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.told.take(state, stage)
}
