package wire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// known reports that both ends can be named, and returns them in one family: IPv4
// only if both are.
func (h *ProxyHeader) known() (from, to netip.Addr, ok bool) {
	from, to = h.Source.Addr().Unmap().WithZone(""), h.Destination.Addr().Unmap().WithZone("")
	switch {
	case !from.IsValid() || !to.IsValid():
		return from, to, false
	case from.Is4() != to.Is4():
		from, to = netip.AddrFrom16(from.As16()), netip.AddrFrom16(to.As16())
	}
	return from, to, true
}

// AppendV1 appends the header in version 1, at most 107 bytes: a line of text,
// which says UNKNOWN where one of the addresses is not valid.
func (h *ProxyHeader) AppendV1(b []byte) []byte {
	b = append(b, proxyV1Start...)
	from, to, ok := h.known()
	if !ok {
		return append(b, "UNKNOWN\r\n"...)
	}
	family := "TCP4 "
	if from.Is6() {
		family = "TCP6 "
	}
	b = from.AppendTo(append(b, family...))
	b = to.AppendTo(append(b, ' '))
	b = strconv.AppendUint(append(b, ' '), uint64(h.Source.Port()), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(h.Destination.Port()), 10)
	return append(b, "\r\n"...)
}

// AppendV2 appends the header in version 2, at most 52 bytes, without TLVs. It is
// LOCAL where one of the addresses is not valid.
func (h *ProxyHeader) AppendV2(b []byte) []byte {
	b = append(b, proxyV2Start...)
	from, to, ok := h.known()
	switch {
	case !ok:
		return append(b, 0x20, 0x00, 0, 0)
	case from.Is4():
		b = binary.BigEndian.AppendUint16(append(b, 0x21, 0x11), proxyV2Inet)
	default:
		b = binary.BigEndian.AppendUint16(append(b, 0x21, 0x21), proxyV2Inet6)
	}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, h.Source.Port())
	return binary.BigEndian.AppendUint16(b, h.Destination.Port())
}
