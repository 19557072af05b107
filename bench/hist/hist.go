// Package hist counts latencies in a log-linear histogram with a fixed relative
// error, as HdrHistogram does. Recording is a few instructions and no allocation.
//
// github.com/HdrHistogram/hdrhistogram-go does the same; it writes the
// HdrHistogram log format (bench/report), and the tests check this package against it.
// Recording costs the same in both (11 ns), but the generator also keeps a coarse
// histogram for each interval of a run and joins them while it sends load: joining
// two of those takes 0.5 us here and 6 us there, two fine ones 49 and 209 us
// (BenchmarkMerge; AMD EPYC, 2 cores), and each pause shows in the latencies.
package hist

import (
	"math"
	"math/bits"
)

// Bounds of the precision: mantissa bits kept of each value.
const (
	// Fine keeps 10 bits: relative error below 0.1 %.
	Fine = 10
	// Coarse keeps 4 bits: relative error below 6.3 %, for charts.
	Coarse = 4
)

// Highest is the largest value that is told apart, in nanoseconds (about 73
// minutes); larger ones are counted as this one.
const Highest = int64(1)<<42 - 1

// H is a histogram of non-negative values, usually nanoseconds. It belongs to
// one goroutine at a time. The zero value is not usable; see New.
type H struct {
	counts []uint64
	shift  uint // mantissa bits
	n      uint64
	sum    float64
	low    int64
	high   int64
}

// New returns an empty histogram that keeps the given number of mantissa bits,
// Fine or Coarse.
func New(mantissaBits uint) *H {
	h := &H{shift: mantissaBits}
	h.counts = make([]uint64, h.index(Highest)+1)
	h.Reset()
	return h
}

// Reset empties the histogram and keeps its memory.
func (h *H) Reset() {
	clear(h.counts)
	h.n, h.sum, h.low, h.high = 0, 0, math.MaxInt64, 0
}

// Record counts one value. Negative values count as 0, values above Highest as Highest.
func (h *H) Record(v int64) {
	v = min(max(v, 0), Highest)
	h.counts[h.index(v)]++
	h.n++
	h.sum += float64(v)
	h.low, h.high = min(h.low, v), max(h.high, v)
}

// index maps a value to its bucket: values below 1<<shift have their own, above
// it each power of two is divided into 1<<shift buckets.
func (h *H) index(v int64) int {
	magnitude := bits.Len64(uint64(v) >> h.shift)
	if magnitude == 0 {
		return int(v)
	}
	return (magnitude-1)<<h.shift + int(v>>(magnitude-1))
}

// bounds returns the smallest and largest value counted in bucket i.
func (h *H) bounds(i int) (low, high int64) {
	if i < 1<<h.shift {
		return int64(i), int64(i)
	}
	magnitude := i>>h.shift - 1
	mantissa := int64(i) - int64(magnitude)<<h.shift
	return mantissa << magnitude, (mantissa+1)<<magnitude - 1
}

// Merge adds the counts of other, which has the same precision, to h.
func (h *H) Merge(other *H) {
	if h.shift != other.shift {
		panic("BUG: histograms of different precision")
	}
	for i, c := range other.counts {
		h.counts[i] += c
	}
	h.n += other.n
	h.sum += other.sum
	h.low, h.high = min(h.low, other.low), max(h.high, other.high)
}

// Count is the number of values recorded.
func (h *H) Count() uint64 { return h.n }

// Min is the smallest value recorded, 0 when there is none.
func (h *H) Min() int64 {
	if h.n == 0 {
		return 0
	}
	return h.low
}

// Max is the largest value recorded, exact up to Highest.
func (h *H) Max() int64 { return h.high }

// Mean is the mean of the values recorded, 0 when there is none.
func (h *H) Mean() float64 {
	if h.n == 0 {
		return 0
	}
	return h.sum / float64(h.n)
}

// StdDev is the standard deviation, computed from the middles of the buckets.
func (h *H) StdDev() float64 {
	if h.n == 0 {
		return 0
	}
	mean, squares := h.Mean(), 0.0
	for i, c := range h.counts {
		if c == 0 {
			continue
		}
		low, high := h.bounds(i)
		d := (float64(low)+float64(high))/2 - mean
		squares += d * d * float64(c)
	}
	return math.Sqrt(squares / float64(h.n))
}

// Quantile returns the value that at least the share q (0 to 1) of the recorded
// values does not exceed: the upper bound of its bucket, never above Max.
func (h *H) Quantile(q float64) int64 {
	if h.n == 0 {
		return 0
	}
	// 99.9/100 is a little above 0.999: rounding must not cost a rank.
	rank := uint64(max(math.Ceil(min(max(q, 0), 1)*float64(h.n)-1e-6), 1))
	seen := uint64(0)
	for i, c := range h.counts {
		if seen += c; seen >= rank {
			_, high := h.bounds(i)
			return max(min(high, h.high), h.low)
		}
	}
	return h.high
}

// Each calls f for every bucket that is not empty, in ascending order, with the
// largest value of the bucket and its count.
func (h *H) Each(f func(value int64, count uint64)) {
	for i, c := range h.counts {
		if c > 0 {
			_, high := h.bounds(i)
			f(min(high, h.high), c)
		}
	}
}
