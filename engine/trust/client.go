package trust

import (
	"bytes"
	"net/netip"
	"unsafe"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// hopsMax bounds how many entries of X-Forwarded-For are looked at.
const hopsMax = 64

// Client is the address of the client: the peer, or, when the peer is
// trusted, the first address in X-Forwarded-For from the right that is not a
// trusted proxy. An entry that is no address ends the walk: what stands left of
// it was written by somebody nobody vouches for.
func (n Networks) Client(peer netip.Addr, head *wire.Head) netip.Addr {
	at := peer
	if !n.Trusts(at) {
		return at
	}
	hops := 0
	for i := len(head.Fields) - 1; i >= 0; i-- {
		f := &head.Fields[i]
		if f.ID != wire.FieldXForwardedFor {
			continue
		}
		for list := head.FieldValue(f); list != nil && hops < hopsMax; hops++ {
			var entry []byte
			list, entry = cutLast(list)
			ip, ok := parseHop(entry)
			if !ok {
				return at
			}
			at = ip
			if !n.Trusts(ip) {
				return at
			}
		}
	}
	return at
}

// ClientIn is the address of the client where trusted peers say it in a field of their
// own, which holds nothing else: the peer where it is not trusted, where the field is
// absent or stands there twice, since one of them may be the client's, and where it is no
// address. name is in lower case.
func (n Networks) ClientIn(name string, peer netip.Addr, head *wire.Head) netip.Addr {
	if !n.Trusts(peer) {
		return peer
	}
	at, found := peer, false
	for i := range head.Fields {
		f := &head.Fields[i]
		if !wire.EqualFold(head.Name(f), name) {
			continue
		}
		ip, ok := parseHop(bytes.TrimSpace(head.FieldValue(f)))
		if !ok || found {
			return peer
		}
		at, found = ip, true
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
