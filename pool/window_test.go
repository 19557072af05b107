package pool

import (
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

// The sum always lies between what the last length holds and what one bucket
// more holds.
func TestWindowEqualsAListOfResults(t *testing.T) {
	type entry struct {
		at     int64
		failed uint64
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		length := time.Duration(1+r.IntN(60)) * time.Second
		w := newWindow(length)
		var list []entry
		now := int64(0)
		for range 300 {
			now += r.Int64N(int64(length) / 10)
			if r.IntN(40) == 0 {
				now += int64(length) * r.Int64N(3)
			}
			failed := r.Uint64N(2)
			w.add(now, failed)
			list = append(list, entry{now, failed})
			var least, most, leastBad, mostBad uint64
			for _, e := range list {
				if now-e.at <= w.bucketNanos*(windowBuckets-1) {
					least++
					leastBad += e.failed
				}
				if now-e.at <= w.bucketNanos*windowBuckets {
					most++
					mostBad += e.failed
				}
			}
			total, bad := w.sum(now)
			if total < least || total > most || bad < leastBad || bad > mostBad {
				t.Fatalf("seed %d at %d: %d of %d; want %d to %d of %d to %d", seed, now, bad, total, leastBad, mostBad, least, most)
			}
		}
	}
}

// What every shard writes at every attempt shares its cache lines with nothing
// that others only read.
func TestStandingLayout(t *testing.T) {
	var s standing
	if gap := unsafe.Offsetof(s.account) - unsafe.Offsetof(s.breaker); gap < 64 {
		t.Errorf("%d bytes from the breaker's word to what is only read; want 64", gap)
	}
	if gap := unsafe.Offsetof(s.load); gap < 64 {
		t.Errorf("%d bytes before the load; want 64", gap)
	}
	if n := unsafe.Sizeof(tally{}); n > 64 || n <= 48 {
		t.Errorf("a tally has %d bytes; want a cache line of its own (size class 64)", n)
	}
}
