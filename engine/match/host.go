package match

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// HostBytesMax bounds the hosts that can match by name. A DNS name has at most
// 253 bytes (RFC 1035 2.3.4), an IPv6 literal fewer.
const HostBytesMax = 255

var (
	errHostEmpty    = errors.New("is empty")
	errHostLong     = errors.New("is longer than 253 bytes")
	errHostPort     = errors.New("has a port; ports do not take part in matching")
	errHostWildcard = errors.New(`may have "*" only as its whole first or last label`)
	errHostZone     = errors.New("has an IPv6 zone, which no client sends")
	errHostBytes    = errors.New("has a character no host has")
)

// HostKind is how a pattern matches a host, the most specific first.
type HostKind uint8

// The kinds of patterns.
const (
	HostExact      HostKind = iota
	HostBelow               // "*.example.org"
	HostBeginning           // "app.*"
	HostExpression          // a regular expression
	HostAny                 // "*"
)

// HostPattern is a host of a configuration in the form that hosts of requests are
// compared in.
type HostPattern struct {
	Name string // without the star, in lower case; the text of an expression
	Kind HostKind
}

// String is the pattern as people write it, an expression with "~" in front.
func (h HostPattern) String() string {
	switch h.Kind {
	case HostBelow:
		return "*." + h.Name
	case HostBeginning:
		return h.Name + ".*"
	case HostExpression:
		return "~" + h.Name
	case HostAny:
		return "*"
	case HostExact:
	}
	return h.Name
}

// takes reports that the pattern, which is no expression, takes a host as HostOf leaves it,
// whatever its case. A star stands for at least one byte.
func (h HostPattern) takes(host string) bool {
	name := h.Name
	switch h.Kind {
	case HostAny:
		return true
	case HostBelow:
		at := len(host) - len(name)
		return at > 1 && host[at-1] == '.' && equalLower(host[at:], name)
	case HostBeginning:
		return len(host) > len(name)+1 && host[len(name)] == '.' && equalLower(host[:len(name)], name)
	case HostExact, HostExpression:
	}
	return len(host) == len(name) && equalLower(host, name)
}

// HostOf cuts the port and one trailing dot off an authority. An IPv6 literal
// keeps its brackets, so that "[a.example]" is not taken for a name. A host too
// long to match by name becomes nil.
func HostOf(authority []byte) []byte {
	host := wire.HostName(authority)
	if len(host) > HostBytesMax {
		return nil
	}
	return host
}

// ParseHost reads a pattern that is no expression.
func ParseHost(text string) (HostPattern, error) {
	if text == "*" {
		return HostPattern{Kind: HostAny}, nil
	}
	h := HostPattern{Name: strings.ToLower(text)}
	if name, ok := strings.CutSuffix(h.Name, ".*"); ok {
		h = HostPattern{Name: name, Kind: HostBeginning}
	} else if name, ok := strings.CutPrefix(h.Name, "*."); ok {
		h = HostPattern{Name: name, Kind: HostBelow}
	}
	if h.Kind != HostBeginning {
		h.Name = strings.TrimSuffix(h.Name, ".")
	}
	if literal, ok := literalOf(h.Name); ok && h.Kind == HostExact {
		return parseLiteral(literal)
	}
	return h, checkName(h.Name)
}

// literalOf returns the address within an IPv6 literal.
func literalOf(name string) (string, bool) {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		return strings.CutSuffix(inner, "]")
	}
	return name, strings.Count(name, ":") > 1
}

func parseLiteral(text string) (HostPattern, error) {
	address, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return HostPattern{}, errHostBytes
	case address.Zone() != "":
		return HostPattern{}, errHostZone
	default:
		return HostPattern{Name: "[" + address.String() + "]"}, nil
	}
}

// checkName refuses what could never equal a request's host. It is not a check
// of DNS syntax: the configuration's own check is stricter.
func checkName(name string) error {
	switch {
	case name == "":
		return errHostEmpty
	case len(name) > HostBytesMax-2:
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
