package socket

import (
	"errors"
	"testing"
	"time"
)

// Whoever waits is told that it takes long, each time that it asks for, and waits on.
func TestAwaitSaysThatItTakesLong(t *testing.T) {
	soon := func() int64 { return After(Nanos(), time.Millisecond) }
	for _, tc := range []struct {
		name string
		most int // calls, after which Late asks for none
		ends bool
		by   time.Duration
		want error
	}{
		{"and then it is late", 3, false, time.Second, ErrLate},
		{"and then it is done", 2, true, time.Minute, nil},
		{"once", 1, true, time.Minute, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			done, calls := make(chan struct{}), 0
			err := Await(Patience{ByNanos: After(Nanos(), tc.by), LateBy: soon(), Late: func() int64 {
				calls++
				switch {
				case calls < tc.most:
					return soon()
				case tc.ends:
					close(done)
				}
				return 0
			}}, done)
			if !errors.Is(err, tc.want) || calls != tc.most {
				t.Errorf("got %v after %d calls; want %v after %d", err, calls, tc.want, tc.most)
			}
		})
	}
}
