package route

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// hostBytesMax bounds the hosts that can match by name. A DNS name has at most
// 253 bytes (RFC 1035 2.3.4), an IPv6 literal fewer.
const hostBytesMax = 255

var (
	errHostEmpty    = errors.New("is empty")
	errHostLong     = errors.New("is longer than 253 bytes")
	errHostPort     = errors.New("has a port; ports do not take part in matching")
	errHostWildcard = errors.New(`may have "*" only as its whole first or last label`)
	errHostZone     = errors.New("has an IPv6 zone, which no client sends")
	errHostBytes    = errors.New("has a character no host has")
)

// hostOf cuts the port and one trailing dot off an authority. An IPv6 literal
// keeps its brackets, so that "[a.example]" is not taken for a name. A host too
// long to match by name becomes nil.
func hostOf(authority []byte) []byte {
	host := wire.HostName(authority)
	if len(host) > hostBytesMax {
		return nil
	}

	return host
}

// hasUpper reports whether a byte of b is an ASCII capital.
func hasUpper(b []byte) bool {
	for _, c := range b {
		if c-'A' < 26 {
			return true
		}
	}

	return false
}

// appendLower appends b with ASCII capitals lowered.
func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower(c))
	}

	return dst
}

func lower(c byte) byte {
	if c-'A' < 26 {
		return c + ('a' - 'A')
	}

	return c
}

// hostKind is how a pattern matches the host, the most specific first.
type hostKind uint8

const (
	hostExact      hostKind = iota
	hostBelow               // "*.example.org"
	hostBeginning           // "app.*"
	hostExpression          // a regular expression
	hostAny
)

// hostPattern is a host of a route's configuration in the form it is compared.
type hostPattern struct {
	name string // without the star; the text of an expression
	kind hostKind
}

// String is the pattern as people write it, an expression with "~" in front.
func (h hostPattern) String() string {
	switch h.kind {
	case hostBelow:
		return "*." + h.name
	case hostBeginning:
		return h.name + ".*"
	case hostExpression:
		return "~" + h.name
	case hostAny:
		return "*"
	case hostExact:
	}

	return h.name
}

// anyHost is the pattern of a route without hosts.
func anyHost() hostPattern { return hostPattern{kind: hostAny} }

// place is where routes of the pattern stand: those with expressions all stand in
// one site, as path and further predicates decide between them.
func (h hostPattern) place() hostPattern {
	if h.kind == hostExpression {
		h.name = ""
	}

	return h
}

// parseHost brings a host of the configuration into the form hostOf leaves of a
// request's authority.
func parseHost(text string) (hostPattern, error) {
	if text == "*" {
		return anyHost(), nil
	}

	h := hostPattern{name: strings.ToLower(text)}
	if name, ok := strings.CutSuffix(h.name, ".*"); ok {
		h = hostPattern{name: name, kind: hostBeginning}
	} else if name, ok := strings.CutPrefix(h.name, "*."); ok {
		h = hostPattern{name: name, kind: hostBelow}
	}

	if h.kind != hostBeginning {
		h.name = strings.TrimSuffix(h.name, ".")
	}

	if literal, ok := literalOf(h.name); ok && h.kind == hostExact {
		return parseLiteral(literal)
	}

	if err := checkName(h.name); err != nil {
		return hostPattern{}, err
	}

	return h, nil
}

// literalOf returns the address within an IPv6 literal.
func literalOf(name string) (string, bool) {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		return strings.CutSuffix(inner, "]")
	}

	return name, strings.Count(name, ":") > 1
}

func parseLiteral(text string) (hostPattern, error) {
	address, err := netip.ParseAddr(text)

	switch {
	case err != nil:
		return hostPattern{}, errHostBytes
	case address.Zone() != "":
		return hostPattern{}, errHostZone
	default:
		return hostPattern{name: "[" + address.String() + "]"}, nil
	}
}

// checkName refuses what could never equal a request's host. It is not a check
// of DNS syntax: the configuration's own check is stricter.
func checkName(name string) error {
	switch {
	case name == "":
		return errHostEmpty
	case len(name) > hostBytesMax-2:
		return errHostLong
	case strings.Contains(name, "*"):
		return errHostWildcard
	case strings.Contains(name, ":"):
		return errHostPort
	case strings.ContainsAny(name, " /?#@[]\\\t\r\n"):
		return errHostBytes
	default:
		return nil
	}
}
