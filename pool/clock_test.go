package pool

import (
	"math"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
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
		if got := socket.After(tc.from, tc.d); got != tc.want {
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
	bell := socket.NewBell()
	done := make(chan struct{})
	if err := socket.Await(socket.Patience{ByNanos: socket.Nanos() - 1, Bell: bell}, done); err != socket.ErrLate { //nolint:errorlint // unwrapped
		t.Errorf("got %v; want %v", err, socket.ErrLate)
	}
	for range 2 {
		bell.Ring()
		if err := socket.Await(socket.Patience{Bell: bell}, done); err != socket.ErrLeft { //nolint:errorlint // unwrapped
			t.Errorf("got %v; want %v", err, socket.ErrLeft)
		}
	}
	close(done)
	if err := socket.Await(socket.Patience{ByNanos: 1, Bell: bell}, done); err != nil {
		t.Errorf("got %v; want what is done", err)
	}
	e := socket.NewErrands()
	e.Close()
	if e.Run(nil, nil) {
		t.Error("an errand was begun after the end")
	}
}
