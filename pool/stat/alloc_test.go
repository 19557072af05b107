//go:build !race

package stat

import (
	"testing"
	"time"
)

func TestCountingAllocatesNothing(t *testing.T) {
	c, s, h := NewCounter(2), NewCodes(2), NewHistogram(2)
	s.Add(1, 200) // the cell's node is made once
	h.Observe(1, 3*time.Millisecond)
	got := testing.AllocsPerRun(1000, func() {
		c.Add(1, 1)
		s.Add(1, 200)
		h.Observe(1, 3*time.Millisecond)
	})
	if got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	c, s, h := NewCounter(2), NewCodes(2), NewHistogram(2)
	s.Add(0, 503)
	var total uint64
	got := testing.AllocsPerRun(1000, func() {
		snapshot := h.Snapshot()
		total += c.Sum() + s.Total() + snapshot.Count()
	})
	if got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}
