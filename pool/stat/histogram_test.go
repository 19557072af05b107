package stat

import (
	"math"
	"math/bits"
	"testing"
	"time"
)

// TestBoundsAreOneABitLength pins the rule that lets one comparison find the bucket.
func TestBoundsAreOneABitLength(t *testing.T) {
	seen := map[int]time.Duration{}
	for i, bound := range bounds {
		if i > 0 && bound <= bounds[i-1] {
			t.Errorf("bound %v does not rise", bound)
		}
		length := bits.Len64(uint64(bound))
		if other, taken := seen[length]; taken {
			t.Errorf("bounds %v and %v have the same bit length", other, bound)
		}
		seen[length] = bound
	}
}

func TestObserveFindsTheBucket(t *testing.T) {
	for i, bound := range bounds {
		for _, c := range []struct {
			name string
			d    time.Duration
			want int
		}{
			{"just below", bound - 1, i},
			{"at the bound", bound, i},
			{"just above", bound + 1, i + 1},
		} {
			h := NewHistogram(1)
			h.Observe(0, c.d)
			if s := h.Snapshot(); s.Counts[c.want] != 1 {
				t.Errorf("%v, %s: got counts %v; want one in bucket %d", bound, c.name, s.Counts, c.want)
			}
		}
	}
}

func TestObserveTakesAnyDuration(t *testing.T) {
	h := NewHistogram(1)
	for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, math.MaxInt64} {
		h.Observe(0, d)
	}
	s := h.Snapshot()
	if s.Counts[0] != 4 || s.Counts[Buckets-1] != 1 {
		t.Errorf("got counts %v; want 4 in the first and 1 in the last bucket", s.Counts)
	}
	if want := uint64(math.MaxInt64) + 1; s.SumNanos != want {
		t.Errorf("sum: got %d; want %d, negative durations as 0", s.SumNanos, want)
	}
}

func FuzzBucket(f *testing.F) {
	for _, bound := range bounds {
		f.Add(uint64(bound))
	}
	f.Add(uint64(0))
	f.Add(uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, nanos uint64) {
		want := 0
		for want < len(bounds) && nanos > uint64(bounds[want]) {
			want++
		}
		if got := bucketOf(nanos); got != want {
			t.Errorf("bucketOf(%d): got %d; want %d", nanos, got, want)
		}
	})
}

func TestMergeAddsUp(t *testing.T) {
	a, b := NewHistogram(2), NewHistogram(1)
	a.Observe(0, time.Millisecond)
	a.Observe(1, time.Second)
	b.Observe(0, time.Second)
	merged := a.Snapshot()
	merged.Merge(b.Snapshot())
	if got := merged.Count(); got != 3 {
		t.Errorf("Count: got %d; want 3", got)
	}
	if got, want := time.Duration(merged.SumNanos), 2*time.Second+time.Millisecond; got != want {
		t.Errorf("sum: got %v; want %v", got, want)
	}
}

func TestQuantile(t *testing.T) {
	full := func(durations ...time.Duration) Snapshot {
		h := NewHistogram(1)
		for _, d := range durations {
			h.Observe(0, d)
		}
		return h.Snapshot()
	}
	ms := time.Millisecond
	for _, c := range []struct {
		name string
		s    Snapshot
		q    float64
		want time.Duration
	}{
		{"empty", Snapshot{}, 0.5, 0},
		{"whole bucket", full(2 * ms), 1, 2500 * time.Microsecond},
		{"half a bucket", full(7*ms, 7*ms), 0.5, 7500 * time.Microsecond},
		{"second bucket", full(ms/4, 3*ms), 1, 5 * ms},
		{"unbounded", full(time.Hour), 0.5, time.Minute},
		{"below range", full(7 * ms), -1, 5 * ms},
		{"above range", full(7 * ms), 2, 10 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.s.Quantile(c.q); got != c.want {
				t.Errorf("Quantile(%v): got %v; want %v", c.q, got, c.want)
			}
		})
	}
}

func TestBoundEndsInInfinity(t *testing.T) {
	if got := Bound(0); got != 0.0005 {
		t.Errorf("Bound(0): got %v; want 0.0005", got)
	}
	if got := Bound(Buckets - 1); !math.IsInf(got, 1) {
		t.Errorf("last bound: got %v; want +Inf", got)
	}
}
