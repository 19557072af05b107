package retry

import (
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// Budget bounds retries to a share of the requests of the last ten seconds, plus
// a few a second, so that retries cannot multiply an outage. The counts belong to
// a route's name and survive reloads; the share is policy. Any goroutine may use it.
type Budget struct {
	percent   float64
	perSecond int
	counts    *Counts
}

// Counts are what a Budget has counted. The zero value has counted nothing.
//
// Two words, one for each of the current and the last window: requests in the
// upper half, retries in the lower one. Both are only hints: a race between
// two windows may lose a handful of counts.
type Counts struct {
	window  atomic.Int64 // number of the current window
	current atomic.Uint64
	last    atomic.Uint64
}

const (
	budgetWindow  = 10 * time.Second
	budgetRequest = 1 << 32
	budgetMaskLow = budgetRequest - 1
	budgetNanos   = int64(budgetWindow)
)

func newBudget(c *config.Budget, counts *Counts) *Budget {
	return &Budget{percent: c.Percent, perSecond: c.MinPerSecond, counts: counts}
}

func (b *Budget) roll(nowNanos int64) {
	n := nowNanos / budgetNanos
	old := b.counts.window.Load()
	if old == n || !b.counts.window.CompareAndSwap(old, n) {
		return
	}
	done := b.counts.current.Swap(0)
	if n != old+1 {
		done = 0
	}
	b.counts.last.Store(done)
}

// Request counts one exchange.
func (b *Budget) Request(nowNanos int64) {
	b.roll(nowNanos)
	b.counts.current.Add(budgetRequest)
}

// has reports whether a retry is within the budget now.
func (b *Budget) has(nowNanos int64) bool {
	b.roll(nowNanos)
	current, last := b.counts.current.Load(), b.counts.last.Load()
	passed := float64(nowNanos%budgetNanos) / float64(budgetNanos)
	requests := float64(current>>32) + float64(last>>32)*(1-passed)
	retries := float64(current&budgetMaskLow) + float64(last&budgetMaskLow)*(1-passed)
	return retries < requests*b.percent/100+float64(b.perSecond)*budgetWindow.Seconds()
}

// GiveBack takes a retry back that was not made.
func (b *Budget) GiveBack() {
	for {
		word := b.counts.current.Load()
		if word&budgetMaskLow == 0 || b.counts.current.CompareAndSwap(word, word-1) {
			return // or its window is over
		}
	}
}

// Take counts one retry, if there is room for it.
func (b *Budget) Take(nowNanos int64) bool {
	if !b.has(nowNanos) {
		return false
	}
	b.counts.current.Add(1)
	return true
}
