package rate

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// one is a table of one limit, and asks its only key.
type one struct {
	t    *Table
	asks [1]Ask
}

func newOne(l Limit) *one { return &one{t: NewTable(Definition{MaxKeys: 1, Limits: []Limit{l}})} }

func (o *one) take(nowNanos int64) Result { return o.t.Take(nowNanos, o.asks[:]) }

// passes is how many requests pass at once.
func (o *one) passes(nowNanos int64) int {
	n := 0
	for o.take(nowNanos).Allowed {
		n++
	}
	return n
}

// At once a burst passes; then, after each Per, exactly the rate, and one fewer before
// that, as far as units tell, whenever it began.
func TestLimitIsExact(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		per   time.Duration
		burst int
	}{
		{1, time.Second, 1},
		{3, time.Second, 3},
		{7, time.Second, 20},
		{100, time.Second, 200},
		{100, time.Second, 1},
		{1000, time.Minute, 1000},
		{1, 24 * time.Hour, 5},
		{1, 5 * 366 * 24 * time.Hour, 2},
		{5, time.Hour, 5},
		{1e6, time.Second, 2000},
		{3e6, time.Second, 100},
		{999_999_937, time.Second, 100}, // a prime
		{1e9, time.Second, 10},
		{3, time.Microsecond, 7},
		{1, 1, 1},
	} {
		for _, start := range []int64{0, 1, 999_999_999, 1<<62 + 12345} {
			t.Run(fmt.Sprintf("%v per %v, burst %d, from %d", c.rate, c.per, c.burst, start), func(t *testing.T) {
				o := newOne(Limit{Rate: c.rate, Per: c.per, Burst: c.burst})
				if got := o.passes(start); got != c.burst {
					t.Fatalf("at once: got %d; want %d", got, c.burst)
				}
				per, rate := int64(c.per), min(int(c.rate), c.burst)
				unit := int64(o.t.laws[0].nanos(1))
				if float64(c.burst) >= c.rate && per > 2*unit { // else what comes back is more than the burst, and is cut
					if got := o.passes(start + per - unit); got != rate-1 {
						t.Errorf("just before Per: got %d; want %d", got, rate-1)
					}
					if got := o.passes(start + per); got != 1 {
						t.Errorf("after Per: got %d more; want 1", got)
					}
				}
				// Without a request in between all of it comes back.
				o = newOne(Limit{Rate: c.rate, Per: c.per, Burst: c.burst})
				o.passes(start)
				if got := o.passes(start + per); got != rate {
					t.Errorf("after Per: got %d; want %d", got, rate)
				}
				if got := o.passes(start + per); got != 0 {
					t.Errorf("once more: got %d; want 0", got)
				}
			})
		}
	}
}

// Over a long time as many pass as the rate says, whatever the rate: nothing drifts.
func TestRateDoesNotDrift(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		rate float64
		per  time.Duration
	}{{7, time.Second}, {0.3, time.Second}, {1.1, time.Second}, {1.0 / 3, time.Minute}, {1e-4, time.Second}, {3e6, time.Second}, {1.5, 2 * time.Nanosecond}, {123.456, time.Minute}} {
		t.Run(fmt.Sprintf("%v per %v", c.rate, c.per), func(t *testing.T) {
			o := newOne(Limit{Rate: c.rate, Per: c.per, Burst: 50})
			interval := float64(c.per) / c.rate
			nowF, passed := 1e6, 0
			for range 100_000 {
				nowF += random.Float64() * interval // twice as many as pass
				if o.take(int64(nowF)).Allowed {
					passed++
				}
			}
			want := (nowF-1e6)/interval + 50
			if math.Abs(float64(passed)-want) > 2 {
				t.Errorf("got %d; want %.1f", passed, want)
			}
		})
	}
}

// Below its rate a client is never refused, though the times are rounded.
func TestWhoKeepsTheRateIsNeverRefused(t *testing.T) {
	for _, rate := range []int64{1, 3, 7, 100, 999, 1_000_003} {
		o := newOne(Limit{Rate: float64(rate), Per: time.Second, Burst: 1})
		for i := int64(1); i <= 20_000; i++ {
			now := (i*int64(time.Second) + rate - 1) / rate // rounded up
			if r := o.take(now); !r.Allowed {
				t.Fatalf("%d per second: request %d at %d was refused for %v", rate, i, now, r.RetryAfter)
			}
		}
	}
}

