package record

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// ms is a moment on the clock of exchanges.
func ms(n int64) int64 { return n * int64(time.Millisecond) }

// viewed is what readers see of a trail; its backends are called by their numbers.
func viewed(trail *Trail) View {
	c, r := New(1), Record{}
	trail.Into(&r)
	return c.view(place{}, &r)
}

func TestTrailOfAttemptsInARow(t *testing.T) {
	var trail Trail
	trail.Begin(1, ms(9100), ms(9103))
	trail.Opened(Connection{TookNanos: ms(1), Reused: true, MadeNanos: ms(2100), IdledNanos: ms(9053)})
	trail.Ended(end.Reset, 0, 0, ms(9110))
	trail.Begin(2, ms(9100), ms(9120))
	trail.Opened(Connection{TookNanos: ms(2)})
	trail.Ended(end.OK, 201, ms(9150), ms(9900))
	v := viewed(&trail)
	if v.Tried != 2 || v.Rivals != 0 || v.Admit != 3000*time.Microsecond || len(v.Tries) != 2 {
		t.Fatalf("got %+v", v)
	}
	first := TryView{
		Place: 1, Began: 3 * time.Millisecond, Connect: time.Millisecond, Answer: 7 * time.Millisecond,
		Reused: true, Age: 7 * time.Second, Idle: 50 * time.Millisecond, End: end.Reset,
	}
	near(t, "first", v.Tries[0], first)
	near(t, "second", v.Tries[1], TryView{
		Place: 2, Began: 20 * time.Millisecond, Connect: 2 * time.Millisecond, Answer: 30 * time.Millisecond, Status: 201, End: end.OK,
	})
}

// near compares attempts, times to a thousandth.
func near(t *testing.T, what string, got, want TryView) {
	t.Helper()
	for _, pair := range [][2]*time.Duration{
		{&got.Began, &want.Began}, {&got.Connect, &want.Connect}, {&got.Answer, &want.Answer}, {&got.Idle, &want.Idle},
	} {
		if d := *pair[1] - *pair[0]; d < 0 || d > *pair[1]/1000+time.Microsecond {
			t.Errorf("%s: got a time of %v; want %v", what, *pair[0], *pair[1])
		}
		*pair[0] = *pair[1]
	}
	if got != want {
		t.Errorf("%s: got %+v; want %+v", what, got, want)
	}
}

// The first three stay, and the last one.
func TestTrailOfManyAttempts(t *testing.T) {
	var trail Trail
	for i := range int64(300) {
		trail.Begin(uint32(i), 0, ms(i))
		trail.Ended(end.ConnectRefused, 0, 0, ms(i))
	}
	trail.Begin(7, 0, ms(500))
	trail.Ended(end.OK, 200, ms(501), ms(501))
	v := viewed(&trail)
	if v.Tried != 255 || len(v.Tries) != 4 {
		t.Fatalf("got %d attempts, %d of them kept; want 255, which stands for more, and 4", v.Tried, len(v.Tries))
	}
	for i, want := range []int{1, 2, 3, 255} {
		if got := v.Tries[i]; got.Place != want || (got.End == end.OK) != (i == 3) {
			t.Errorf("got %+v; want attempt %d", got, want)
		}
	}
}

func TestTrailOfARace(t *testing.T) {
	begun := func() (trail *Trail, place uint8) {
		trail = &Trail{}
		trail.Begin(1, 0, 0)
		trail.Opened(Connection{})
		place = trail.Rival(2, 0, ms(50))
		return trail, place
	}
	t.Run("the first one wins", func(t *testing.T) {
		trail, _ := begun()
		trail.Ended(end.OK, 200, ms(60), ms(70))
		v := viewed(trail)
		near(t, "first", v.Tries[0], TryView{Place: 1, Answer: 60 * time.Millisecond, Status: 200})
		near(t, "rival", v.Tries[1], TryView{Place: 2, Began: 50 * time.Millisecond, Rival: true, End: end.Outrun})
		if v.Tried != 2 || v.Rivals != 1 {
			t.Errorf("got %d attempts, %d rivals; want 2, 1", v.Tried, v.Rivals)
		}
	})
	t.Run("the rival wins", func(t *testing.T) {
		trail, place := begun()
		trail.Ended(end.Outrun, 0, 0, ms(60))
		trail.Won(place, 2, 0, ms(50))
		trail.Opened(Connection{TookNanos: ms(1)})
		trail.Ended(end.OK, 200, ms(60), ms(70))
		v := viewed(trail)
		near(t, "first", v.Tries[0], TryView{Place: 1, Answer: 60 * time.Millisecond, End: end.Outrun})
		near(t, "rival", v.Tries[1], TryView{
			Place: 2, Began: 50 * time.Millisecond, Connect: time.Millisecond, Answer: 10 * time.Millisecond, Rival: true, Won: true, Status: 200,
		})
	})
	t.Run("nobody wins", func(t *testing.T) {
		trail, place := begun()
		trail.Ended(end.Reset, 0, 0, ms(60))
		trail.Met(BreakerOpened)
		trail.Failed(place, end.Timeout, BreakerTrial|BreakerClosed)
		if v := viewed(trail); v.Tries[0].End != end.Reset || v.Tries[0].Breaker != BreakerOpened || v.Tries[0].Rival ||
			v.Tries[1].End != end.Timeout || v.Tries[1].Breaker != BreakerTrial|BreakerClosed || !v.Tries[1].Rival || v.Tries[1].Status != 0 {
			t.Errorf("got %+v", v.Tries)
		}
	})
}
