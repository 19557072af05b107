package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

func TestAddressesOfOneClient(t *testing.T) {
	for _, c := range []struct {
		name, first, second string
		same                bool
	}{
		{"same", "192.0.2.1", "192.0.2.1", true},
		{"neighbours", "192.0.2.1", "192.0.2.2", false},
		{"one network of IPv6", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		{"two networks of IPv6", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"with and without zone", "fe80::1%eth0", "fe80::2", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a Addresses
			if !a.Begin(netip.MustParseAddr(c.first), 1) {
				t.Fatal("the first one was refused")
			}
			if got := !a.Begin(netip.MustParseAddr(c.second), 1); got != c.same {
				t.Errorf("counted as one: got %v; want %v", got, c.same)
			}
		})
	}
}

// A unix socket's peer has no address: all of them are one client.
func TestClientsWithoutAddressAreOne(t *testing.T) {
	var a Addresses
	if !a.Begin(netip.Addr{}, 1) || a.Begin(netip.Addr{}, 1) {
		t.Error("want one, and no second one")
	}
	a.End(netip.Addr{})
	if !a.Begin(netip.Addr{}, 1) {
		t.Error("refused after the end of the first")
	}
}

// The limit may change between two connections: it is that of the generation.
func TestLimitMayChange(t *testing.T) {
	var a Addresses
	ip := netip.MustParseAddr("192.0.2.1")
	for i, c := range []struct {
		limit int32
		want  bool
	}{{2, true}, {2, true}, {2, false}, {3, true}, {1, false}, {0, false}} {
		if got := a.Begin(ip, c.limit); got != c.want {
			t.Errorf("connection %d, limit %d: got %v; want %v", i, c.limit, got, c.want)
		}
	}
	for range 3 {
		a.End(ip)
	}
	if len(a.mu.open) != 0 {
		t.Errorf("kept %v; want nothing of who has no connection", a.mu.open)
	}
}

// Never more than the limit, whoever comes at once, and all of it is given back.
func TestLimitHoldsUnderLoad(t *testing.T) {
	const most = 3
	var a Addresses
	var open, over atomic.Int32
	var wg sync.WaitGroup
	ip := netip.MustParseAddr("2001:db8::1")
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if !a.Begin(ip, most) {
					continue
				}
				if open.Add(1) > most {
					over.Add(1)
				}
				open.Add(-1)
				a.End(ip)
			}
		})
	}
	wg.Wait()
	if over.Load() != 0 || len(a.mu.open) != 0 {
		t.Errorf("%d times over the limit, kept %v; want neither", over.Load(), a.mu.open)
	}
}

// FuzzAddresses compares with a list of what is open. Each byte is a connection that
// begins, or the end of the oldest one of its client.
func FuzzAddresses(f *testing.F) {
	f.Add([]byte{0, 0, 1, 128, 2, 0, 130, 64, 65, 66, 192})
	f.Fuzz(func(t *testing.T, script []byte) {
		var a Addresses
		var open []netip.Addr // as counted
		for i, op := range script {
			network := op & 3
			ip := netip.AddrFrom16([16]byte{0x20, 0x01, 7: network, 15: op >> 2 & 15})
			as, n := netip.AddrFrom16([16]byte{0x20, 0x01, 7: network}), int32(0)
			for _, other := range open {
				if other == as {
					n++
				}
			}
			limit := int32(op >> 6 & 1 << 1)
			switch {
			case op < 128:
				got, want := a.Begin(ip, limit), n < limit
				if got != want {
					t.Fatalf("step %d, limit %d: got %v; want %v with %d open", i, limit, got, want, n)
				}
				if got {
					open = append(open, as)
				}
			case n > 0:
				a.End(ip)
				for j, other := range open {
					if other == as {
						open = append(open[:j], open[j+1:]...)
						break
					}
				}
			}
		}
	})
}
