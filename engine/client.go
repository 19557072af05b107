package engine

import (
	"bytes"
	"net/netip"
	"unsafe"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// hopsMax bounds how many entries of X-Forwarded-For are looked at.
const hopsMax = 64

// unknownPeer stands for the client of a unix socket (RFC 7239 section 6.2).
const unknownPeer = "unknown"

// peerName is the peer's address as text.
func (c *conn) peerName() string {
	if c.peer == "" {
		return unknownPeer
	}
	return c.peer
}

func (c *conn) localAddr() []byte {
	return []byte(c.LocalAddr().String()) // HTTP/1.0 without Host only
}

// trusts reports whether a peer's X-Forwarded-* fields are believed. The peer
// of a unix socket has no address: it is believed when anybody is.
func (p *listenerPolicy) trusts(ip netip.Addr) bool {
	if len(p.trusted) == 0 {
		return false
	}
	if !ip.IsValid() {
		return true
	}
	return within(ip, p.trusted)
}

// within reports that one of the networks holds the address.
func within(ip netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// clientAddr is the address of the client: the peer, or, when the peer is
// trusted, the first address in X-Forwarded-For from the right that is not a
// trusted proxy. An entry that is no address ends the walk: what stands left of
// it was written by somebody nobody vouches for.
func (x *exchange) clientAddr() netip.Addr {
	at := x.c.ip
	if !x.policy.trusts(at) {
		return at
	}
	hops := 0
	for i := len(x.head.Fields) - 1; i >= 0; i-- {
		f := &x.head.Fields[i]
		if f.ID != wire.FieldXForwardedFor {
			continue
		}
		for list := x.head.FieldValue(f); list != nil && hops < hopsMax; hops++ {
			var entry []byte
			list, entry = cutLast(list)
			ip, ok := parseHop(entry)
			if !ok {
				return at
			}
			at = ip
			if !x.policy.trusts(ip) {
				return at
			}
		}
	}
	return at
}

// cutLast splits the last entry off a comma-separated list; rest is nil when it
// was the only one.
func cutLast(list []byte) (rest, entry []byte) {
	if i := bytes.LastIndexByte(list, ','); i >= 0 {
		return list[:i], bytes.TrimSpace(list[i+1:])
	}
	return nil, bytes.TrimSpace(list)
}

// parseHop reads an address, with or without port, brackets or zone.
func parseHop(b []byte) (netip.Addr, bool) {
	const longest = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%zone012345678]:65535")
	if len(b) == 0 || len(b) > longest {
		return netip.Addr{}, false
	}
	s := unsafe.String(&b[0], len(b)) // nothing of it is kept, but in errors that are dropped: no allocation
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Unmap().WithZone(""), true
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return ap.Addr().Unmap().WithZone(""), true
}