// FuzzUnits compares with numbers of any size.
func FuzzUnits(f *testing.F) {
	f.Add(100.0, int64(time.Second), int64(1)<<62, 200)
	f.Add(1e-9, int64(1), int64(math.MaxInt64), 1)
	f.Add(3e6, int64(time.Second), int64(123456789), 1<<30)
	f.Fuzz(func(t *testing.T, rate float64, per, nanos int64, burst int) {
		l := Limit{Rate: rate, Per: time.Duration(per), Burst: burst}
		if l.Check() != nil || nanos < 0 {
			return
		}
		w := compile(&l)
		if w.ratio == 0 || w.ratio > w.per || w.interval != 1<<w.shift || w.tolerance/w.interval != int64(burst) || w.most >= 2*unitsMax {
			t.Fatalf("%+v: got %+v", l, w)
		}
		want := new(big.Int).Mul(big.NewInt(nanos), new(big.Int).SetUint64(w.ratio))
		want.Quo(want, new(big.Int).SetUint64(w.per))
		units := w.units(nanos)
		if !want.IsInt64() || want.Int64() != units {
			t.Fatalf("%+v: %d ns are %d units; want %v", l, nanos, units, want)
		}
		if back := w.nanos(units); int64(back) > nanos || back < math.MaxInt64 && w.units(int64(back)) < units {
			t.Fatalf("%+v: %d units are %d ns; want no more than %d, in which they pass", l, units, back, nanos)
		}
		interval, exact := float64(w.interval)/float64(w.ratio)*float64(w.per), float64(per)/rate
		if math.Abs(interval-exact) > exact*1e-3 {
			t.Fatalf("%+v: an interval is %v ns; want %v", l, interval, exact)
		}
	})
}

func TestLimitsThatAreNone(t *testing.T) {
	good := Limit{Rate: 1, Per: time.Second, Burst: 1}
	for _, c := range []struct {
		name   string
		change func(l *Limit)
		fine   bool
	}{
		{"as it is", func(*Limit) {}, true},
		{"no rate", func(l *Limit) { l.Rate = 0 }, false},
		{"negative rate", func(l *Limit) { l.Rate = -1 }, false},
		{"no number", func(l *Limit) { l.Rate = math.NaN() }, false},
		{"endless rate", func(l *Limit) { l.Rate = math.Inf(1) }, false},
		{"billion a second", func(l *Limit) { l.Rate = 1e9 }, true},
		{"more", func(l *Limit) { l.Rate = 1.1e9 }, false},
		{"no time", func(l *Limit) { l.Per = 0 }, false},
		{"negative time", func(l *Limit) { l.Per = -1 }, false},
		{"longest time", func(l *Limit) { l.Per = math.MaxInt64 }, false},
		{"one in ten years", func(l *Limit) { l.Per = perMax }, true},
		{"one in eleven years", func(l *Limit) { l.Per, l.Rate = perMax, 0.9 }, false},
		{"no burst", func(l *Limit) { l.Burst = 0 }, false},
		{"largest burst", func(l *Limit) { l.Burst = BurstMax }, true},
		{"larger burst", func(l *Limit) { l.Burst = BurstMax + 1 }, false},
		{"delay", func(l *Limit) { l.MaxDelay, l.BlockFor = math.MaxInt64, math.MaxInt64 }, true},
		{"negative delay", func(l *Limit) { l.MaxDelay = -1 }, false},
		{"negative block", func(l *Limit) { l.BlockFor = -1 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := good
			c.change(&l)
			d := Definition{MaxKeys: 1, Limits: []Limit{l}}
			if err := d.Check(); (err == nil) != c.fine {
				t.Fatalf("%+v: got %v; want fine %v", l, err, c.fine)
			}
			if c.fine { // and it limits
				o := newOne(l)
				if l.Burst < 1000 && l.MaxDelay == 0 {
					if got := o.passes(1); got != l.Burst {
						t.Errorf("%+v: passed %d; want %d", l, got, l.Burst)
					}
				} else if !o.take(1).Allowed {
					t.Errorf("%+v: the first one was refused", l)
				}
			}
		})
	}
	for _, d := range []Definition{
		{MaxKeys: 0, Limits: []Limit{good}},
		{MaxKeys: 1<<28 + 1, Limits: []Limit{good}},
		{MaxKeys: 1},
		{MaxKeys: 1, Limits: make([]Limit, LimitsMax+1)},
	} {
		if d.Check() == nil {
			t.Errorf("%d keys, %d limits: want an error", d.MaxKeys, len(d.Limits))
		}
	}
}
