//go:build !race

package prefix

import (
	"net/netip"
	"testing"
)

func TestALookupDoesNotAllocate(t *testing.T) {
	f, err := New([]string{"10.0.0.0/8", "2001:db8::/32"}, []string{"10.1.0.0/16"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"10.1.0.1", "::ffff:10.2.0.1", "2001:db8::1", "9.9.9.9"} {
		ip := netip.MustParseAddr(text)
		if n := testing.AllocsPerRun(1000, func() { f.Passes(ip) }); n != 0 {
			t.Errorf("%s: %v allocations; want 0", text, n)
		}
	}
}
