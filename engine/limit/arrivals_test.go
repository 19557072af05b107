package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const second = int64(time.Second)

func TestArrivalsOfOneAddress(t *testing.T) {
	a := NewArrivals(3, nil)
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i, c := range []struct {
		ip   netip.Addr
		now  int64
		want bool
	}{
		{one, 1 * second, true},
		{one, 1 * second, true},
		{one, 1 * second, true},
		{one, 1 * second, false},
		{other, 1 * second, true},
		{one, 1*second + second/3 - 1e6, false},
		{one, 1*second + second/3 + 1e6, true},
		{one, 1*second + second/3 + 1e6, false},
		{one, 3 * second, true},
		{one, 3 * second, true},
		{one, 3 * second, true},
		{one, 3 * second, false},
	} {
		if got := a.Pass(c.ip, c.now); got != c.want {
			t.Errorf("connection %d: got %v; want %v", i, got, c.want)
		}
	}
}

func TestArrivalsCountNetworksOfIPv6(t *testing.T) {
	a := NewArrivals(1, nil)
	for i, c := range []struct {
		ip   string
		want bool
	}{
		{"2001:db8:1:2::1", true}, {"2001:db8:1:2:ffff::9", false}, {"2001:db8:1:3::1", true}, {"fe80::1%eth0", true}, {"fe80::2", false},
	} {
		if got := a.Pass(netip.MustParseAddr(c.ip), second); got != c.want {
			t.Errorf("%d, %s: got %v; want %v", i, c.ip, got, c.want)
		}
	}
	for range 2 {
		if !a.Pass(netip.Addr{}, second) {
			t.Error("who has no address was refused")
		}
	}
}

func TestArrivalsOutliveAReload(t *testing.T) {
	ip := netip.MustParseAddr("192.0.2.1")
	a := NewArrivals(1, nil)
	a.Pass(ip, second)
	if b := NewArrivals(1, a); b.Pass(ip, second) {
		t.Error("the same limit has forgotten who was there")
	}
	b, passed := NewArrivals(2, a), 0
	for range 5 {
		if b.Pass(ip, second) {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("another limit: %d passed; want 2", passed)
	}
	if none := NewArrivals(0, a); none != nil || !none.Pass(ip, second) {
		t.Error("no limit refuses")
	}
}

// Exactly the limit passes, whoever comes at once.
func TestArrivalsUnderLoad(t *testing.T) {
	a := NewArrivals(100, nil)
	var passed atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if a.Pass(netip.MustParseAddr("2001:db8::1"), second) {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got := passed.Load(); got != 100 {
		t.Errorf("%d passed; want 100", got)
	}
}

// TestArrivalsAreBounded has more addresses than are known: nobody who floods is
// forgotten over those.
func TestArrivalsAreBounded(t *testing.T) {
	a := NewArrivals(1, nil)
	flood := netip.MustParseAddr("192.0.2.1")
	a.Pass(flood, second)
	for i := range uint32(2 * arrivalsMax) {
		a.Pass(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), second)
		if i%1024 == 0 && a.Pass(flood, second) {
			t.Fatalf("forgotten after %d others", i)
		}
	}
}
