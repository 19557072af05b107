package wire

import "bytes"

// hostBytesMax bounds the name in an authority, as DNS does (RFC 1035).
const hostBytesMax = 255

// ValidHost checks an authority as it stands in Host or in an absolute-form
// target: a name or IPv4 address of letters, digits, "-", "_", "~" and single
// dots, or [IPv6] without a zone, and an optional port 1 to 65535, which may be empty
// (RFC 3986 section 3.2.3). User information, lists, percent-encoding and an empty name
// are refused: each is read in more than one way. The error is a *[Refusal].
func ValidHost(authority []byte) error {
	if r := hostFault(authority); r != nil {
		return r
	}
	return nil
}

func hostFault(authority []byte) *Refusal {
	if len(authority) > 0 && authority[0] == '[' {
		return ipv6Fault(authority)
	}
	label := 0 // where the label at hand begins
	for i, c := range authority {
		if byteClass[c]&classHost != 0 {
			continue
		}
		if c == ':' && i > 0 && i <= hostBytesMax {
			return portFault(authority[i:])
		}
		if c != '.' || label == i {
			return ErrBadHost
		}
		label = i + 1
	}
	// The loop lets one dot at the end pass: the root of DNS.
	if len(authority) == 0 || len(authority) > hostBytesMax {
		return ErrBadHost
	}
	return nil
}

// portFault checks ":" and a port, ":" alone, or nothing at all.
func portFault(b []byte) *Refusal {
	if len(b) == 0 || string(b) == ":" {
		return nil
	}
	n, ok := parseLength(b[1:])
	if b[0] != ':' || !ok || n < 1 || n > 65535 {
		return ErrBadHost
	}
	return nil
}

func ipv6Fault(authority []byte) *Refusal {
	stop := bytes.IndexByte(authority, ']')
	if stop < 0 || !isIPv6(authority[1:stop]) {
		return ErrBadHost
	}
	return portFault(authority[stop+1:])
}

// CutPort is an authority without its port. An IPv6 address keeps its brackets.
func CutPort(authority []byte) []byte {
	from := 0
	if len(authority) > 0 && authority[0] == '[' {
		from = max(0, bytes.IndexByte(authority, ']'))
	}
	if i := bytes.IndexByte(authority[from:], ':'); i >= 0 {
		return authority[:from+i]
	}
	return authority
}

// HostName is CutPort without the dot behind a full name, which is the same name.
func HostName(authority []byte) []byte {
	host := CutPort(authority)
	if n := len(host); n > 0 && host[n-1] == '.' {
		return host[:n-1]
	}
	return host
}

// SplitAuthority cuts a valid authority into the host, an IPv6 address without
// its brackets, and the port, nil when it has none.
func SplitAuthority(authority []byte) (host, port []byte) {
	if len(authority) > 0 && authority[0] == '[' {
		if stop := bytes.IndexByte(authority, ']'); stop > 0 {
			if stop+2 <= len(authority) {
				port = authority[stop+2:] // may be empty
			}
			return authority[1:stop], port
		}
	}
	if i := bytes.LastIndexByte(authority, ':'); i >= 0 {
		return authority[:i], authority[i+1:]
	}
	return authority, nil
}

// isIPv6 reports whether b is an IPv6 address (RFC 4291 section 2.2) without a
// zone. netip.ParseAddr would allocate.
func isIPv6(b []byte) bool {
	groups, gap := 0, false
	if bytes.HasPrefix(b, []byte("::")) {
		b, gap = b[2:], true
	}
	for len(b) > 0 {
		n := 0
		for n < len(b) && byteClass[b[n]]&classHex != 0 {
			n++
		}
		if n < len(b) && b[n] == '.' {
			groups += 2
			return isIPv4(b) && (groups < 8) == gap && groups <= 8
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		if b = b[n:]; len(b) == 0 {
			break
		}
		if len(b) < 2 || b[0] != ':' {
			return false
		}
		if b = b[1:]; b[0] == ':' {
			if gap {
				return false
			}
			b, gap = b[1:], true
		}
	}
	return (groups < 8) == gap && groups <= 8
}

// isIPv4 reports whether b is a dotted quad without leading zeros.
func isIPv4(b []byte) bool {
	for parts := 1; ; parts++ {
		i := bytes.IndexByte(b, '.')
		part := b
		if i >= 0 {
			part = b[:i]
		}
		if n, ok := parseLength(part); !ok || n > 255 {
			return false
		}
		if i < 0 || parts == 4 {
			return i < 0 && parts == 4
		}
		b = b[i+1:]
	}
}
