package trust

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Networks are networks of trusted peers; none is nobody.
type Networks []netip.Prefix

// ParseNetworks reads a list of networks and single addresses.
func ParseNetworks(list []string) (Networks, error) {
	var all Networks
	for _, s := range list {
		n, err := parseNetwork(s)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// Private is the word for the private ranges in a list of proxies.
const Private = "private"

// private are loopback and the networks that nobody on the Internet has: RFC 1918, and
// RFC 4193. Neither link-local addresses nor those of carriers (100.64.0.0/10), where
// neighbours are strangers.
var private = []string{"127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}

// ParseProxies is ParseNetworks of a list that may have the word Private.
func ParseProxies(list []string) (Networks, error) {
	i := slices.Index(list, Private)
	if i < 0 {
		return ParseNetworks(list)
	}
	return ParseNetworks(slices.Replace(slices.Clone(list), i, i+1, private...))
}

// parseNetwork reads a network or a single address.
func parseNetwork(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		n, err := netip.ParsePrefix(s)
		if err != nil {
			return n, fmt.Errorf("cannot read network %q: %w", s, err)
		}
		return n.Masked(), nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("cannot read address %q: %w", s, err)
	}
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}

// Contains reports that one of the networks holds the address.
func (n Networks) Contains(ip netip.Addr) bool {
	for _, p := range n {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// Trusts reports whether a peer's X-Forwarded-* fields are believed. The peer
// of a unix socket has no address: it is believed when anybody is.
func (n Networks) Trusts(ip netip.Addr) bool {
	if len(n) == 0 {
		return false
	}
	return !ip.IsValid() || n.Contains(ip)
}

// Proxies are the peers that may say by a PROXY header who their client is.
type Proxies struct {
	Require bool // a header must come
	accept  bool // a header may come
	from    Networks
}

// NewProxies compiles proxy_protocol and proxy_protocol_from; without the latter those
// who are trusted otherwise are believed.
func NewProxies(protocol string, from []string, trusted Networks) (Proxies, error) {
	p := Proxies{Require: protocol == "require", from: trusted}
	p.accept = p.Require || protocol == "accept"
	if len(from) == 0 {
		return p, nil
	}
	var err error
	p.from, err = ParseProxies(from)
	return p, err
}

// Believe reports whether a header of this peer counts. A unix socket's peer
// has no address: who may open its file is believed.
func (p *Proxies) Believe(ip netip.Addr) bool {
	return p.accept && (!ip.IsValid() || p.from.Contains(ip))
}
