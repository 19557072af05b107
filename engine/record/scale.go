package record

import (
	"math/bits"
	"time"
)

// Short is a time in 16 bits: the lower 11 are a number of microseconds, the upper 5 say
// how often that is doubled. It is exact up to 2 ms and 0.1 % too short at most above; what
// is longer than 50 days is 50 days.
type Short uint16

const (
	shortBits = 11
	shortMask = 1<<shortBits - 1
	shortLast = 1<<16 - 1
)

// ShortOf is d; a negative one is 0.
func ShortOf(d time.Duration) Short {
	micros := uint64(max(d, 0)) / uint64(time.Microsecond)
	doubled := max(bits.Len64(micros)-shortBits, 0)
	if doubled > shortLast>>shortBits {
		return shortLast
	}
	return Short(uint64(doubled)<<shortBits | micros>>doubled)
}

// Duration is what s stands for.
func (s Short) Duration() time.Duration {
	return time.Duration(uint64(s)&shortMask<<(s>>shortBits)) * time.Microsecond
}

// Age is a time in 8 bits: seconds, exact up to 15 and an eighth too short at most above;
// what is longer than five days is five days.
type Age uint8

const (
	ageBits = 4
	ageMask = 1<<ageBits - 1
	ageLast = 1<<8 - 1
)

// AgeOf is d; a negative one is 0.
func AgeOf(d time.Duration) Age {
	seconds := uint64(max(d, 0)) / uint64(time.Second)
	doubled := max(bits.Len64(seconds)-ageBits, 0)
	if doubled > ageLast>>ageBits {
		return ageLast
	}
	return Age(uint64(doubled)<<ageBits | seconds>>doubled)
}

// Duration is what a stands for.
func (a Age) Duration() time.Duration {
	return time.Duration(uint64(a)&ageMask<<(a>>ageBits)) * time.Second
}

// Size is a number of bytes in 32 bits: exact up to 64 MiB, and a part in 33 million too
// small at most above.
type Size uint32

const (
	sizeBits = 26
	sizeMask = 1<<sizeBits - 1
)

// SizeOf is n; a negative one is 0.
func SizeOf(n int64) Size {
	whole := uint64(max(n, 0))
	doubled := max(bits.Len64(whole)-sizeBits, 0) // at most 37
	return Size(uint64(doubled)<<sizeBits | whole>>doubled)
}

// Bytes is what s stands for.
func (s Size) Bytes() int64 { return int64(uint64(s) & sizeMask << (s >> sizeBits)) }
