package socket

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	type wait struct {
		took  time.Duration
		moved int64
		more  bool
	}
	for _, tc := range []struct {
		name      string
		gap       time.Duration
		perSecond int64
		waits     []wait
	}{
		{"no limit", 0, 100, []wait{{time.Hour, 0, true}}},
		{"nothing within the gap", time.Second, 0, []wait{{999 * time.Millisecond, 0, true}, {time.Millisecond, 0, false}}},
		{"a byte refills all without a rate", time.Second, 0, []wait{{900 * time.Millisecond, 1, true}, {900 * time.Millisecond, 1, true}}},
		{"below the rate", 2 * time.Second, 10, []wait{{time.Second, 1, true}, {time.Second, 1, true}, {300 * time.Millisecond, 1, false}}},
		{"at the rate", time.Second, 10, []wait{{500 * time.Millisecond, 5, true}, {900 * time.Millisecond, 9, true}, {900 * time.Millisecond, 9, true}}},
		{"what came early is not saved up", time.Second, 10, []wait{{0, 1 << 40, true}, {900 * time.Millisecond, 0, true}, {200 * time.Millisecond, 0, false}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p Pace
			p.Begin(tc.gap, tc.perSecond)
			for i, w := range tc.waits {
				if by := p.By(1000); tc.gap > 0 && by <= 1000 || tc.gap == 0 && by != 0 {
					t.Fatalf("wait %d may last until %d", i, by)
				}
				if more := p.Took(int64(w.took), w.moved); more != w.more {
					t.Fatalf("wait %d: more %v; want %v", i, more, w.more)
				}
			}
		})
	}
}

// A peer whose kernel still takes bytes moves on, although there is no room for
// us to write: it must not be given up.
func TestPacedWriteOutlivesItsGapWhileThePeerReads(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	c.SetWritePace(50*time.Millisecond, 0)
	const size = 64 << 20
	ended := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := c.Write(make([]byte, size))
		ended <- err
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for got, buf := 0, make([]byte, 1<<20); got < size; {
		<-tick.C
		n, err := io.ReadFull(peer, buf)
		if got += n; err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil || time.Since(began) < 100*time.Millisecond {
		t.Errorf("got %v after %v; want no error, and later than one gap", err, time.Since(began))
	}
}

func TestPacedWriteGivesUp(t *testing.T) {
	c, _ := pair(t, testLoop(t))
	c.SetWritePace(5*time.Millisecond, 0)
	if _, err := c.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v; want the deadline", err)
	}
}
