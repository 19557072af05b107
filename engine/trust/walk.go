package trust

import (
	"bytes"
	"net/netip"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Hop is one address on the way from a peer to its client, as Walk has looked at it.
type Hop struct {
	// Said is the entry as it stands in the field; empty for the peer.
	Said string
	// Address is what was read of it: not valid where it is none, and for the peer of a
	// unix socket.
	Address netip.Addr
	// Trusted reports that what it says of the address before it is believed.
	Trusted bool
}

// Walk is the way on which Client finds the client, for people: the peer, and the entries
// that are looked at. It looks where Client does, and allocates.
func (n Networks) Walk(peer netip.Addr, head *wire.Head) []Hop {
	hops := []Hop{{Address: peer, Trusted: n.Trusts(peer)}}
	if !hops[0].Trusted {
		return hops
	}
	for i := len(head.Fields) - 1; i >= 0; i-- {
		f := &head.Fields[i]
		if f.ID != wire.FieldXForwardedFor {
			continue
		}
		for list := head.FieldValue(f); list != nil && len(hops) <= hopsMax; {
			var entry []byte
			list, entry = cutLast(list)
			ip, ok := parseHop(entry)
			h := Hop{Said: string(entry), Address: ip, Trusted: ok && n.Trusts(ip)}
			if hops = append(hops, h); !h.Trusted {
				return hops
			}
		}
	}
	return hops
}

// WalkIn is Walk for ClientIn: the peer, and the values of the field where it is believed.
func (n Networks) WalkIn(name string, peer netip.Addr, head *wire.Head) []Hop {
	hops := []Hop{{Address: peer, Trusted: n.Trusts(peer)}}
	if !hops[0].Trusted {
		return hops
	}
	for i := range head.Fields {
		f := &head.Fields[i]
		if wire.EqualFold(head.Name(f), name) && len(hops) <= hopsMax {
			value := head.FieldValue(f)
			ip, _ := parseHop(bytes.TrimSpace(value)) // not valid where it is none
			hops = append(hops, Hop{Said: string(value), Address: ip})
		}
	}
	return hops
}
