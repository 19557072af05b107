//go:build !race

package hist

import "testing"

func TestRecordAllocs(t *testing.T) {
	h := New(Fine)
	if n := testing.AllocsPerRun(1000, func() { h.Record(12345) }); n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
}
