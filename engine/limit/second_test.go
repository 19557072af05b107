package limit

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRateOfASecond(t *testing.T) {
	var r Rate
	for i, c := range []struct {
		at   time.Duration
		want int64
	}{
		{0, 1}, {1, 2}, {time.Second - 1, 3}, {time.Second, 1}, {1500 * time.Millisecond, 2}, {time.Hour, 1}, {time.Hour, 2},
	} {
		if got := r.Count(int64(c.at)); got != c.want {
			t.Errorf("step %d: got %d; want %d", i, got, c.want)
		}
	}
}

func TestOncePerSecond(t *testing.T) {
	var o OncePerSecond
	for i, c := range []struct {
		at   time.Duration
		want bool
	}{
		{1, true}, {1, false}, {time.Second, false}, {time.Second + 1, true}, {2 * time.Second, false}, {time.Hour, true},
	} {
		if got := o.Take(int64(c.at)); got != c.want {
			t.Errorf("step %d: got %v; want %v", i, got, c.want)
		}
	}
}

// One of those who come at once is let through, and each is counted.
func TestOfManyAtOnceOneIsLetThrough(t *testing.T) {
	const goroutines, each = 8, 1000
	var o OncePerSecond
	var r Rate
	var through atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				r.Count(1)
				if o.Take(1) {
					through.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n, all := through.Load(), r.Count(1)-1; n != 1 || all != goroutines*each {
		t.Errorf("%d were let through, %d counted; want 1 and %d", n, all, goroutines*each)
	}
}
