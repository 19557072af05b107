package attempt

import (
	"math"
	"sync/atomic"
	"time"
)

// idleAges learns at which age a backend closes connections on which nothing
// happens, so that a request does not meet one that is being closed just then.
// It is a fact of the backend's connections, shared by the shards.
//
// What is told to it is evidence of that, and of nothing else: an idle connection hung
// up, in the pool (Conn.endIdle) or as it was taken (Attempt.fit); the backend had
// closed before a request was there, or had said 408 (Attempt.observe); and its own
// word (Keep-Alive: timeout=N). Stray bytes are no such evidence, nor is a death that
// may have come of the request, but for several in a row, at once: Attempt.mourn.
//
// What it answers is the smallest of these less a margin, forgotten after five to ten
// minutes without another of that kind: a backend that was restarted has closed young
// connections too, and does not do it again.
//
// It is lock-free: two words, each with the number of a window of time in its
// upper 24 bits and the smallest limit of that window, in microseconds and plus
// one, in the lower 40 bits; 0 is nothing known.
//
//   - A word only rises: to a later window, or to a smaller limit of the same
//     one (raise). So the order in which observers come does not matter.
//   - current is the window of the last observer. Before it rises to a later
//     window, its old value is raised into last: what is in neither is too old.
//   - A reader takes the smaller limit of the words whose window is this one or
//     the one before, and writes nothing.
//
// A stale read misses one observation, as if the request had come a moment
// earlier. The zero value knows nothing.
type idleAges struct {
	current atomic.Uint64
	last    atomic.Uint64
}

const (
	ageWindow     = 5 * time.Minute
	ageWindowBits = 40
	ageMask       = 1<<ageWindowBits - 1
	ageMicrosMax  = ageMask - 1 // 12 days
)

// Margins of the limit. Its age is younger for us than for the backend by the
// way there and back, and either side may be late with what it has to do.
const (
	ageMarginShare = 8 // an eighth of the age
	ageMarginNanos = int64(5 * time.Millisecond)
)

// ageNone is the limit of a backend that never closed an idle connection.
const ageNone = math.MaxInt64

// retiredFloor is the age up to which a request that can be sent again takes a
// connection in any case: one that dies under it costs a retry, and a backend
// that closes at random ages must not cost it every connection.
const retiredFloor = int64(time.Second)

// known reports whether limit may answer anything but ageNone; one load.
func (g *idleAges) known() bool { return g.current.Load() != 0 }

// observe tells of an idle connection that was closed, or will be, at an age.
func (g *idleAges) observe(nowNanos, ageNanos, roundTripNanos int64) {
	limitNanos := ageNanos - max(ageNanos/ageMarginShare, roundTripNanos+ageMarginNanos)
	w := ageWord(uint64(max(nowNanos, 0))/uint64(ageWindow), limitNanos)
	for {
		old := g.current.Load()
		if old>>ageWindowBits < w>>ageWindowBits {
			raise(&g.last, old)
		} else {
			w = old&^ageMask | w&ageMask // a moment late: it counts in the window that is open
			if !above(w, old) {
				return
			}
		}
		if g.current.CompareAndSwap(old, w) {
			return
		}
	}
}

// limit is the age, in nanoseconds, after which a connection is not to be
// trusted: see ageNone.
func (g *idleAges) limit(nowNanos int64) int64 {
	window := uint64(max(nowNanos, 0)) / uint64(ageWindow)
	return min(ageIn(g.current.Load(), window), ageIn(g.last.Load(), window))
}

func ageWord(window uint64, limitNanos int64) uint64 {
	micros := min(uint64(max(limitNanos, 0))/uint64(time.Microsecond), ageMicrosMax)
	return window<<ageWindowBits | (micros + 1)
}

// ageIn is the limit in a word, if it still counts in the window.
func ageIn(word, window uint64) int64 {
	if word&ageMask == 0 || word>>ageWindowBits+1 < window {
		return ageNone
	}
	return int64(word&ageMask-1) * int64(time.Microsecond)
}

// above reports that a knows more than b: it is of a later window, or says less
// of the same one.
func above(a, b uint64) bool {
	if a>>ageWindowBits != b>>ageWindowBits {
		return a>>ageWindowBits > b>>ageWindowBits
	}
	return b&ageMask == 0 || a&ageMask < b&ageMask
}

func raise(word *atomic.Uint64, to uint64) {
	for old := word.Load(); above(to, old); old = word.Load() {
		if word.CompareAndSwap(old, to) {
			return
		}
	}
}
