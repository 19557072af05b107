package codec

import "github.com/isame-lb/isame-lb/pool/wire"

// staleNames are the fields, beside those with an identity, that describe the bytes of
// the content as they were: digests of content and of representation, which includes its
// coding (RFC 9530 sections 2 and 3), their predecessors, and the offer of ranges.
var staleNames = [...]string{"accept-ranges", "content-md5", "digest", "content-digest", "repr-digest"}

// Stale reports a field line of a head, or of trailers, that must go when the content is
// compressed. Content-Encoding is one, since what is left of it can only be identity.
// ETag is not: see AppendWeak.
func Stale(h *wire.Head, f *wire.Field) bool {
	switch f.ID {
	case wire.FieldContentLength, wire.FieldContentEncoding:
		return true
	case wire.FieldOther:
		name := h.Name(f)
		for _, stale := range staleNames {
			if wire.EqualFold(name, stale) {
				return true
			}
		}
	default:
	}
	return false
}

// varyName is what Vary has to hold.
const varyName = "Accept-Encoding"

// AppendVary appends the one value of Vary that holds what the Vary lines of h say and
// Accept-Encoding. It reports false, and appends nothing, when they say it already, which
// the asterisk does as well.
func AppendVary(dst []byte, h *wire.Head) ([]byte, bool) {
	start := len(dst)
	if h.Has(wire.FieldVary) {
		for i := range h.Fields {
			f := &h.Fields[i]
			if f.ID != wire.FieldVary || f.Drop {
				continue
			}
			value := h.FieldValue(f)
			if wire.HasToken(value, "*") || wire.HasToken(value, "accept-encoding") {
				return dst[:start], false
			}
			dst = appendList(dst, start, value)
		}
	}
	if len(dst) > start {
		dst = append(dst, ", "...)
	}
	return append(dst, varyName...), true
}

// appendList appends the elements of value to the list that begins at dst[start:].
func appendList(dst []byte, start int, value []byte) []byte {
	for {
		element, rest, more := wire.NextElement(value)
		if !more {
			return dst
		}
		if value = rest; len(element) == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ", "...)
		}
		dst = append(dst, element...)
	}
}
