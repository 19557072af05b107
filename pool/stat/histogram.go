package stat

import (
	"math"
	"sync/atomic"
	"time"
)

// Histogram counts durations. An observation is two atomic additions in the shard's own
// cache lines; there is no lock. Make it with NewHistogram; it must not be copied after
// first use.
//
// It counts in cells that are finer than what either reader wants: the buckets of
// Prometheus' classic histograms, and the exponential ones of its native histograms. As
// every bound of both is one of the cells', both are sums of whole cells, and so exact.
//
// All cells of a route take a kilobyte a shard, and its durations fill a few. So a shard
// has them in chunks that appear when a duration first falls there, as in Codes: nil
// becomes a chunk once, by CompareAndSwap, and never changes again.
type Histogram struct {
	rows []histogramRow
}

const (
	cellsChunk = 16 // cells of a chunk: two cache lines
	chunks     = (Cells + cellsChunk - 1) / cellsChunk
)

// histogramRow is the histogram of one shard, padded to whole cache lines.
type histogramRow struct {
	chunks   [chunks]atomic.Pointer[histogramChunk]
	sumNanos atomic.Uint64
	_        [rowPadding]byte
}

const (
	rowBytes   = (chunks + 1) * 8
	rowPadding = (lineBytes - rowBytes%lineBytes) % lineBytes
)

// histogramChunk holds counts. It fills whole cache lines, and the allocator aligns it.
type histogramChunk [cellsChunk]atomic.Uint64

// NewHistogram returns an empty histogram for shards 0 to shards-1. Fewer than
// one shard means one.
func NewHistogram(shards int) *Histogram {
	return &Histogram{rows: make([]histogramRow, max(shards, 1))}
}

// Observe counts d in the stripe of shard. A negative d, which a stepped clock
// can produce, counts as 0. Any number of goroutines may call it. It allocates only where a
// shard sees the first duration of a chunk.
func (h *Histogram) Observe(shard int, d time.Duration) {
	nanos := uint64(max(d, 0))
	row, cell := &h.rows[shard], cellOf(nanos)
	at := &row.chunks[cell/cellsChunk]
	chunk := at.Load()
	if chunk == nil {
		chunk = publish(at)
	}
	chunk[cell%cellsChunk].Add(1)
	row.sumNanos.Add(nanos)
}

// Snapshot returns the sums over all shards.
func (h *Histogram) Snapshot() (s Snapshot) {
	h.AddTo(&s)
	return s
}

// AddTo adds the sums over all shards to s.
func (h *Histogram) AddTo(s *Snapshot) {
	for shard := range h.rows {
		row := &h.rows[shard]
		for i := range row.chunks {
			chunk := row.chunks[i].Load()
			if chunk == nil {
				continue
			}
			cells := s.Cells[i*cellsChunk : min((i+1)*cellsChunk, Cells)]
			for k := range cells {
				cells[k] += chunk[k].Load()
			}
		}
		s.SumNanos += row.sumNanos.Load()
	}
}

// Snapshot is a histogram at one moment. The zero value is empty.
type Snapshot struct {
	// Cells holds each cell by itself, not cumulated.
	Cells [Cells]uint64
	// SumNanos is the sum of all durations in nanoseconds. Taken while others
	// observe, it may be ahead of or behind Cells by those observations.
	SumNanos uint64
}

// Buckets are the counts of the classic buckets, each by itself, not cumulated.
func (s *Snapshot) Buckets() (counts [Buckets]uint64) {
	for i, n := range &s.Cells {
		counts[bucketOf[i]] += n
	}
	return counts
}

// Native are the counts of a native histogram of NativeSchema: of durations up to
// NativeZero, and of bucket NativeFirst+i.
func (s *Snapshot) Native() (zero uint64, counts [NativeBuckets]uint64) {
	for i, n := range &s.Cells {
		if to := nativeOf[i]; to < 0 {
			zero += n
		} else {
			counts[to] += n
		}
	}
	return zero, counts
}

// Merge adds other to s.
func (s *Snapshot) Merge(other *Snapshot) {
	for i, n := range &other.Cells {
		s.Cells[i] += n
	}
	s.SumNanos += other.SumNanos
}

// Since is what came between an earlier snapshot and s. Counts that are less now are 0.
func (s *Snapshot) Since(earlier *Snapshot) (between Snapshot) {
	for i, n := range &s.Cells {
		between.Cells[i] = n - min(earlier.Cells[i], n)
	}
	between.SumNanos = s.SumNanos - min(earlier.SumNanos, s.SumNanos)
	return between
}

// Count returns the number of observations.
func (s *Snapshot) Count() uint64 {
	var total uint64
	for _, n := range &s.Cells {
		total += n
	}
	return total
}

// Quantile returns the duration below which the share q (0 to 1) of the
// observations lies, interpolated within its classic bucket as Prometheus'
// histogram_quantile does: 0 when there are none, the highest bound when it
// lies in the unbounded bucket.
func (s *Snapshot) Quantile(q float64) time.Duration {
	total := s.Count()
	if total == 0 {
		return 0
	}
	rank := min(max(q, 0), 1) * float64(total)
	var below uint64
	for i, n := range s.Buckets() {
		if n == 0 || float64(below+n) < rank {
			below += n
			continue
		}
		return interpolate(i, (rank-float64(below))/float64(n))
	}
	return bounds[len(bounds)-1]
}

// Within is Quantile by cells, which are finer: from 30 us on the result is off by 19 % at
// most, and 0 when there are none. What lies beyond the last bound has that one.
func (s *Snapshot) Within(q float64) time.Duration {
	rank := min(max(q, 0), 1) * float64(s.Count())
	var below uint64
	for i, n := range s.Cells[:len(cellBounds)] {
		if n == 0 || float64(below+n) < rank {
			below += n
			continue
		}
		low := uint64(0)
		if i > 0 {
			low = cellBounds[i-1]
		}
		return time.Duration(low) + time.Duration((rank-float64(below))/float64(n)*float64(cellBounds[i]-low))
	}
	if rank == 0 {
		return 0
	}
	return time.Duration(cellBounds[len(cellBounds)-1])
}

// interpolate returns the duration at the given share of bucket i.
func interpolate(i int, share float64) time.Duration {
	if i >= len(bounds) {
		return bounds[len(bounds)-1]
	}
	var low time.Duration
	if i > 0 {
		low = bounds[i-1]
	}
	return low + time.Duration(share*float64(bounds[i]-low))
}

// Bound returns the upper limit of bucket i in seconds, +Inf for the last one.
func Bound(i int) float64 {
	if i >= len(bounds) {
		return math.Inf(1)
	}
	return bounds[i].Seconds()
}
