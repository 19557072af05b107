package wire

import (
	"bytes"
	"time"
)

// EqualFold reports whether b equals s, which is lower case and ASCII, without
// regard to the case of ASCII letters in b.
func EqualFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(s) {
		if lower(b[i]) != s[i] {
			return false
		}
	}
	return true
}

// AppendLower appends b with ASCII capitals lowered.
func AppendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower(c))
	}
	return dst
}

// lower folds an ASCII letter.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// TrimOWS removes spaces and tabs around b (RFC 9110 section 5.6.3).
func TrimOWS(b []byte) []byte {
	start := 0
	for start < len(b) && (b[start] == ' ' || b[start] == '\t') {
		start++
	}
	return b[start:trimEnd(b, start, len(b))]
}

// comma separates the elements of a list.
var comma = []byte(",")

// NextElement cuts the first element off a comma separated list that holds no
// quoted strings. It returns the element without white space, possibly empty,
// and the rest; more is false once value is used up.
func NextElement(value []byte) (element, rest []byte, more bool) {
	if value == nil {
		return nil, nil, false
	}
	element, rest, _ = bytes.Cut(value, comma)
	return TrimOWS(element), rest, true
}

// HasToken reports whether a comma separated list contains token (lower case),
// without regard to case. Elements with parameters are not that token.
func HasToken(value []byte, token string) bool {
	if EqualFold(value, token) {
		return true
	}
	for {
		element, rest, more := NextElement(value)
		if !more {
			return false
		}
		if EqualFold(element, token) {
			return true
		}
		value = rest
	}
}

// HasElement reports whether a comma separated list has an element that equals
// value without regard to case.
func HasElement(list, value []byte) bool {
	for {
		element, rest, more := NextElement(list)
		if !more {
			return false
		}
		if bytes.EqualFold(element, value) {
			return true
		}
		list = rest
	}
}

// isToken reports whether b is a token (RFC 9110 section 5.6.2).
func isToken(b []byte) bool {
	all := uint8(classToken)
	for _, c := range b {
		all &= byteClass[c]
	}
	return len(b) > 0 && all != 0
}

// KeepAliveTimeout reads the timeout parameter of a Keep-Alive field: how long
// the sender promises to keep the connection idle. Absurd values are ignored.
func KeepAliveTimeout(value []byte) (time.Duration, bool) {
	const prefix = "timeout="
	const secondsMax = 24 * 60 * 60
	for {
		element, rest, more := NextElement(value)
		if !more {
			return 0, false
		}
		if len(element) > len(prefix) && EqualFold(element[:len(prefix)], prefix) {
			seconds, ok := parseLength(element[len(prefix):])
			return time.Duration(min(seconds, secondsMax)) * time.Second, ok
		}
		value = rest
	}
}
