// Load: the live figures of one backend.
//
// Words and who writes them:
//   - InFlight: +1 at Begin, -1 at End, by the shard that runs the attempt.
//   - latency: a peak-EWMA in one word, so that value and time never tear:
//     bits 63..32 the time of the last change in ticks of 2^20 ns (1.05 ms,
//     modulo 2^32: 52 days), bits 31..0 the value in nanoseconds as float32.
//     0 means that no latency was seen yet.
//
// Transitions of latency: one compare-and-swap a sample, at most four tries; a
// sample that loses all of them is dropped, because four newer ones were taken.
// A sample that is no peak, in a tick that has been counted already, changes
// nothing and writes nothing: a busy backend is written once a millisecond.
//
// Law (Finagle's PeakEwma, Twitter 2015): a latency above the average replaces
// it at once; one below pulls it down with weight 1 - exp(-elapsed/tau); with no
// sample the average fades with exp(-elapsed/tau), so that a backend that was
// slow is tried again.
//
// Why a stale read is harmless: both words only rank members. A reader that is
// one update behind may take the second best member; it cannot take one that is
// not there.

package algo

import (
	"math"
	"sync/atomic"
)

const (
	tickShift = 20
	// tauNanos is the time in which an average without samples falls to 1/e.
	tauNanos = 10e9
	// tickPast: a difference above it is a clock read that came late, not 49
	// days without a sample.
	tickPast = 0xf000_0000
	// fadeMax is after how many tau a latency is forgotten: 160 s.
	fadeMax = 16
	// observeTries bounds the compare-and-swap loop of Observe.
	observeTries = 4
)

// Load holds what balancers know about one backend: requests in flight and
// latency. It belongs to the backend and outlives generations; several pools
// may share it. The zero value is an idle backend that was never measured. It
// must not be copied. All methods may be called by any goroutine.
//
// The padding keeps both words in a cache line that nothing else shares,
// wherever a Load is embedded.
type Load struct {
	_ [64]byte
	// InFlight is the number of attempts that began and have not ended.
	InFlight atomic.Int64
	latency  atomic.Uint64
	_        [112]byte
}

// Begin counts an attempt that goes to this backend. Exactly one End follows.
func (l *Load) Begin() { l.InFlight.Add(1) }

// End counts the end of an attempt and learns its latency. A negative latency
// is not learnt. Do not pass the short time of a refused connection: a backend
// that fails fast would look like the fastest one; pass -1, or the timeout the
// attempt would have had.
func (l *Load) End(nowNanos, latencyNanos int64) {
	l.InFlight.Add(-1)
	if latencyNanos >= 0 {
		l.Observe(nowNanos, latencyNanos)
	}
}

// Observe learns a latency without counting an attempt, for instance that of a
// probe.
func (l *Load) Observe(nowNanos, latencyNanos int64) {
	now := uint32(uint64(nowNanos) >> tickShift)
	sample := float64(max(latencyNanos, 1))
	for range observeTries {
		old := l.latency.Load()
		elapsed := ticksSince(old, now)
		next := sample
		if old != 0 {
			keep := fade(elapsed)
			current := latencyValue(old) * keep
			if sample <= current && elapsed == 0 {
				return
			}
			next = max(sample, current+sample*(1-keep))
		}
		stamp := uint32(old >> 32)
		if old == 0 || elapsed > 0 {
			stamp = now
		}
		if l.latency.CompareAndSwap(old, uint64(stamp)<<32|uint64(math.Float32bits(float32(next)))) {
			return
		}
	}
}

// EWMA returns the peak-sensitive average latency in nanoseconds as of
// nowNanos, or 0 when no latency was seen yet or the last one is forgotten.
func (l *Load) EWMA(nowNanos int64) float64 {
	word := l.latency.Load()
	if word == 0 {
		return 0
	}
	return latencyValue(word) * fade(ticksSince(word, uint32(uint64(nowNanos)>>tickShift)))
}

// busy is InFlight, never negative and at most 2^32, so that products with
// weights fit. It is signed because that converts to a float in one instruction.
func (l *Load) busy() int64 { return min(max(l.InFlight.Load(), 0), 1<<32) }

// latencyValue is the value part of the word.
func latencyValue(word uint64) float64 {
	return float64(math.Float32frombits(uint32(word)))
}

// ticksSince is how long the word has stood; a clock that is behind counts as 0.
func ticksSince(word uint64, now uint32) uint32 {
	elapsed := now - uint32(word>>32)
	if elapsed > tickPast {
		return 0
	}
	return elapsed
}

// fade is exp(-elapsed/tau), and 0 after fadeMax tau. The short times of a busy
// backend take the first terms of the series; longer ones the sixteenth power of
// it at a sixteenth of the time: off by 1e-5 at one tau, and 4 ns where math.Exp
// takes 20 (each pick of peak_ewma needs two).
func fade(ticks uint32) float64 {
	x := float64(ticks) * ((1 << tickShift) / tauNanos)
	if x < 1.0/32 {
		return 1 - x + x*x/2
	}
	if x > fadeMax {
		return 0
	}
	h := x / 16
	h = 1 - h + h*h/2 - h*h*h/6
	h *= h
	h *= h
	h *= h
	return h * h
}
