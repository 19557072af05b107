package pool

import (
	"crypto/sha256"
	"crypto/tls"
	"net"
	"strings"

	"github.com/isame-lb/isame-lb/config"
)

// dialing is how connections to a backend begin, before the first request. Those
// for exchanges and those of probes begin alike. It never changes; the zero value
// is clear text.
type dialing struct {
	announces announcement
	name      string // of the certificate that is wanted; clear text has none
	trust     *trust // nil for clear text
	// streams says that nothing but HTTP/2 is spoken.
	streams bool
}

// dialingOf is how connections begin to a backend of a pool at address; foundAs is the
// name it was found under, if it was.
func dialingOf(cfg *config.Pool, address, foundAs string, announces announcement, t *trust) *dialing {
	d := &dialing{trust: t, announces: announces, streams: cfg.Protocol == "h2" || cfg.Protocol == "h2c"}
	if t != nil {
		d.name = nameOf(&cfg.TLS, address, foundAs)
	}
	return d
}

// dialKey tells dialings apart, also those of different generations.
type dialKey struct {
	streams   bool
	announces announcement
	name      string
	trust     [sha256.Size]byte
}

func (d *dialing) key() dialKey {
	k := dialKey{streams: d.streams, announces: d.announces, name: d.name}
	if d.trust != nil {
		k.trust = d.trust.digest
	}
	return k
}

// scheme is the part of it that belongs to a backend's identity. Who is trusted,
// and under which name, does not: the backend stays the same when a certificate
// is renewed, and only its connections are made anew.
func (d *dialing) scheme() string {
	scheme := "http"
	if d.trust != nil {
		scheme = "https"
	}
	if d.announces != announceNothing {
		scheme += "+proxy-" + d.announces.String()
	}
	return scheme
}

// tls is what a handshake needs, nil for clear text. The last ticket is kept for
// the next handshake: whoever shares the result, as all shards do, rarely makes
// one in full.
func (d *dialing) tls() *tls.Config {
	if d.trust == nil {
		return nil
	}
	return d.trust.config(d.name, nil, tls.NewLRUClientSessionCache(1))
}

// word is what the status says of it.
func (d *dialing) word() string {
	switch {
	case d.trust == nil:
		return ""
	case d.trust.verified:
		return "verified"
	}
	return "unverified"
}

// nameOf is the name that the certificate of a backend must have: the configured
// one, the name it was found under, or the host of its address.
func nameOf(c *config.PoolTLS, address, foundAs string) string {
	switch {
	case c.ServerName != "":
		return c.ServerName
	case foundAs != "":
		return foundAs
	}
	network, address := SplitAddress(address)
	if network == NetworkUnix {
		return ""
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%") // the zone is our own affair
	return strings.TrimSuffix(host, ".")
}

// foundAs is the name that members found by DNS are known by. Where records name
// other hosts, it is still the name that was asked for: an answer that nobody has
// signed must not choose whom we trust (RFC 6125 section 6.2.1). The labels of an
// SRV record that name service and protocol are no part of it.
func foundAs(d *config.DNS) string {
	name := strings.TrimSuffix(d.Name, ".")
	for d.Type == "SRV" && strings.HasPrefix(name, "_") {
		_, rest, more := strings.Cut(name, ".")
		if !more {
			break
		}
		name = rest
	}
	return name
}
