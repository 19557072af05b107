package stat

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// bounds are the upper limits (inclusive, as Prometheus' le) of the buckets;
// one more bucket takes what is longer. They reach from a local cache to a
// request that is about to time out.
//
// Rule they obey, pinned by a test: no power of two lies between two of them
// twice, that is, durations of the same bit length meet at most one bound. So
// the bit length and one comparison find the bucket, whatever the duration.
var bounds = [...]time.Duration{ //nolint:gochecknoglobals // read-only table
	500 * time.Microsecond, 1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, 1 * time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second, 30 * time.Second, 60 * time.Second,
}

// Buckets is the number of buckets of a Histogram, the unbounded one included.
const Buckets = len(bounds) + 1

// lowest holds, by bit length of a duration in nanoseconds, the lowest bucket
// such a duration can fall into.
var lowest = lowestBuckets() //nolint:gochecknoglobals // read-only table

func lowestBuckets() [65]uint8 {
	var table [65]uint8
	for length := range table {
		shortest := uint64(0)
		if length > 0 {
			shortest = 1 << (length - 1)
		}
		for _, bound := range bounds {
			if uint64(bound) < shortest {
				table[length]++
			}
		}
	}
	return table
}

// Bound returns the upper limit of bucket i in seconds, +Inf for the last one.
func Bound(i int) float64 {
	if i >= len(bounds) {
		return math.Inf(1)
	}
	return bounds[i].Seconds()
}

// Histogram counts durations in fixed buckets. An observation is two atomic
// additions in the shard's own cache lines; there is no lock. Make it with
// NewHistogram; it must not be copied after first use.
type Histogram struct {
	rows []histogramRow
}

// histogramRow is the histogram of one shard, padded to whole cache lines.
type histogramRow struct {
	buckets  [Buckets]atomic.Uint64
	sumNanos atomic.Uint64
	_        [rowPadding]byte
}

const (
	rowBytes   = (Buckets + 1) * 8
	rowPadding = (lineBytes - rowBytes%lineBytes) % lineBytes
)

// NewHistogram returns an empty histogram for shards 0 to shards-1. Fewer than
// one shard means one.
func NewHistogram(shards int) *Histogram {
	return &Histogram{rows: make([]histogramRow, max(shards, 1))}
}

// Observe counts d in the stripe of shard. A negative d, which a stepped clock
// can produce, counts as 0. Any number of goroutines may call it.
func (h *Histogram) Observe(shard int, d time.Duration) {
	nanos := uint64(max(d, 0))
	row := &h.rows[shard]
	row.buckets[bucketOf(nanos)].Add(1)
	row.sumNanos.Add(nanos)
}

// bucketOf returns the first bucket whose bound is at least nanos.
func bucketOf(nanos uint64) int {
	i := int(lowest[bits.Len64(nanos)])
	if i < len(bounds) && nanos > uint64(bounds[i]) {
		i++
	}
	return i
}

// Snapshot returns the sums over all shards.
func (h *Histogram) Snapshot() Snapshot {
	var s Snapshot
	for shard := range h.rows {
		row := &h.rows[shard]
		for i := range row.buckets {
			s.Counts[i] += row.buckets[i].Load()
		}
		s.SumNanos += row.sumNanos.Load()
	}
	return s
}

// Snapshot is a histogram at one moment. The zero value is empty.
type Snapshot struct {
	// Counts holds each bucket by itself, not cumulated.
	Counts [Buckets]uint64
	// SumNanos is the sum of all durations in nanoseconds. Taken while others
	// observe, it may be ahead of or behind Counts by those observations.
	SumNanos uint64
}

// Merge adds other to s.
func (s *Snapshot) Merge(other Snapshot) {
	for i, n := range other.Counts {
		s.Counts[i] += n
	}
	s.SumNanos += other.SumNanos
}

// Count returns the number of observations.
func (s *Snapshot) Count() uint64 {
	var total uint64
	for _, n := range s.Counts {
		total += n
	}
	return total
}

// Quantile returns the duration below which the share q (0 to 1) of the
// observations lies, interpolated within its bucket as Prometheus'
// histogram_quantile does: 0 when there are none, the highest bound when it
// lies in the unbounded bucket.
func (s *Snapshot) Quantile(q float64) time.Duration {
	total := s.Count()
	if total == 0 {
		return 0
	}
	rank := min(max(q, 0), 1) * float64(total)
	var below uint64
	for i, n := range s.Counts {
		if n == 0 || float64(below+n) < rank {
			below += n
			continue
		}
		return interpolate(i, (rank-float64(below))/float64(n))
	}
	return bounds[len(bounds)-1]
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
