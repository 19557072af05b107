//go:build !race

package pool

import "testing"

// Taking a connection whose backend is known to close old ones, and giving it
// back with one more word on it, allocates nothing.
func TestReuseDoesNotAllocate(t *testing.T) {
	b := newPeer(t)
	ages := &linkOf(b.hc).clients.ages
	var a Attempt
	n := testing.AllocsPerRun(200, func() {
		ages.observe(Nanos(), 1<<40, 0)
		a.open(b.hc, linkOf(b.hc), ReuseSafe, true)
		a.putBack(a.conn)
	})
	if n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
