package limit

import (
	"sync/atomic"
	"time"
)

// Rate counts what happens within one second of a clock. The zero value has counted
// nothing; any goroutine may use it. Two that meet at the end of a second may count
// for the one before.
type Rate struct {
	second atomic.Int64
	count  atomic.Int64
}

// Count counts one more, and is how many there were in this second.
func (r *Rate) Count(nowNanos int64) int64 {
	now := nowNanos / int64(time.Second)
	if was := r.second.Load(); was != now && r.second.CompareAndSwap(was, now) {
		r.count.Store(0)
	}
	return r.count.Add(1)
}

// OncePerSecond lets one of many through each second, for what would fill a log. The
// zero value lets the next one through; any goroutine may use it.
type OncePerSecond struct{ lastNanos atomic.Int64 }

// Take takes this second's turn; false: it is taken. nowNanos is above 0.
func (o *OncePerSecond) Take(nowNanos int64) bool {
	last := o.lastNanos.Load()
	return (last == 0 || nowNanos-last >= int64(time.Second)) && o.lastNanos.CompareAndSwap(last, nowNanos)
}
