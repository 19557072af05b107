package ctl

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRate(t *testing.T) {
	for _, c := range []struct {
		name   string
		totals []uint64
		want   float64
	}{
		{"no sample", nil, 0},
		{"one sample", []uint64{100}, 0},
		{"two samples", []uint64{100, 150}, 50},
		{"mean", []uint64{0, 100, 100, 120}, 40},
		{"ten seconds back", []uint64{0, 1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090, 1100}, 10},
		{"counter fell back", []uint64{100, 50}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r rate
			for _, total := range c.totals {
				r.add(total)
			}
			if got := r.perSecond(); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

func TestRateSamplesEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var total atomic.Uint64
		var r rate
		stop := make(chan struct{})
		go r.run(func() uint64 { return total.Add(30) }, stop)
		<-time.After(5*time.Second + time.Millisecond) // the clock of the bubble
		if got := r.perSecond(); got != 30 {
			t.Errorf("got %v; want 30", got)
		}
		close(stop)
		synctest.Wait()
	})
}
