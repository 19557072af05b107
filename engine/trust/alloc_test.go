//go:build !race

package trust

import (
	"net/netip"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestTrustDoesNotAllocate(t *testing.T) {
	trusted := Networks{netip.MustParsePrefix("10.0.0.0/8")}
	fields := Fields{Own: []string{"x-own"}, Others: []string{"x-other"}}
	var head wire.RequestHead
	text := "GET / HTTP/1.1\r\nHost: t\r\nX-Own: 1\r\nX-Real-IP: 2001:db8::1\r\nX-Forwarded-For: 1.2.3.4, 2001:db8::1, 10.0.0.1\r\n\r\n"
	if n, err := head.Parse([]byte(text), &wire.Limits{}); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	peer := netip.MustParseAddr("10.0.0.9")
	got := testing.AllocsPerRun(100, func() {
		trusted.Client(peer, &head.Head)
		trusted.ClientIn("x-real-ip", peer, &head.Head)
		fields.Drop(&head.Head, false)
	})
	if got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}
