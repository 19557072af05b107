package middleware

import "bytes"

// octets is a set of bytes.
type octets [256]bool

// inURI are the bytes that may stand in a reference to a resource (RFC 3986 section 2), % with
// them: what comes is encoded already. inPath and inQuery are those that stay where
// they are put, inLabel those of a part of a host name, inCookie those of a cookie's value (RFC 6265 section 4.1.1).
var (
	inURI    = octetsBut("\"<>\\^`{|}")
	inPath   = octetsBut("\"<>\\^`{|}?#")
	inQuery  = octetsBut("\"<>\\^`{|}#")
	inLabel  = octetsBut("\"<>\\^`{|}?#/@%&=+$,;!*'()~:[]")
	inTarget = octetsBut("#")
	inCookie = octetsBut("\",;\\")
)

// octetsBut are the visible characters of ASCII without those.
func octetsBut(text string) *octets {
	var set octets
	for c := '!'; c <= '~'; c++ {
		set[c] = true
	}
	for i := range len(text) {
		set[text[i]] = false
	}
	return &set
}

// encoded is text with what is not in the set percent-encoded, on its own memory.
func encoded(text []byte, keep *octets) []byte { return encodeFrom(bytes.Clone(text), 0, keep) }

// encodeFrom percent-encodes what is not in the set of dst[start:], in place.
func encodeFrom(dst []byte, start int, keep *octets) []byte {
	from := len(dst)
	for _, c := range dst[start:] {
		if !keep[c] {
			dst = append(dst, 0, 0)
		}
	}
	if len(dst) == from {
		return dst
	}
	for to := len(dst); from > start; { // backwards, so that nothing is overwritten before it is read
		from--
		c := dst[from]
		if keep[c] {
			to--
			dst[to] = c
			continue
		}
		to -= len("%00")
		dst[to], dst[to+1], dst[to+2] = '%', hexDigits[c>>4], hexDigits[c&15]
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

// begins reports that path begins with prefix, which holds no slash at its end, as whole
// segments.
func begins(path []byte, prefix string) bool {
	return len(path) >= len(prefix) && string(path[:len(prefix)]) == prefix && endsSegment(path, len(prefix))
}

// endsSegment reports that nothing, or another segment, is behind path[:n].
func endsSegment(path []byte, n int) bool {
	return len(path) == n || path[n] == '/'
}
