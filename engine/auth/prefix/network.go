package prefix

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

var (
	errZone  = errors.New("an address with a zone is of one machine only")
	errMixed = errors.New("an IPv4 network in the form of IPv6 has 96 bits or more")
	errWords = errors.New("one address or network stands on a line")
)

// mappedBits is the length of ::ffff:0:0/96, which IPv4 addresses have in the form of IPv6.
const mappedBits = 96

// Parse reads an address or a network. Bits behind the length of a network are of no
// account. An IPv4 network in the form of IPv6 is an IPv4 network.
func Parse(text string) (netip.Prefix, error) {
	if strings.ContainsAny(text, " \t") {
		return netip.Prefix{}, fmt.Errorf("cannot read network %q: %w", text, errWords)
	}
	if strings.Contains(text, "%") {
		return netip.Prefix{}, fmt.Errorf("cannot read network %q: %w", text, errZone)
	}
	if !strings.Contains(text, "/") {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("cannot read address %q: %w", text, err)
		}
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("cannot read network %q: %w", text, err)
	}
	if ip := network.Addr(); ip.Is4In6() {
		if network.Bits() < mappedBits {
			return netip.Prefix{}, fmt.Errorf("cannot read network %q: %w", text, errMixed)
		}
		network = netip.PrefixFrom(ip.Unmap(), network.Bits()-mappedBits)
	}
	return network.Masked(), nil
}

// withoutComment cuts what stands behind # or ;, which public block lists write.
func withoutComment(line []byte) []byte {
	if i := bytes.IndexAny(line, "#;"); i >= 0 {
		line = line[:i]
	}
	return bytes.TrimSpace(line)
}
