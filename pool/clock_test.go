package pool

import (
	"math"
	"testing"
	"time"
)

func TestMomentsBeyondTheClockAreItsLast(t *testing.T) {
	for _, tc := range []struct {
		from int64
		d    time.Duration
		want int64
	}{
		{1, time.Second, 1 + int64(time.Second)},
		{5, 0, 5},
		{5, -3, 2},
		{1, math.MaxInt64, math.MaxInt64},
		{math.MaxInt64, 1, math.MaxInt64},
		{math.MaxInt64 - 1, 1, math.MaxInt64},
	} {
		if got := After(tc.from, tc.d); got != tc.want {
			t.Errorf("%d and %v: got %d; want %d", tc.from, tc.d, got, tc.want)
		}
	}
	for _, tc := range []struct{ open, least, most int64 }{
		{1, int64(time.Millisecond), int64(time.Millisecond)},
		{int64(time.Second), int64(time.Second), int64(time.Second)},
		{math.MaxInt64, int64(365 * 24 * time.Hour), math.MaxInt64},
	} {
		got := untilNanosOf(packWord(breakerOpen, 1, untilMillis(0, tc.open)))
		if got < tc.least || got > tc.most {
			t.Errorf("a breaker that is open for %d closes after %d; want %d to %d", tc.open, got, tc.least, tc.most)
		}
	}
}

// Who is told that nobody wants the result any more does not wait, whenever it begins.
func TestPatienceEnds(t *testing.T) {
	bell := NewBell()
	done := make(chan struct{})
	if err := Await(Patience{ByNanos: Nanos() - 1, Bell: bell}, done); err != ErrLate { //nolint:errorlint // unwrapped
		t.Errorf("got %v; want %v", err, ErrLate)
	}
	for range 2 {
		bell.Ring()
		if err := Await(Patience{Bell: bell}, done); err != ErrLeft { //nolint:errorlint // unwrapped
			t.Errorf("got %v; want %v", err, ErrLeft)
		}
	}
	close(done)
	if err := Await(Patience{ByNanos: 1, Bell: bell}, done); err != nil {
		t.Errorf("got %v; want what is done", err)
	}
	e := NewErrands()
	e.Close()
	if e.Run(nil, nil) {
		t.Error("an errand was begun after the end")
	}
}
