//go:build !race

package verified

import "testing"

func TestGetDoesNotAllocate(t *testing.T) {
	c := New[string](8)
	id := []byte("a")
	c.Put(1, id, "A", 100, 0)
	if n := testing.AllocsPerRun(1000, func() {
		c.Get(1, id, 1)
		c.Get(2, id, 1)
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
