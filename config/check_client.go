package config

import (
	"slices"
	"strings"
)

// PrivateNetworks is the word for the private ranges in a list of proxies.
const PrivateNetworks = "private"

// DefaultClientIPHeader is the field that says who the client is where nothing else is said.
const DefaultClientIPHeader = "X-Forwarded-For"

// proxyNetworks checks the networks of proxies that are believed.
func (c *checker) proxyNetworks(path string, list []string) {
	for i, text := range list {
		switch at := indexPath(path, i); {
		case text == PrivateNetworks:
		case strings.Contains(strings.ToLower(text), PrivateNetworks):
			c.reportf(at, "%s is not a network%s", c.quote(at, text), didYouMean(PrivateNetworks))
		default:
			c.network(at, text)
		}
	}
}

// clientAddresses checks what depends on who a client is.
func (c *checker) clientAddresses(path string, l *Listener) {
	c.clientIPHeader(path+".client_ip_header", l)
	if l.Limits.ConnectionRatePerIP > 0 && isUnix(l.Address) && l.ProxyProtocol == "off" {
		c.reportf(path+".limits.connection_rate_per_ip", "has no effect on a unix socket, whose peers have no address: it needs proxy_protocol")
	}
}

// clientIPHeader checks the field that names the client: not one that the proxy needs for
// something else, nor one that is no address.
func (c *checker) clientIPHeader(at string, l *Listener) {
	name := l.ClientIPHeader
	folded := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	switch {
	case strings.EqualFold(name, DefaultClientIPHeader) || !c.token(at, "header field", name):
	case folded == "forwarded":
		c.reportf(at, "Forwarded (RFC 7239) is not an address, and is not read: use X-Forwarded-For")
	case slices.Contains(ownFields(), folded):
		c.reportf(at, "%s is a field the proxy needs for itself", c.quote(at, name))
	case len(l.TrustedProxies) == 0:
		c.reportf(at, "has no effect without trusted_proxies: nobody is believed")
	}
}
