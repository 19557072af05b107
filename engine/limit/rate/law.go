package rate

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Limit says what passes: Rate requests in Per, and Burst of them at once.
//
// A limit is exact: of requests that come at once Burst pass, no more and no less, and
// after Per exactly Rate more. Burst counts the request itself: what nginx calls
// burst=N with nodelay, N beyond the one of the rate, is a Burst of N+1 here.
type Limit struct {
	Name string
	// Rate is above 0, and at most a billion a second.
	Rate float64
	Per  time.Duration
	// Burst is 1 to BurstMax.
	Burst int
	// MaxDelay is how long a request that is too early may be asked to wait; 0 refuses
	// it.
	MaxDelay time.Duration
	// BlockFor is how long a key that was refused gets nothing at all, counted from
	// that refusal; those that follow meanwhile do not make it longer. 0 is off.
	BlockFor time.Duration
}

const (
	// BurstMax is the largest burst.
	BurstMax = 1 << 30
	// perSecondMax is the highest rate: above it, requests are less than the clock's
	// nanosecond apart.
	perSecondMax = 1e9
	// perMax bounds Per, so that the interval of a limit fits into a Duration.
	perMax = 10 * 366 * 24 * time.Hour
	// fine is how large law.ratio should be: what rounding it loses is a billionth.
	fine = 1 << 30
	// unitsMax bounds every time ahead of the clock: half of what a word tells apart.
	unitsMax = 1 << 56
)

// Check says what is wrong with a limit.
func (l *Limit) Check() error {
	switch {
	case math.IsNaN(l.Rate) || math.IsInf(l.Rate, 0) || l.Rate <= 0:
		return fmt.Errorf("rate %v: want a number above 0", l.Rate)
	case l.Per <= 0 || l.Per > perMax:
		return fmt.Errorf("per %v: want a time above 0 and below ten years", l.Per)
	case l.perSecond() > perSecondMax:
		return fmt.Errorf("rate %v per %v: want at most a billion a second", l.Rate, l.Per)
	case l.Rate*float64(perMax) < float64(l.Per):
		return fmt.Errorf("rate %v per %v: want at least one in ten years", l.Rate, l.Per)
	case l.Burst < 1 || l.Burst > BurstMax:
		return fmt.Errorf("burst %d: want 1 to %d", l.Burst, BurstMax)
	case l.MaxDelay < 0 || l.BlockFor < 0:
		return errors.New("a delay below 0")
	}
	return nil
}

func (l *Limit) perSecond() float64 { return l.Rate * float64(time.Second) / float64(l.Per) }

// law is a limit in units of its own, of which an interval is a power of two. So the
// interval is exact whatever the rate (a third of a second has no nanoseconds), and a
// time is turned into units by one multiplication and one division that leave no drift:
// the clock's Per is exactly Rate intervals. A unit is one to two nanoseconds, more
// where a burst takes a year, and no request passes earlier than by one.
type law struct {
	ratio     uint64 // units in per, at most per
	per       uint64 // nanoseconds
	shift     uint8  // an interval is 1<<shift units
	interval  int64  // units
	tolerance int64  // units that a key may be ahead: burst intervals
	delay     int64  // units, beyond tolerance
	block     int64  // units
	most      int64  // units that a key is ahead at most; what shows more is of an age ago
}

// compile is the law of a limit that Check has found no fault with.
func compile(l *Limit) law {
	perSecond := max(l.perSecond(), 1/perMax.Seconds())
	shift := max(0, int(math.Floor(math.Log2(perSecondMax/perSecond))))
	shift = min(shift, bits.Len64(unitsMax)-2-bits.Len(uint(l.Burst)))
	w := law{shift: uint8(shift), interval: 1 << shift, per: uint64(l.Per)}
	rate := l.Rate
	for math.Ldexp(rate, shift) < fine && w.per <= math.MaxInt64/10 {
		rate, w.per = rate*10, w.per*10 // 0.1 a second is 1 in ten, which is a whole number
	}
	w.ratio = min(max(uint64(math.Round(math.Ldexp(rate, shift))), 1), w.per)
	w.tolerance = int64(l.Burst) << shift
	w.delay = min(w.units(int64(l.MaxDelay)), unitsMax/4)
	w.block = min(w.units(int64(l.BlockFor)), unitsMax/4)
	// Callers read the clock before they ask: one may see what another has written
	// with a time that is later than its own.
	w.most = w.tolerance + w.delay + w.block + w.units(int64(time.Minute))
	return w
}

// units is a time in units, rounded down. It is at most nanos.
func (w *law) units(nanos int64) int64 {
	high, low := bits.Mul64(uint64(max(nanos, 0)), w.ratio)
	q, _ := bits.Div64(high, low, w.per) // high < per, since ratio <= per
	return int64(q)
}

// nanos is the time of so many units, rounded up, so that they have passed after it.
func (w *law) nanos(units int64) time.Duration {
	if units <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(units), w.per)
	low, carry := bits.Add64(low, w.ratio-1, 0)
	if high += carry; high >= w.ratio {
		return math.MaxInt64
	}
	q, _ := bits.Div64(high, low, w.ratio)
	return time.Duration(min(q, math.MaxInt64))
}
