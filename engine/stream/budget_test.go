package stream

import (
	"testing"
	"time"
)

// A stock lasts for what a browser does at once, time and answers fill it, and it never
// holds more than at first.
func TestBudget(t *testing.T) {
	t.Parallel()
	var b Budget
	nowNanos, looks := int64(0), 0
	now := func() int64 { looks++; return nowNanos }
	b.Begin(nowNanos)
	n := 0
	for b.Take(CostReset, now) {
		n++
	}
	if want := budgetMax/CostReset - 1; n != want || looks != 1 {
		t.Errorf("%d resets and %d looks at the clock; want %d and 1", n, looks, want)
	}
	b.Add(EarnAnswer)
	if !b.Take(CostReset, now) {
		t.Error("an answer has brought nothing")
	}
	for b.Take(CostReset, now) {
	}
	if nowNanos += int64(time.Second); !b.Take(CostReset, now) {
		t.Error("a second has brought nothing")
	}
	nowNanos += int64(time.Hour)
	b.Add(budgetMax)
	if b.points != budgetMax {
		t.Errorf("got %d points; want at most %d", b.points, budgetMax)
	}
}
