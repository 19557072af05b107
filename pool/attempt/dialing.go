package attempt

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"net"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Dialing is how connections to a backend begin, before the first request. Those
// for exchanges and those of probes begin alike. It never changes; the zero value
// is clear text.
type Dialing struct {
	Announces Announcement
	Name      string // of the certificate that is wanted; clear text has none
	Trust     *Trust // nil for clear text
	// Streams says that nothing but HTTP/2 is spoken.
	Streams bool
}

// DialingOf is how connections begin to a backend of a pool at address; FoundAs is the
// name it was found under, if it was.
func DialingOf(cfg *config.Pool, address, foundAs string, announces Announcement, t *Trust) *Dialing {
	d := &Dialing{Trust: t, Announces: announces, Streams: cfg.Protocol == "h2" || cfg.Protocol == "h2c"}
	if t != nil {
		d.Name = nameOf(&cfg.TLS, address, foundAs)
	}
	return d
}

// DialingKey tells dialings apart, also those of different generations.
type DialingKey struct {
	streams   bool
	announces Announcement
	name      string
	trust     [sha256.Size]byte
}

// Key is equal for dialings that begin connections alike.
func (d *Dialing) Key() DialingKey {
	k := DialingKey{streams: d.Streams, announces: d.Announces, name: d.Name}
	if d.Trust != nil {
		k.trust = d.Trust.digest
	}
	return k
}

// Scheme is the part of it that belongs to a backend's identity. Who is trusted,
// and under which name, does not: the backend stays the same when a certificate
// is renewed, and only its connections are made anew.
func (d *Dialing) Scheme() string {
	scheme := "http"
	if d.Trust != nil {
		scheme = "https"
	}
	if d.Announces != AnnounceNothing {
		scheme += "+proxy-" + d.Announces.String()
	}
	return scheme
}

// tls is what a handshake needs, nil for clear text. The last ticket is kept for
// the next handshake: whoever shares the result, as all shards do, rarely makes
// one in full.
func (d *Dialing) tls() *tls.Config {
	if d.Trust == nil {
		return nil
	}
	return d.Trust.Config(d.Name, nil, tls.NewLRUClientSessionCache(1))
}

// Word is what the status says of it.
func (d *Dialing) Word() string {
	switch {
	case d.Trust == nil:
		return ""
	case d.Trust.verified:
		return "verified"
	}
	return "unverified"
}

// HostOf is what a backend sees as Host (pools.*.host); empty is what the client has sent.
// FoundAs is the name it was found under, if it was.
func HostOf(cfg *config.Pool, address, foundAs string) string {
	switch cfg.Host {
	case "", config.HostKeep:
		return ""
	case config.HostBackend:
		return authorityOf(address, foundAs, cfg.TLS.Enabled)
	}
	return cfg.Host
}

// HostOfSocket is what a backend at a unix socket sees as Host where nobody says another
// one: a path is no authority (RFC 9112 section 3.2).
const HostOfSocket = "localhost"

// authorityOf is the host of an address, or the name it was found under, with its port
// unless that is the scheme's own.
func authorityOf(address, foundAs string, secure bool) string {
	network, address := socket.SplitAddress(address)
	if network == socket.NetworkUnix {
		return HostOfSocket
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	host, _, _ = strings.Cut(host, "%") // the zone is our own affair
	host = cmp.Or(foundAs, strings.TrimSuffix(host, "."))
	switch {
	case port != map[bool]string{false: "80", true: "443"}[secure]:
		return net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
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
	network, address := socket.SplitAddress(address)
	if network == socket.NetworkUnix {
		return ""
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%") // the zone is our own affair
	return strings.TrimSuffix(host, ".")
}

// FoundAs is the name that members found by DNS are known by. Where records name
// other hosts, it is still the name that was asked for: an answer that nobody has
// signed must not choose whom we trust (RFC 6125 section 6.2.1). The labels of an
// SRV record that name service and protocol are no part of it.
func FoundAs(d *config.DNS) string {
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
