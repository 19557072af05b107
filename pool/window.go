package pool

import (
	"sync/atomic"
	"time"
)

// A window counts results over the last while, without a lock.
//
// It is a ring of windowBuckets words, each for one stretch of time (a tick):
//
//	63              40 39              20 19               0
//	+-----------------+------------------+------------------+
//	| tick mod 2^24   | results          | failures         |
//	+-----------------+------------------+------------------+
//
// A writer whose tick differs from the word's starts the bucket afresh, so
// nothing has to be cleared as time passes. A result that comes after its
// bucket was taken by a later tick is dropped: it left the window anyway. A
// reader sums the words whose tick lies in the window; a sum that misses a
// result written meanwhile opens the breaker one failure later, no more.
//
// The window is at least length long and at most 1/(windowBuckets-1) longer.
// Counts near 2^20 are halved, which keeps their ratio.
type window struct {
	length      time.Duration
	bucketNanos int64
	buckets     [windowBuckets]atomic.Uint64
}

const (
	windowBuckets  = 16
	windowTickMask = 1<<24 - 1
	windowCountMax = 1<<20 - 1
)

func newWindow(length time.Duration) *window {
	return &window{length: length, bucketNanos: max(int64(length)/(windowBuckets-1), 1)}
}

func packBucket(tick, total, failed uint64) uint64 {
	return (tick&windowTickMask)<<40 | total<<20 | failed
}

func unpackBucket(w uint64) (tick, total, failed uint64) {
	return w >> 40, w >> 20 & windowCountMax, w & windowCountMax
}

// add records one result; failed is 0 or 1.
func (w *window) add(nowNanos int64, failed uint64) {
	tick := uint64(nowNanos / w.bucketNanos)
	bucket := &w.buckets[tick%windowBuckets]
	for { // a lost round means that another result went in
		old := bucket.Load()
		t, total, bad := unpackBucket(old)
		switch ahead := (t - tick) & windowTickMask; {
		case ahead == 0:
		case ahead < windowTickMask/2 && old != 0:
			return // the bucket belongs to a later tick by now
		default:
			total, bad = 0, 0
		}
		if total == windowCountMax {
			total, bad = total/2, bad/2
		}
		if bucket.CompareAndSwap(old, packBucket(tick, total+1, bad+failed)) {
			return
		}
	}
}

// sum returns the results and failures in the window that ends now.
func (w *window) sum(nowNanos int64) (total, failed uint64) {
	tick := uint64(nowNanos / w.bucketNanos)
	for i := range w.buckets {
		t, n, bad := unpackBucket(w.buckets[i].Load())
		if (tick-t)&windowTickMask < windowBuckets {
			total += n
			failed += bad
		}
	}
	return total, failed
}

// clear forgets everything; results recorded meanwhile may survive it.
func (w *window) clear() {
	for i := range w.buckets {
		w.buckets[i].Store(0)
	}
}
