//go:build !race

package middleware

import "testing"

func TestDoorsDoNotAllocate(t *testing.T) {
	for _, d := range doors(t) {
		if n := testing.AllocsPerRun(1000, func() {
			d.enter(d.in)
			d.enter(d.lost)
		}); n != 0 {
			t.Errorf("%s: %v allocations; want 0", d.name, n)
		}
	}
}
