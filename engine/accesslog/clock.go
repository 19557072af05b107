package accesslog

import (
	"sync/atomic"
	"time"
)

// Clock knows the time of day as text. It is rendered once a second: it allocates then and
// not in between, and asks the system no more often. Any number of goroutines may ask it;
// the zero value is ready.
type Clock struct{ now atomic.Pointer[second] }

// second is a second of the day, which began at fromNanos of the process' clock.
type second struct {
	fromNanos int64
	date      string // 2006-01-02T15:04:05
	zone      string // Z or +01:00
	common    string // 02/Jan/2006:15:04:05 +0000
}

// at is the second in which nowNanos is. Shards whose clocks differ by what one step of a
// loop takes may be a little behind it: they get its begin, so that they do not have the
// second before rendered again.
func (c *Clock) at(nowNanos int64) *second {
	s := c.now.Load()
	if s == nil || nowNanos-s.fromNanos >= int64(time.Second) {
		s = newSecond(time.Now(), nowNanos)
		c.now.Store(s)
	}
	return s
}

func newSecond(now time.Time, nowNanos int64) *second {
	return &second{
		fromNanos: nowNanos - int64(now.Nanosecond()),
		date:      now.Format("2006-01-02T15:04:05"),
		zone:      now.Format("Z07:00"),
		common:    now.Format("02/Jan/2006:15:04:05 -0700"),
	}
}

const microDigits = 6

// appendTime appends the time at nowNanos as RFC 3339 has it, to the microsecond.
func (s *second) appendTime(dst []byte, nowNanos int64) []byte {
	dst = append(append(dst, s.date...), '.')
	dst = appendDigits(dst, uint64(min(max(nowNanos-s.fromNanos, 0), int64(time.Second)-1)/int64(time.Microsecond)), microDigits)
	return append(dst, s.zone...)
}

// appendDigits appends the last n digits of v, with leading zeros.
func appendDigits(dst []byte, v uint64, n int) []byte {
	at := len(dst)
	for range n {
		dst = append(dst, '0')
	}
	for i := n - 1; i >= 0; i-- {
		dst[at+i] = '0' + byte(v%10)
		v /= 10
	}
	return dst
}
