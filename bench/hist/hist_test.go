package hist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// samples draws latencies with a long tail.
func samples(n int, seed uint64) []int64 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(math.Exp(9 + 2*r.NormFloat64()))
	}
	return out
}

func TestQuantileMatchesSortedSlice(t *testing.T) {
	for _, tc := range []struct {
		bits  uint
		error float64
	}{{Fine, 0.001}, {Coarse, 0.0625}} {
		for _, n := range []int{1, 2, 10, 999, 100000} {
			t.Run(fmt.Sprintf("bits=%d,n=%d", tc.bits, n), func(t *testing.T) {
				h, values := New(tc.bits), samples(n, uint64(n))
				for _, v := range values {
					h.Record(v)
				}
				slices.Sort(values)
				for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1} {
					want := values[max(int(math.Ceil(q*float64(n))), 1)-1]
					got := h.Quantile(q)
					if got < want || float64(got-want) > tc.error*float64(want) {
						t.Errorf("quantile %g: got %d; want %d to %.0f", q, got, want, float64(want)*(1+tc.error))
					}
				}
				if h.Min() != values[0] || h.Max() != values[n-1] || h.Count() != uint64(n) {
					t.Errorf("got min %d, max %d, count %d; want %d, %d, %d", h.Min(), h.Max(), h.Count(), values[0], values[n-1], n)
				}
			})
		}
	}
}

func TestFiguresMatchHdrHistogram(t *testing.T) {
	ours, theirs := New(Fine), hdrhistogram.New(1, Highest, 3)
	for _, v := range samples(50000, 7) {
		ours.Record(v)
		if err := theirs.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	near := func(name string, got, want, tolerance float64) {
		if math.Abs(got-want) > tolerance*want {
			t.Errorf("%s: got %v; want %v", name, got, want)
		}
	}
	for _, p := range []float64{50, 90, 99, 99.9, 99.99} {
		near(fmt.Sprint("p", p), float64(ours.Quantile(p/100)), float64(theirs.ValueAtPercentile(p)), 0.002)
	}
	near("mean", ours.Mean(), theirs.Mean(), 0.001)
	near("stddev", ours.StdDev(), theirs.StdDev(), 0.002)
}

func TestBucketsAreContiguous(t *testing.T) {
	for _, bits := range []uint{Fine, Coarse} {
		h, next := New(bits), int64(0)
		for i := range h.counts {
			low, high := h.bounds(i)
			if low != next || h.index(low) != i || h.index(high) != i {
				t.Fatalf("bits %d, bucket %d is %d to %d; it must begin at %d and hold both ends", bits, i, low, high, next)
			}
			next = high + 1
		}
		if next != Highest+1 {
			t.Errorf("bits %d: the buckets end at %d; want %d", bits, next-1, Highest)
		}
	}
}

func TestRecordClampsValues(t *testing.T) {
	h := New(Fine)
	h.Record(-5)
	h.Record(math.MaxInt64)
	if h.Min() != 0 || h.Max() != Highest || h.Quantile(0.5) != 0 || h.Quantile(1) != Highest {
		t.Errorf("got %d to %d; want 0 to %d", h.Min(), h.Max(), Highest)
	}
}

func TestEmptyHistogramIsZero(t *testing.T) {
	h := New(Coarse)
	if h.Quantile(0.99) != 0 || h.Mean() != 0 || h.StdDev() != 0 || h.Min() != 0 || h.Max() != 0 {
		t.Error("an empty histogram must answer 0 to everything")
	}
}

func TestMergeEqualsRecordingAll(t *testing.T) {
	a, b, all := New(Fine), New(Fine), New(Fine)
	for i, v := range samples(10000, 3) {
		[]*H{a, b}[i%2].Record(v)
		all.Record(v)
	}
	a.Merge(b)
	if !slices.Equal(a.counts, all.counts) || a.Count() != all.Count() || a.Min() != all.Min() || a.Max() != all.Max() {
		t.Error("merged counts differ from recorded ones")
	}
	total := uint64(0)
	a.Each(func(_ int64, n uint64) { total += n })
	if total != all.Count() {
		t.Errorf("Each counts %d; want %d", total, all.Count())
	}
	a.Reset()
	if a.Count() != 0 || a.Quantile(1) != 0 {
		t.Error("Reset must empty the histogram")
	}
}

func BenchmarkRecord(b *testing.B) {
	values := samples(4096, 1)
	b.Run("type=own", func(b *testing.B) {
		h, i := New(Fine), 0
		b.ReportAllocs()
		for b.Loop() {
			h.Record(values[i&4095])
			i++
		}
	})
	b.Run("type=hdrhistogram", func(b *testing.B) {
		h, i := hdrhistogram.New(1, Highest, 3), 0
		b.ReportAllocs()
		for b.Loop() {
			_ = h.RecordValue(values[i&4095])
			i++
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	values := samples(4096, 1)
	for _, tc := range []struct {
		name   string
		bits   uint
		digits int
	}{{"fine", Fine, 3}, {"coarse", Coarse, 1}} {
		b.Run("type=own,precision="+tc.name, func(b *testing.B) {
			x, y := New(tc.bits), New(tc.bits)
			for _, v := range values {
				y.Record(v)
			}
			b.ReportAllocs()
			for b.Loop() {
				x.Merge(y)
			}
		})
		b.Run("type=hdrhistogram,precision="+tc.name, func(b *testing.B) {
			x, y := hdrhistogram.New(1, Highest, tc.digits), hdrhistogram.New(1, Highest, tc.digits)
			for _, v := range values {
				_ = y.RecordValue(v)
			}
			b.ReportAllocs()
			for b.Loop() {
				x.Merge(y)
			}
		})
	}
}
