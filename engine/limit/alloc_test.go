//go:build !race

package limit

import (
	"net/netip"
	"testing"
)

func TestAddressesDoNotAllocate(t *testing.T) {
	var a Addresses
	ip := netip.MustParseAddr("2001:db8::1")
	a.Begin(ip, 2)
	got := testing.AllocsPerRun(100, func() {
		if a.Begin(ip, 2) {
			a.End(ip)
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}
