package wire

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/netip"
)

// ProxyHeaderBytesMax bounds a PROXY header with everything in it. The largest
// that is useful, addresses and the TLVs of a TLS session, is far below; the
// protocol would allow 64 KiB.
const ProxyHeaderBytesMax = 4 << 10

// Refusals of a PROXY header.
var (
	// ErrNotProxyHeader is the answer to bytes that begin something else.
	ErrNotProxyHeader = refuse(http.StatusBadRequest, "no_proxy_header")
	// ErrBadProxyHeader is the answer to a header that was begun and is wrong.
	ErrBadProxyHeader = refuse(http.StatusBadRequest, "bad_proxy_header")
)

// ProxyHeader is what a proxy in front says of a connection, before its first
// byte, in version 1 (text) or 2 (binary) of the PROXY protocol:
// https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
//
// Both addresses are invalid where the header names none: for a connection of
// the proxy itself (LOCAL, a health check, whose family and addresses are ignored), and for families that are not IP
// (UNKNOWN, UNSPEC, unix). The connection's own addresses count then. TLVs, and
// with them the checksum, are skipped.
type ProxyHeader struct {
	Source, Destination netip.AddrPort
}

// Beginnings of the two versions. No request of HTTP/1.1 can be read as one:
// what follows "PROXY " in a request line is "/", "*" or "http", and a request
// may have one empty line before it, not two. A TLS record begins with 0x16.
const (
	proxyV1Start = "PROXY "
	proxyV2Start = "\r\n\r\n\x00\r\nQUIT\n"
)

// proxyV1Max is the longest line of version 1, its end included (section 2.1).
const proxyV1Max = 107

// Parse reads the header at the start of b and returns its length. 0 and nil
// mean that more bytes are needed; the caller then calls again with all of
// them. The result does not depend on where b was cut. It is one of the two
// refusals above otherwise.
func (h *ProxyHeader) Parse(b []byte) (int, error) {
	*h = ProxyHeader{}
	if len(b) == 0 {
		return 0, nil
	}
	if b[0] == proxyV2Start[0] {
		if !startsAlike(b, proxyV2Start) {
			return 0, ErrNotProxyHeader
		}
		return h.parseV2(b)
	}
	if !startsAlike(b, proxyV1Start) {
		return 0, ErrNotProxyHeader
	}
	// TCP4, TCP6 or UNKNOWN; a request of the method PROXY has neither here.
	if len(b) > len(proxyV1Start) && b[len(proxyV1Start)] != 'T' && b[len(proxyV1Start)] != 'U' {
		return 0, ErrNotProxyHeader
	}
	return h.parseV1(b)
}

// startsAlike reports that b is the start of text, or text the start of b.
func startsAlike(b []byte, text string) bool {
	n := min(len(b), len(text))
	return string(b[:n]) == text[:n]
}

// parseV1 reads a line such as "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80\r\n".
func (h *ProxyHeader) parseV1(b []byte) (int, error) {
	window := b[:min(len(b), proxyV1Max)]
	end := bytes.IndexByte(window, '\n')
	switch {
	case end < 0 && len(window) == proxyV1Max:
		return 0, ErrBadProxyHeader
	case end < 0:
		return 0, nil
	case bytes.IndexByte(window, '\r') != end-1:
		return 0, ErrBadProxyHeader
	}
	words := window[len(proxyV1Start) : end-1]
	family, words, more := bytes.Cut(words, []byte(" "))
	switch {
	case string(family) == "UNKNOWN":
		return end + 1, nil // whatever follows is ignored
	case !more || string(family) != "TCP4" && string(family) != "TCP6":
		return 0, ErrBadProxyHeader
	}
	if !h.readAddresses(words, family[3] == '6') {
		*h = ProxyHeader{}
		return 0, ErrBadProxyHeader
	}
	return end + 1, nil
}

// readAddresses reads the two addresses and two ports of version 1.
func (h *ProxyHeader) readAddresses(words []byte, v6 bool) bool {
	var parts [4][]byte
	for i := range parts {
		var more bool
		parts[i], words, more = bytes.Cut(words, []byte(" "))
		if more != (i < len(parts)-1) {
			return false
		}
	}
	from, fromOK := proxyEnd(parts[0], parts[2], v6)
	to, toOK := proxyEnd(parts[1], parts[3], v6)
	h.Source, h.Destination = from, to
	return fromOK && toOK
}

// proxyEnd reads one end of a connection. Addresses are in their usual form,
// without a zone; numbers have no leading zeros.
func proxyEnd(address, port []byte, v6 bool) (netip.AddrPort, bool) {
	ip, err := netip.ParseAddr(string(address))
	if err != nil || ip.Zone() != "" || ip.Is6() != v6 {
		return netip.AddrPort{}, false
	}
	if len(port) == 0 || len(port) > 5 || len(port) > 1 && port[0] == '0' {
		return netip.AddrPort{}, false
	}
	n := 0
	for _, c := range port {
		if c < '0' || c > '9' {
			return netip.AddrPort{}, false
		}
		n = 10*n + int(c-'0')
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), n <= 0xffff
}

// Version 2: 12 bytes of signature, version and command, family and transport,
// two bytes of length, then the addresses and TLVs (section 2.2).
const (
	proxyV2Fixed = 16
	proxyV2Inet  = 2*4 + 2*2
	proxyV2Inet6 = 2*16 + 2*2
	proxyV2Unix  = 2 * 108
)

func (h *ProxyHeader) parseV2(b []byte) (int, error) {
	if len(b) > 12 && b[12]>>4 != 2 || len(b) > 12 && b[12]&0xf > 1 || len(b) > 13 && b[12]&0xf == 1 && !knownFamily(b[13]) {
		return 0, ErrBadProxyHeader
	}
	if len(b) < proxyV2Fixed {
		return 0, nil
	}
	length := proxyV2Fixed + int(binary.BigEndian.Uint16(b[14:]))
	proxied, family := b[12]&0xf == 1, b[13]>>4
	if length > ProxyHeaderBytesMax || proxied && length < proxyV2Fixed+addressBytes(family) {
		return 0, ErrBadProxyHeader
	}
	if len(b) < length {
		return 0, nil
	}
	// Transports other than a stream fall back to UNSPEC, as the text allows for
	// what a receiver does not serve.
	if proxied && b[13]&0xf == 1 {
		h.readV2(family, b[proxyV2Fixed:length])
	}
	return length, nil
}

// knownFamily reports that family (unspecified, IPv4, IPv6, unix) and transport
// (unspecified, stream, datagram) are assigned.
func knownFamily(b byte) bool { return b>>4 <= 3 && b&0xf <= 2 }

// addressBytes is how many bytes the addresses of a family take.
func addressBytes(family byte) int {
	return [4]int{0, proxyV2Inet, proxyV2Inet6, proxyV2Unix}[family]
}

func (h *ProxyHeader) readV2(family byte, b []byte) {
	switch family {
	case 1:
		h.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[8:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), binary.BigEndian.Uint16(b[10:]))
	case 2:
		h.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), binary.BigEndian.Uint16(b[32:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[16:])).Unmap(), binary.BigEndian.Uint16(b[34:]))
	}
}
