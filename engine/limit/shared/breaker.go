package shared

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	// tripAfter is how many batches fail in a row before the server counts as down:
	// each of them costs requests a timeout, and one may fail for a moment's pause.
	tripAfter = 3
	// probeFirst and probeMost are the waits before the first probe and between the
	// later ones, which double.
	probeFirst = 50 * time.Millisecond
	probeMost  = time.Second
)

// breaker keeps requests from a server that is down. It opens after tripAfter failures in
// a row; then no request pays for it any more. It closes when a probe has succeeded,
// which no request waits for. The zero value is closed.
type breaker struct {
	open   atomic.Bool
	failed atomic.Uint32 // in a row, while it is closed
	trips  atomic.Uint64
	last   atomic.Pointer[failure]
}

// failure is why a batch or a probe has failed.
type failure struct{ err error }

func (b *breaker) isOpen() bool { return b.open.Load() }

// note notes the end of a batch. When that opens the breaker, revive is called, once.
func (b *breaker) note(err error, revive func()) {
	if err == nil {
		b.failed.Store(0)
		return
	}
	b.last.Store(&failure{err})
	if b.failed.Add(1) >= tripAfter && b.open.CompareAndSwap(false, true) {
		b.trips.Add(1)
		revive()
	}
}

// probed notes the end of a probe, and reports that the breaker is closed again.
func (b *breaker) probed(err error) bool {
	if err != nil {
		b.last.Store(&failure{err})
		return false
	}
	b.failed.Store(0)
	b.open.Store(false)
	return true
}

// Standing is how the store stands, for those who show it.
type Standing struct {
	// Down says that the server is not asked now.
	Down bool
	// Trips is how often it went down.
	Trips uint64
	// Last is the last failure, also where all is well again; nil is none.
	Last error
}

// IsDown reports that Take will not wait: the server is not asked now.
func (s *Store) IsDown() bool { return s.breaker.isOpen() }

// Standing says how the store stands.
func (s *Store) Standing() Standing {
	st := Standing{Down: s.breaker.isOpen(), Trips: s.breaker.trips.Load()}
	if f := s.breaker.last.Load(); f != nil {
		st.Last = f.err
	}
	return st
}

// jittered is a wait up to a quarter shorter, so that not all instances probe at once.
func jittered(wait time.Duration) time.Duration {
	return wait - time.Duration(rand.Int64N(int64(wait)/4+1))
}
