package certs

import (
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strings"
)

// attribute is one part of a distinguished name (RFC 5280 section 4.1.2.4). The
// type in crypto/x509/pkix keeps only values it understands, and its String
// knows few names and lets control bytes pass.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// attributeSET is named so for encoding/asn1, which sees a SET by the ending.
type attributeSET []attribute

// attributeNames are OpenSSL's short names.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.15": "businessCategory",
	"2.5.4.17": "postalCode", "2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier",
	"2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym", "2.5.4.97": "organizationIdentifier",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

// appendName appends a distinguished name in DER as RFC 2253 writes it, the last
// part first, with everything that is not printable ASCII escaped: what nginx
// has in $ssl_client_s_dn. A name that cannot be read appends nothing.
func appendName(dst, der []byte) []byte {
	var parts []attributeSET
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return dst
	}
	start := len(dst)
	for _, part := range slices.Backward(parts) {
		for i := range part {
			switch {
			case i > 0:
				dst = append(dst, '+')
			case len(dst) > start:
				dst = append(dst, ',')
			}
			dst = appendAttribute(dst, &part[i])
		}
	}
	return dst
}

// appendAttribute appends name=value. What is no text, or has no name, is its
// DER in hexadecimal (RFC 2253 section 2.4).
func appendAttribute(dst []byte, a *attribute) []byte {
	oid := a.Type.String()
	var value any
	_, err := asn1.Unmarshal(a.Value.FullBytes, &value)
	text, isText := value.(string)
	name, known := attributeNames[oid]
	if err != nil || !isText || !known {
		if !known {
			name = oid
		}
		dst = append(append(dst, name...), "=#"...)
		return append(dst, strings.ToUpper(hex.EncodeToString(a.Value.FullBytes))...)
	}
	return appendEscaped(append(append(dst, name...), '='), text)
}

// appendEscaped escapes a value by RFC 2253 section 2.4, and every byte outside
// of printable ASCII as a backslash and two hexadecimal digits.
func appendEscaped(dst []byte, value string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', digits[c>>4], digits[c&15])
		case strings.IndexByte(`,+"\<>;`, c) >= 0, i == 0 && (c == '#' || c == ' '), i == len(value)-1 && c == ' ':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
