package record

import (
	"math/bits"
	"time"
)

// scaled is n as a number of the lower bits, and in those above how often that is doubled;
// last where n is more than that can say.
func scaled(n uint64, lower int, last uint64) uint64 {
	doubled := max(bits.Len64(n)-lower, 0)
	if uint64(doubled) > last>>lower {
		return last
	}
	return uint64(doubled)<<lower | n>>doubled
}

// unscaled is what a result of scaled stands for.
func unscaled(s uint64, lower int) uint64 { return s & (1<<lower - 1) << (s >> lower) }

// shareOf is which part of whole a part of it is, in steps of 1/last.
func shareOf(part, whole int64, last uint8) uint8 {
	if part <= 0 || whole <= 0 {
		return 0
	}
	return uint8((float64(min(part, whole))*float64(last))/float64(whole) + 0.5)
}

// partOf is the part of whole that a result of shareOf stands for.
func partOf(whole int64, share, last uint8) int64 {
	return int64(float64(whole) * float64(share) / float64(last))
}

// Short is a time in 16 bits: the lower 11 are a number of microseconds, the upper 5 say
// how often that is doubled. It is exact up to 2 ms and 0.1 % too short at most above; what
// is longer than 50 days is 50 days.
type Short uint16

const (
	shortBits = 11
	shortLast = 1<<16 - 1
)

// ShortOf is d; a negative one is 0.
func ShortOf(d time.Duration) Short {
	return Short(scaled(uint64(max(d, 0)/time.Microsecond), shortBits, shortLast))
}

// Duration is what s stands for.
func (s Short) Duration() time.Duration {
	return time.Duration(unscaled(uint64(s), shortBits)) * time.Microsecond
}

// Age is a time in 8 bits: seconds, exact up to 15 and an eighth too short at most above;
// what is longer than five days is five days.
type Age uint8

const (
	ageBits = 4
	ageLast = 1<<8 - 1
)

// AgeOf is d; a negative one is 0.
func AgeOf(d time.Duration) Age {
	return Age(scaled(uint64(max(d, 0)/time.Second), ageBits, ageLast))
}

// Duration is what a stands for.
func (a Age) Duration() time.Duration {
	return time.Duration(unscaled(uint64(a), ageBits)) * time.Second
}

// Size is a number of bytes in 32 bits: exact up to 64 MiB, and a part in 33 million too
// small at most above.
type Size uint32

const (
	sizeBits = 26
	sizeLast = 1<<32 - 1
)

// SizeOf is n; a negative one is 0.
func SizeOf(n int64) Size {
	return Size(scaled(uint64(max(n, 0)), sizeBits, sizeLast))
}

// Bytes is what s stands for.
func (s Size) Bytes() int64 { return int64(unscaled(uint64(s), sizeBits)) }
