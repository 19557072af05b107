package answer

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestDateIsRenderedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now() // midnight, of the first of January 2000
		var c Clock
		date := func() []byte { return c.Date(int64(time.Since(began)) + 7) } // the zero of the clock does not matter
		for _, tc := range []struct {
			wait  time.Duration
			want  string
			fresh bool
		}{
			{250 * time.Millisecond, "Sat, 01 Jan 2000 00:00:00 GMT", true},
			{749 * time.Millisecond, "Sat, 01 Jan 2000 00:00:00 GMT", false},
			{time.Millisecond, "Sat, 01 Jan 2000 00:00:01 GMT", true},
			{time.Second - 1, "Sat, 01 Jan 2000 00:00:01 GMT", false},
			{36 * time.Hour, "Sun, 02 Jan 2000 12:00:01 GMT", true},
		} {
			before := c.now.Load()
			<-time.After(tc.wait)
			if got := string(date()); got != tc.want {
				t.Errorf("after %v: got %q; want %q", time.Since(began), got, tc.want)
			}
			if fresh := c.now.Load() != before; fresh != tc.fresh {
				t.Errorf("after %v: rendered again: %v; want %v", time.Since(began), fresh, tc.fresh)
			}
		}
	})
}
