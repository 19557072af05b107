package stat

import (
	"math"
	"testing"
	"time"
)

// TestFewBoundsInASlot pins what lets two comparisons find the cell.
func TestFewBoundsInASlot(t *testing.T) {
	seen := map[int]int{}
	for i, bound := range &cellBounds {
		if i > 0 && bound <= cellBounds[i-1] {
			t.Errorf("bound %d does not rise", bound)
		}
		slot := slotOf(bound)
		seen[slot]++
		if seen[slot] > 2 {
			t.Errorf("slot %d, of %d ns, has more than two bounds", slot, bound)
		}
	}
}

// TestCellsAreWholeBuckets compares both kinds of buckets with their definition.
func TestCellsAreWholeBuckets(t *testing.T) {
	if bound := nativeBound(0); bound != uint64(time.Second) {
		t.Errorf("bucket 0 ends at %d ns; want a second", bound)
	}
	for _, bound := range &cellBounds {
		for _, nanos := range []uint64{bound - 1, bound, bound + 1} {
			h, wantNative := NewHistogram(1), -1
			for float64(nanos) > NativeZero*1e9 && wantNative < NativeBuckets-1 &&
				(wantNative < 0 || float64(nanos) > math.Exp2(float64(NativeFirst+wantNative)/4)*1e9) {
				wantNative++
			}
			h.Observe(0, time.Duration(nanos))
			s := h.Snapshot()
			zero, counts := s.Native()
			if wantNative < 0 && zero != 1 || wantNative >= 0 && counts[wantNative] != 1 {
				t.Errorf("%d ns: got %d in the zero bucket, %v; want one in %d", nanos, zero, counts, wantNative)
			}
			wantClassic := 0
			for wantClassic < len(bounds) && nanos > uint64(bounds[wantClassic]) {
				wantClassic++
			}
			if classic := s.Buckets(); classic[wantClassic] != 1 {
				t.Errorf("%d ns: got %v; want one in classic bucket %d", nanos, classic, wantClassic)
			}
		}
	}
}

func TestSinceIsWhatCameBetween(t *testing.T) {
	h := NewHistogram(1)
	h.Observe(0, time.Second)
	before := h.Snapshot()
	h.Observe(0, time.Minute)
	after := h.Snapshot()
	if between := after.Since(&before); between.Count() != 1 || between.SumNanos != uint64(time.Minute) {
		t.Errorf("got %d of %d ns; want one of a minute", between.Count(), between.SumNanos)
	}
	if back := before.Since(&after); back.Count() != 0 || back.SumNanos != 0 {
		t.Errorf("backwards: got %d of %d ns; want none", back.Count(), back.SumNanos)
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
			s := h.Snapshot()
			if counts := s.Buckets(); counts[c.want] != 1 {
				t.Errorf("%v, %s: got counts %v; want one in bucket %d", bound, c.name, counts, c.want)
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
	if counts := s.Buckets(); counts[0] != 4 || counts[Buckets-1] != 1 {
		t.Errorf("got counts %v; want 4 in the first and 1 in the last bucket", counts)
	}
	if want := uint64(math.MaxInt64) + 1; s.SumNanos != want {
		t.Errorf("sum: got %d; want %d, negative durations as 0", s.SumNanos, want)
	}
}

func FuzzCell(f *testing.F) {
	for _, bound := range &cellBounds {
		f.Add(bound)
	}
	f.Add(uint64(0))
	f.Add(uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, nanos uint64) {
		want := 0
		for want < len(cellBounds) && nanos > cellBounds[want] {
			want++
		}
		if got := cellOf(nanos); got != want {
			t.Errorf("cellOf(%d): got %d; want %d", nanos, got, want)
		}
	})
}

func TestMergeAddsUp(t *testing.T) {
	a, b := NewHistogram(2), NewHistogram(1)
	a.Observe(0, time.Millisecond)
	a.Observe(1, time.Second)
	b.Observe(0, time.Second)
	merged := a.Snapshot()
	other := b.Snapshot()
	merged.Merge(&other)
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

// TestWithinIsExactToACell draws durations, and compares with what they are in order.
func TestWithinIsExactToACell(t *testing.T) {
	h := NewHistogram(1)
	if got := (&Snapshot{}).Within(0.99); got != 0 {
		t.Errorf("of nothing: got %v; want 0", got)
	}
	for i := range 10_000 {
		h.Observe(0, time.Duration(100+i)*time.Microsecond)
	}
	s := h.Snapshot()
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		want := float64(100+10_000*q) * 1e3
		if got := float64(s.Within(q)); math.Abs(got-want)/want > 0.1 {
			t.Errorf("%v: got %v; want %v", q, time.Duration(got), time.Duration(want))
		}
	}
	h.Observe(0, 1<<62)
	s = h.Snapshot()
	if got := s.Within(1); got != time.Duration(cellBounds[len(cellBounds)-1]) {
		t.Errorf("beyond all bounds: got %v; want the last one", got)
	}
}
