package retry

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// backoff is an exponential wait, bounded, with a share of it random.
type backoff struct {
	initial time.Duration
	max     time.Duration
	factor  float64
	jitter  float64 // 0 to 1
}

// wait is the wait after the given attempt, counted from 1; random is 64 bits, of which
// 0 makes it the longest. It is never below zero or above max: what a float cannot hold
// is max.
func (b *backoff) wait(attempt int, random uint64) time.Duration {
	d := float64(b.initial) * math.Pow(b.factor, float64(attempt-1))
	d = min(d, float64(b.max))
	share := float64(random>>11) / (1 << 53)
	d *= 1 - b.jitter*share
	switch {
	case d < 0:
		return 0
	case d < float64(b.max):
		return time.Duration(d)
	}
	return b.max // also where d is no number: nothing times infinity
}

// AfterMax bounds the wait that a backend may ask for, also where the route has no
// deadline: an answer that asks for more is the client's, which can wait at less cost.
const AfterMax = time.Minute

// After is the wait that a value of Retry-After asks for (RFC 9110 section 10.2.3):
// so many seconds, or until a date; 0 where it says neither, or one gone by. It may
// be longer than AfterMax.
func After(value []byte, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(string(value), 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(string(value))
	if err != nil {
		return 0
	}
	return max(at.Sub(now), 0)
}
