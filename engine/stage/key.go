package stage

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Key is what a bucket belongs to, compiled once: a part of the request, or several.
type Key struct {
	parts    []keyPart
	prefix   int // bits of an IPv6 address that count
	withheld bool
}

type keyPart struct {
	kind keyKind
	name Name
	of   string
}

type keyKind uint8

const (
	keySourceIP keyKind = iota
	keyPath
	keyHeader
	keyCookie
	keyQuery
	keyRoute
	keyHost
	keyAPIKey
	keyClaim
)

// keyKinds are the words of the configuration; those with a colon take a name.
var keyKinds = map[string]keyKind{
	"source_ip": keySourceIP, "path": keyPath, "header:": keyHeader, "cookie:": keyCookie, "query:": keyQuery,
	"route": keyRoute, "host": keyHost, "api_key": keyAPIKey, "claim:": keyClaim,
}

// NewKey compiles what a configuration says; nothing is source_ip. prefix is how many
// bits of an IPv6 address count.
func NewKey(parts []string, prefix int) (Key, error) {
	if len(parts) == 0 {
		parts = []string{"source_ip"}
	}
	k := Key{prefix: prefix}
	for _, text := range parts {
		word, name, named := strings.Cut(text, ":")
		if named {
			word += ":"
		}
		kind, known := keyKinds[word]
		if !known {
			return Key{}, fmt.Errorf("%q is no key", text) //nolint:err113 // for people
		}
		k.parts = append(k.parts, keyPart{kind: kind, name: NewName(name), of: name})
		k.withheld = k.withheld || kind == keyHeader || kind == keyCookie || kind == keyQuery
	}
	return k, nil
}

// IsWithheld reports that the key may hold credentials: it must not be shown.
func (k *Key) IsWithheld() bool { return k.withheld }

// Append appends the key of a request, in a form in which no two different ones are the
// same. fellBack: a part was empty, and the address of the client stands in its place.
func (k *Key) Append(dst []byte, c *Call) (key []byte, fellBack bool) {
	for i := range k.parts {
		p := &k.parts[i]
		dst = append(dst, byte(p.kind), 0, 0, 0, 0)
		start := len(dst)
		if p.kind != keySourceIP {
			dst = p.append(dst, c)
		}
		if len(dst) == start {
			dst = appendNetwork(dst, c.Client(), k.prefix)
			fellBack = fellBack || p.kind != keySourceIP
			dst[start-5] = byte(keySourceIP)
		}
		binary.LittleEndian.PutUint32(dst[start-4:], uint32(len(dst)-start))
	}
	return dst, fellBack
}

// AppendText appends the key as people read it.
func (k *Key) AppendText(dst []byte, c *Call) []byte {
	for i := range k.parts {
		p := &k.parts[i]
		if i > 0 {
			dst = append(dst, ' ')
		}
		start := len(dst)
		if p.kind != keySourceIP {
			dst = p.append(dst, c)
		}
		if len(dst) == start {
			dst = appendNetworkText(dst, c.Client(), k.prefix)
		}
	}
	return dst
}

func (p *keyPart) append(dst []byte, c *Call) []byte {
	switch p.kind {
	case keySourceIP:
	case keyPath:
		return append(dst, c.Path...)
	case keyHeader:
		return append(dst, c.Field(&p.name)...)
	case keyCookie:
		return append(dst, affinity.Cookie(&c.Head.Head, p.of)...)
	case keyQuery:
		return append(dst, affinity.Parameter(c.Head.Query, p.of)...)
	case keyRoute:
		return append(dst, c.Route()...)
	case keyHost:
		return wire.AppendLower(dst, wire.HostName(c.Head.Host))
	case keyAPIKey:
		return append(dst, c.KeyName...)
	case keyClaim:
		return append(dst, c.claim(p.of)...)
	}
	return dst
}

// appendNetwork appends the network of an address that counts as one client: an IPv4
// address whole, also one that is mapped, of IPv6 the first bits.
func appendNetwork(dst []byte, ip netip.Addr, bits int) []byte {
	if !ip.IsValid() {
		return append(dst, 0)
	}
	ip = ip.Unmap()
	if ip.Is4() {
		b := ip.As4()
		return append(dst, b[:]...)
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return append(dst, 1)
	}
	b := p.Addr().As16()
	return append(dst, b[:]...)
}

func appendNetworkText(dst []byte, ip netip.Addr, bits int) []byte {
	if !ip.IsValid() {
		return append(dst, "unix"...)
	}
	ip = ip.Unmap()
	if ip.Is4() {
		return ip.AppendTo(dst)
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return ip.AppendTo(dst)
	}
	return p.AppendTo(dst)
}
