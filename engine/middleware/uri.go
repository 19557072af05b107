package middleware

import (
	"bytes"

	"github.com/isame-lb/isame-lb/engine/stage"
)

// inURI are the bytes that may stand in a reference to a resource (RFC 3986 section 2), % with
// them: what comes is encoded already. inPath and inQuery are those that stay where
// they are put, inLabel those of a part of a host name, inCookie those of a cookie's value (RFC 6265 section 4.1.1).
var (
	inURI    = stage.OctetsBut("\"<>\\^`{|}")
	inPath   = stage.OctetsBut("\"<>\\^`{|}?#")
	inQuery  = stage.OctetsBut("\"<>\\^`{|}#")
	inLabel  = stage.OctetsBut("\"<>\\^`{|}?#/@%&=+$,;!*'()~:[]")
	inTarget = stage.OctetsBut("#")
	inCookie = stage.OctetsBut("\",;\\")
)

// encoded is text with what is not in the set percent-encoded, on its own memory.
func encoded(text []byte, keep *stage.Octets) []byte { return stage.Encode(bytes.Clone(text), 0, keep) }

// begins reports that path begins with prefix, which holds no slash at its end, as whole
// segments.
func begins(path []byte, prefix string) bool {
	return len(path) >= len(prefix) && string(path[:len(prefix)]) == prefix && endsSegment(path, len(prefix))
}

// endsSegment reports that nothing, or another segment, is behind path[:n].
func endsSegment(path []byte, n int) bool {
	return len(path) == n || path[n] == '/'
}
