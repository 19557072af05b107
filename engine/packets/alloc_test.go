//go:build !race

package packets

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/ipv4"
)

// A packet that belongs here costs no memory, and neither does one that is passed on.
func TestPacketsAreSortedWithoutAllocation(t *testing.T) {
	first, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	parts, err := first.Handover()
	if err != nil {
		t.Fatal(err)
	}
	next, err := Inherit(parts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	m := func(packet string) ipv4.Message {
		return ipv4.Message{Buffers: [][]byte{[]byte(packet)}, N: len(packet), Addr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	}
	own, other := "@"+string([]byte{next.tag})+"------a", "@"+string([]byte{first.tag})+"------a"
	ms := []ipv4.Message{m(own), m(handshake("12345678", "b")), m("")}
	if n := testing.AllocsPerRun(100, func() { next.sort(ms, 1) }); n != 0 {
		t.Errorf("sort: %v allocations; want none", n)
	}
	ms = []ipv4.Message{m(other)}
	if n := testing.AllocsPerRun(10_000, func() { next.sort(ms, 1) }); n != 0 { // until the way is full, and then
		t.Errorf("pass on: %v allocations; want none", n)
	}
	if sent, lost := next.counted(); sent == 0 || lost == 0 {
		t.Errorf("forwarded %d, lost %d; want some of each", sent, lost)
	}
}
