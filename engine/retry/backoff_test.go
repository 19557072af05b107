package retry

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// TestBackoffOfTheSection says how long each wait is at most and at least.
func TestBackoffOfTheSection(t *testing.T) {
	millis := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, tc := range []struct {
		name                          string
		backoff                       config.Backoff
		longestMillis, shortestMillis []int64 // after attempts 1 to 4
	}{
		{"doubles", config.Backoff{Initial: millis(10), Factor: 2, Max: time.Second}, []int64{10, 20, 40, 80}, []int64{10, 20, 40, 80}},
		{"triples", config.Backoff{Initial: millis(10), Factor: 3, Max: time.Second}, []int64{10, 30, 90, 270}, []int64{10, 30, 90, 270}},
		{"stays", config.Backoff{Initial: millis(10), Factor: 1, Max: time.Second}, []int64{10, 10, 10, 10}, []int64{10, 10, 10, 10}},
		{"bounded", config.Backoff{Initial: millis(10), Factor: 3, Max: millis(50)}, []int64{10, 30, 50, 50}, []int64{10, 30, 50, 50}},
		{"half random", config.Backoff{Initial: millis(10), Factor: 2, Max: time.Second, Jitter: 0.5}, []int64{10, 20, 40, 80}, []int64{5, 10, 20, 40}},
		{"all random", config.Backoff{Initial: millis(10), Factor: 3, Max: millis(50), Jitter: 1}, []int64{10, 30, 50, 50}, []int64{0, 0, 0, 0}},
		{"none", config.Backoff{Factor: 2, Jitter: 1}, []int64{0, 0, 0, 0}, []int64{0, 0, 0, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := New(&config.Retry{Backoff: tc.backoff}, new(Counts))
			for i := range tc.longestMillis {
				if got, want := p.Backoff(i+1, 0), millis(tc.longestMillis[i]); got != want {
					t.Errorf("after attempt %d at most: got %v; want %v", i+1, got, want)
				}
				if got, want := p.Backoff(i+1, math.MaxUint64), millis(tc.shortestMillis[i]); got < want || got > want+time.Microsecond {
					t.Errorf("after attempt %d at least: got %v; want %v", i+1, got, want)
				}
			}
		})
	}
}

// A wait that a float cannot hold is the longest one, and no negative number.
func TestBackoffSaturates(t *testing.T) {
	for _, c := range []struct {
		name    string
		backoff config.Backoff
		attempt int
	}{
		{"beyond the largest float", config.Backoff{Initial: time.Second, Factor: 100, Max: time.Minute}, 1000},
		{"the longest duration", config.Backoff{Initial: math.MaxInt64, Factor: 2, Max: math.MaxInt64}, 3},
		{"nothing times infinity", config.Backoff{Factor: 100, Max: time.Minute}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := New(&config.Retry{Backoff: c.backoff}, new(Counts))
			if got := p.Backoff(c.attempt, 0); got != c.backoff.Max {
				t.Errorf("got %v; want %v", got, c.backoff.Max)
			}
		})
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 5e8, time.UTC)
	for _, c := range []struct {
		value string
		want  time.Duration
	}{
		{"0", 0},
		{"1", time.Second},
		{"0120", 2 * time.Minute},
		{"2147483647", math.MaxInt32 * time.Second},
		{"2147483648", 0},
		{"99999999999999999999", 0},
		{"-1", 0},
		{"+1", 0},
		{"1.5", 0},
		{"soon", 0},
		{"", 0},
		{"Sun, 29 Nov 2026 12:00:03 GMT", 2500 * time.Millisecond},
		{"Sun, 29 Nov 2026 11:59:59 GMT", 0},
		{"Sunday, 29-Nov-26 12:00:03 GMT", 2500 * time.Millisecond},
		{"Sun Nov 29 12:00:03 2026", 2500 * time.Millisecond},
		{"Sun, 31 Nov 2026 12:00:03 GMT", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", math.MaxInt64},
	} {
		t.Run(c.value, func(t *testing.T) {
			if got := After([]byte(c.value), now); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

// FuzzBackoff: never below zero, never above max, never shorter after one attempt
// more where the factor does not shrink it.
func FuzzBackoff(f *testing.F) {
	f.Add(int64(10*time.Millisecond), int64(time.Second), 2.0, 0.5, 1, uint64(0))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), 100.0, 0.0, 15, uint64(math.MaxUint64))
	f.Add(int64(0), int64(math.MaxInt64), math.Inf(1), 1.0, 2, uint64(1)<<63)
	f.Fuzz(func(t *testing.T, initial, longest int64, factor, jitter float64, attempt int, random uint64) {
		if initial < 0 || longest < 0 || jitter < 0 || jitter > 1 || attempt < 1 || attempt == math.MaxInt {
			return
		}
		p := New(&config.Retry{Backoff: config.Backoff{
			Initial: time.Duration(initial), Max: time.Duration(longest), Factor: factor, Jitter: jitter,
		}}, new(Counts))
		got, next := p.Backoff(attempt, random), p.Backoff(attempt+1, random)
		for _, wait := range []time.Duration{got, next} {
			if wait < 0 || wait > time.Duration(longest) {
				t.Fatalf("got %v; want 0 to %v", wait, time.Duration(longest))
			}
		}
		if factor >= 1 && initial > 0 && next < got {
			t.Fatalf("got %v after %v; want no less", next, got)
		}
	})
}

// FuzzRetryAfter: a number of seconds, or a date that is read back, or nothing.
func FuzzRetryAfter(f *testing.F) {
	f.Add([]byte("120"), int64(1_800_000_000))
	f.Add([]byte("Sun, 29 Nov 2026 12:00:03 GMT"), int64(1_800_000_000))
	f.Add([]byte("Sunday, 29-Nov-26 12:00:03 GMT"), int64(0))
	f.Fuzz(func(t *testing.T, value []byte, nowUnix int64) {
		const year9999 = 253402300799
		if nowUnix < 0 || nowUnix > year9999-math.MaxInt32 {
			return
		}
		now := time.Unix(nowUnix, 0)
		got := After(value, now)
		if got < 0 {
			t.Fatalf("%q: got %v; want no less than 0", value, got)
		}
		if seconds, digits := seconds(value); digits {
			if want := time.Duration(seconds) * time.Second; got != want {
				t.Fatalf("%q: got %v; want %v", value, got, want)
			}
			return
		}
		if _, err := http.ParseTime(string(value)); err != nil && got != 0 {
			t.Fatalf("%q: got %v; want 0: it is no date", value, got)
		}
		wait := time.Duration(len(value)) * time.Second
		if got := After([]byte(now.Add(wait).UTC().Format(http.TimeFormat)), now); got != wait {
			t.Fatalf("a date in %v: got %v", wait, got)
		}
	})
}

// seconds reads digits one by one, 0 where they say more than 31 bits.
func seconds(value []byte) (n int64, digits bool) {
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = min(10*n+int64(c-'0'), math.MaxInt32+1); n > math.MaxInt32 {
			n = math.MaxInt32 + 1
		}
	}
	if n > math.MaxInt32 {
		n = 0
	}
	return n, len(value) > 0
}
