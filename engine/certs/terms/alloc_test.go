//go:build !race

package terms

import "testing"

func TestPartedDoesNotAllocate(t *testing.T) {
	b := some(t)
	host := []byte("X.y.deep.Admin.test")
	got := testing.AllocsPerRun(100, func() {
		b.Parted("other.admin.test", host)
		b.Of("a.b.test")
	})
	if got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}
