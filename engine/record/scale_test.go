package record

import (
	"math"
	"testing"
	"time"
)

func TestShort(t *testing.T) {
	for _, tc := range []struct{ d, want time.Duration }{
		{0, 0},
		{-time.Second, 0},
		{999 * time.Nanosecond, 0},
		{time.Microsecond, time.Microsecond},
		{2047 * time.Microsecond, 2047 * time.Microsecond},
		{2048 * time.Microsecond, 2048 * time.Microsecond},
		{2049 * time.Microsecond, 2048 * time.Microsecond},
		{time.Second, 999_936 * time.Microsecond}, // 1953 << 9
		{math.MaxInt64, 2047 << 31 * time.Microsecond},
	} {
		if got := ShortOf(tc.d).Duration(); got != tc.want {
			t.Errorf("%v: got %v; want %v", tc.d, got, tc.want)
		}
	}
}

func TestAge(t *testing.T) {
	for _, tc := range []struct{ d, want time.Duration }{
		{-1, 0},
		{999 * time.Millisecond, 0},
		{15 * time.Second, 15 * time.Second},
		{16 * time.Second, 16 * time.Second},
		{17 * time.Second, 16 * time.Second},
		{time.Hour, 14 << 8 * time.Second},
		{math.MaxInt64, 15 << 15 * time.Second},
	} {
		if got := AgeOf(tc.d).Duration(); got != tc.want {
			t.Errorf("%v: got %v; want %v", tc.d, got, tc.want)
		}
	}
}

func TestSize(t *testing.T) {
	for _, tc := range []struct{ n, want int64 }{
		{-1, 0},
		{0, 0},
		{1<<26 - 1, 1<<26 - 1},
		{1<<26 + 1, 1 << 26},
		{1 << 40, 1 << 40},
		{math.MaxInt64, (1<<26 - 1) << 37},
	} {
		if got := SizeOf(tc.n).Bytes(); got != tc.want {
			t.Errorf("%d: got %d; want %d", tc.n, got, tc.want)
		}
	}
}

// What is read is what was meant, or a bit less, and greater values stay greater.
func FuzzScales(f *testing.F) {
	f.Add(int64(0), int64(1))
	f.Add(int64(2047_999), int64(2048_000))
	f.Add(int64(math.MaxInt64), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, a, b int64) {
		a, b = min(a, b), max(a, b)
		if ShortOf(time.Duration(a)) > ShortOf(time.Duration(b)) || AgeOf(time.Duration(a)) > AgeOf(time.Duration(b)) || SizeOf(a) > SizeOf(b) {
			t.Errorf("%d is above %d", a, b)
		}
		const days = 24 * time.Hour
		within := func(what string, got, want, unit int64, share float64) {
			if want < 0 {
				want = 0
			}
			if got > want || float64(want-got) > float64(want)*share+float64(unit) {
				t.Errorf("%s: got %d of %d", what, got, want)
			}
		}
		within("size", SizeOf(b).Bytes(), b, 0, 1.0/(1<<25))
		if d := time.Duration(b); d < 50*days {
			within("short", int64(ShortOf(d).Duration()), b, int64(time.Microsecond), 1.0/(1<<10))
		}
		if d := time.Duration(b); d < 5*days {
			within("age", int64(AgeOf(d).Duration()), b, int64(time.Second), 1.0/(1<<3))
		}
	})
}
