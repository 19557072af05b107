package answer

import (
	"sync/atomic"
	"time"
)

// Clock has the value of Date (RFC 9110 section 6.6.1), which is rendered once a second:
// it allocates then and not in between. Any number of goroutines may ask it; the zero
// value is ready.
type Clock struct{ now atomic.Pointer[second] }

// second is a value until the next one begins.
type second struct {
	untilNanos int64
	value      []byte
}

// Date is the value now, which is nowNanos on a monotonic clock; it is the same bytes for
// all and must not be changed. A caller whose nowNanos is a little old makes the value be
// rendered again a little early. Two that find the second over both render it.
func (c *Clock) Date(nowNanos int64) []byte {
	s := c.now.Load()
	if s == nil || nowNanos >= s.untilNanos {
		now := time.Now()
		s = &second{untilNanos: nowNanos + int64(time.Second) - int64(now.Nanosecond()), value: dateValue(now)}
		c.now.Store(s)
	}
	return s.value
}

func dateValue(now time.Time) []byte {
	return now.UTC().AppendFormat(nil, "Mon, 02 Jan 2006 15:04:05 GMT")
}
