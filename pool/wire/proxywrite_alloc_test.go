//go:build !race

package wire

import (
	"net/netip"
	"testing"
)

func TestAppendProxyHeaderDoesNotAllocate(t *testing.T) {
	room := make([]byte, 0, 128)
	for _, from := range []string{"192.0.2.1:1234", "[2001:db8::1]:1234"} {
		h := ProxyHeader{Source: netip.MustParseAddrPort(from), Destination: netip.MustParseAddrPort("192.0.2.9:80")}
		if n := testing.AllocsPerRun(100, func() {
			h.AppendV1(room)
			h.AppendV2(room)
		}); n != 0 {
			t.Errorf("%s: %v allocations; want 0", from, n)
		}
	}
}
