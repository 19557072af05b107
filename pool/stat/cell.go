package stat

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// bounds are the upper limits (inclusive, as Prometheus' le) of the classic buckets;
// one more bucket takes what is longer. They reach from a local cache to a
// request that is about to time out.
var bounds = [...]time.Duration{ //nolint:gochecknoglobals // read-only table
	500 * time.Microsecond, 1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, 1 * time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second, 30 * time.Second, 60 * time.Second,
}

// Buckets is the number of classic buckets of a Histogram, the unbounded one included.
const Buckets = len(bounds) + 1

// Native histograms: bucket i of NativeSchema holds what is above 2^((i-1)/4) seconds and
// not above 2^(i/4), so that it is 1.19 times as wide as the one before. What is at most
// NativeZero is in the zero bucket, from 30 us on each has its own, and what is longer than
// 2^12 seconds, 68 minutes, counts in the last one.
const (
	NativeSchema  = 2
	NativeFirst   = -15*nativeOctave + 1
	NativeBuckets = (12+15)*nativeOctave + 1
	NativeZero    = 1.0 / (1 << 15)

	nativeOctave = 1 << NativeSchema
	nativeLast   = NativeFirst + NativeBuckets - 1
)

// nativeBound is the upper limit of a native bucket in nanoseconds, rounded down: durations
// are whole ones.
func nativeBound(index int) uint64 {
	return uint64(math.Exp2(float64(index)/nativeOctave) * float64(time.Second))
}

// Cells is the number of cells: one up to each bound, and one for what is longer than all.
const Cells = len(bounds) + NativeBuckets - sharedBounds + 1

// sharedBounds are both classic and native ones: 250 ms, 500 ms and a second.
const sharedBounds = 3

// cellBounds are the upper limits of the cells in nanoseconds, but for the last one.
var cellBounds = func() (all [Cells - 1]uint64) { //nolint:gochecknoglobals // read-only table
	of := make([]uint64, 0, len(bounds)+NativeBuckets)
	for _, bound := range bounds {
		of = append(of, uint64(bound))
	}
	for i := NativeFirst - 1; i < nativeLast; i++ {
		of = append(of, nativeBound(i))
	}
	slices.Sort(of)
	if copy(all[:], slices.Compact(of)) != len(all) {
		panic("BUG: bounds of cells are missing")
	}
	return all
}()

// slotBits is how many bits behind the first one of a duration say in which slot it is.
const slotBits = 3

// firstCell holds, by slot, the lowest cell that a duration there can fall into. A test
// pins that at most two bounds lie in a slot.
var firstCell = func() (table [65 << slotBits]uint8) { //nolint:gochecknoglobals // read-only table
	for slot := range table {
		for int(table[slot]) < len(cellBounds) && cellBounds[table[slot]] < lowestOf(slot) {
			table[slot]++
		}
	}
	return table
}()

// slotOf is the slot of a duration: its length in bits, and the bits behind the first one.
func slotOf(nanos uint64) int {
	length := bits.Len64(nanos)
	return length<<slotBits | int(nanos<<(64-length)<<1>>(64-slotBits))
}

// lowestOf is the least duration of a slot.
func lowestOf(slot int) uint64 {
	length := slot >> slotBits
	if length == 0 {
		return 0
	}
	return (1<<63 | uint64(slot&(1<<slotBits-1))<<(63-slotBits)) >> (64 - length)
}

// cellOf returns the first cell whose bound is at least nanos.
func cellOf(nanos uint64) int {
	i := int(firstCell[slotOf(nanos)])
	for i < len(cellBounds) && nanos > cellBounds[i] {
		i++
	}
	return i
}

// BucketOf is the classic bucket of a duration.
func BucketOf(d time.Duration) int { return int(bucketOf[cellOf(uint64(max(d, 0)))]) }

// bucketOf and nativeOf say in which classic and in which native bucket a cell lies; below
// 0 is the zero bucket.
var bucketOf, nativeOf = func() (classic [Cells]uint8, native [Cells]int8) { //nolint:gochecknoglobals // read-only tables
	for i := range Cells {
		bound := uint64(math.MaxUint64)
		if i < len(cellBounds) {
			bound = cellBounds[i]
		}
		for classic[i] < uint8(len(bounds)) && bound > uint64(bounds[classic[i]]) {
			classic[i]++
		}
		at := NativeFirst - 1
		for at < nativeLast && bound > nativeBound(at) {
			at++
		}
		native[i] = int8(at - NativeFirst)
	}
	return classic, native
}()
