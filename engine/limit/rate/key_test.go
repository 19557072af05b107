package rate

import (
	"net/netip"
	"strings"
	"testing"
)

var addrs = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8:1:2:3:4:5:6")}

func TestKeyOfAnAddress(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		bits       int
		same       bool
	}{
		{"same", "192.0.2.1", "192.0.2.1", 64, true},
		{"neighbours of IPv4", "192.0.2.1", "192.0.2.2", 24, false},
		{"mapped", "::ffff:192.0.2.1", "192.0.2.1", 64, true},
		{"mapped neighbours", "::ffff:192.0.2.1", "::ffff:192.0.2.2", 64, false},
		{"mapped counts whole", "::ffff:192.0.2.1", "::ffff:192.0.2.2", 0, false},
		{"no IPv4 in IPv6", "::192.0.2.1", "192.0.2.1", 128, false},
		{"one network", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 64, true},
		{"two networks", "2001:db8:1:2::1", "2001:db8:1:3::1", 64, false},
		{"wider network", "2001:db8:1:2::1", "2001:db8:1:3::1", 48, true},
		{"within a byte", "2001:db8:1:2::1", "2001:db8:1:3::1", 63, true},
		{"narrower network", "2001:db8::1:0:0:1", "2001:db8::2:0:0:1", 80, false},
		{"narrower network, rest", "2001:db8::1:0:0:1", "2001:db8::1:0:0:2", 80, true},
		{"whole address", "2001:db8::1", "2001:db8::2", 128, false},
		{"half of 128", "2001:db8::1", "2001:db8::2", 127, false},
		{"pair of 127", "2001:db8::2", "2001:db8::3", 127, true},
		{"all of them", "2001:db8::1", "3001:db8::2", 0, true},
		{"below nothing", "2001:db8::1", "3001:db8::2", -1, true},
		{"beyond all", "2001:db8::1", "2001:db8::2", 999, false},
		{"zone", "fe80::1%eth0", "fe80::1%eth1", 128, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := KeyAddr(netip.MustParseAddr(c.a), c.bits), KeyAddr(netip.MustParseAddr(c.b), c.bits)
			if got := a == b; got != c.same {
				t.Errorf("%s and %s by %d bits are one: got %v; want %v", c.a, c.b, c.bits, got, c.same)
			}
		})
	}
	if none := (netip.Addr{}); KeyAddr(none, 64) != KeyAddr(none, 0) || KeyAddr(none, 0) == KeyAddr(netip.IPv6Unspecified(), 0) {
		t.Error("clients without an address: want one key, and no other's")
	}
}

// FuzzKeyAddr compares with the network that net/netip computes.
func FuzzKeyAddr(f *testing.F) {
	f.Add([]byte(strings.Repeat("a", 16)), []byte(strings.Repeat("a", 15)+"b"), 64)
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff1234"), []byte("1234"), 3)
	f.Fuzz(func(t *testing.T, one, other []byte, bits int) {
		a, okA := netip.AddrFromSlice(one)
		b, okB := netip.AddrFromSlice(other)
		if !okA || !okB || bits < 0 || bits > 128 {
			return
		}
		network := func(a netip.Addr) netip.Prefix {
			if a = a.Unmap(); a.Is4() {
				return netip.PrefixFrom(a, 32)
			}
			return netip.PrefixFrom(a, bits).Masked()
		}
		if got, want := KeyAddr(a, bits) == KeyAddr(b, bits), network(a) == network(b); got != want {
			t.Fatalf("%s and %s by %d bits are one: got %v; want %v", a, b, bits, got, want)
		}
	})
}

// A list is its parts in their order, wherever their texts are cut.
func TestKeysJoinUnambiguously(t *testing.T) {
	a, b, ab, none := KeyString("a"), KeyString("b"), KeyString("ab"), KeyString("")
	keys := map[string]Key{
		"a,b": a.Join(b), "b,a": b.Join(a), "ab,": ab.Join(none), ",ab": none.Join(ab), "ab": ab,
		"a,b,a": a.Join(b).Join(a), "a,(b,a)": a.Join(b.Join(a)), "a": a, "a,a": a.Join(a), "": none,
		"address": KeyAddr(addrs[0], 64), "text of the address": KeyBytes(addrs[0].AsSlice()),
		"address with its family": KeyBytes(append(append([]byte{4}, addrs[0].AsSlice()...), make([]byte, 12)...)),
	}
	seen := map[Key]string{}
	for list, key := range keys {
		if other, met := seen[key]; met {
			t.Errorf("%q and %q have one key; want two", list, other)
		}
		seen[key] = list
	}
	if KeyString("ab") != KeyBytes([]byte("ab")) || a.Join(b) != a.Join(b) {
		t.Error("equal texts have two keys; want one")
	}
}
