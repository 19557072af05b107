//go:build !race

package limit

import (
	"net/netip"
	"testing"
)

func TestArrivalsDoNotAllocate(t *testing.T) {
	a := NewArrivals(10, nil)
	now := second
	got := testing.AllocsPerRun(100, func() {
		now += second / 100
		a.Pass(netip.AddrFrom4([4]byte{10, 0, 0, byte(now)}), now)
		a.Pass(netip.MustParseAddr("192.0.2.1"), now)
	})
	if got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}

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
