package codec

import "bytes"

// A compressed answer is another representation of the same thing, so that a strong
// entity tag of the backend does not hold for its bytes: it is weakened. The client then
// asks with the weak tag. Most backends compare If-None-Match weakly, as RFC 9110 section
// 13.1.2 demands; those that compare octets are served by AppendIfNoneMatch, which asks
// with the strong tag as well, and those that compare the whole field by NotModified.

// tagsMax bounds the list AppendIfNoneMatch adds to, since each tag is looked for among
// the others. Browsers send one, caches as many as they have variants.
const tagsMax = 32

// weakMark begins a weak entity tag; it is case-sensitive (RFC 9110 section 8.8.3).
const weakMark = "W/"

// AppendWeak appends the weak form of etag. It reports false, and appends nothing, when
// etag is weak already. What is no entity tag becomes nothing, with true: no client could
// use it.
func AppendWeak(dst, etag []byte) ([]byte, bool) {
	opaque, weak, size := scanTag(etag)
	switch {
	case size == 0 || size != len(etag):
		return dst, true
	case weak:
		return dst, false
	}
	return append(append(dst, weakMark...), opaque...), true
}

// AppendIfNoneMatch appends the value of an If-None-Match with the strong form behind
// each weak tag whose strong form is not in it. It reports false, and appends nothing,
// when there is nothing to add, when the value cannot be read or has more than 32 tags.
func AppendIfNoneMatch(dst, value []byte) ([]byte, bool) {
	start := len(dst)
	changed := false
	rest := value
	for range tagsMax + 1 {
		tag, after, more := nextTag(rest)
		if !more {
			if len(after) > 0 || !changed {
				return dst[:start], false
			}
			return dst, true
		}
		rest = after
		dst = appendTag(dst, start, tag)
		opaque, weak, _ := scanTag(tag)
		if weak && !hasTag(value, opaque) && !hasTag(dst[start:], opaque) {
			dst = appendTag(dst, start, opaque)
			changed = true
		}
	}
	return dst[:start], false
}

func appendTag(dst []byte, start int, tag []byte) []byte {
	if len(dst) > start {
		dst = append(dst, ", "...)
	}
	return append(dst, tag...)
}

// NotModified reports whether an answer with this ETag is one the client has, by the
// client's own If-None-Match: a 200 to its GET or HEAD may then become a 304. Tags are
// compared weakly (RFC 9110 section 8.8.3.2).
func NotModified(ifNoneMatch, etag []byte) bool {
	want, _, size := scanTag(etag)
	if size == 0 || size != len(etag) {
		return false
	}
	for rest := ifNoneMatch; ; {
		tag, after, more := nextTag(rest)
		if !more {
			return false
		}
		rest = after
		if opaque, _, _ := scanTag(tag); bytes.Equal(opaque, want) {
			return true
		}
	}
}

// HoldsWeakened reports whether the client, by its own If-None-Match, has the answer with
// this strong ETag under its weak form alone: as we compressed it. A 304 must then be
// weakened too, or the client may not match it with what it has (RFC 9111 section 4.3.4),
// and its Vary must name Accept-Encoding, or it would take that off.
func HoldsWeakened(ifNoneMatch, etag []byte) bool {
	want, weak, size := scanTag(etag)
	return size == len(etag) && size > 0 && !weak && NotModified(ifNoneMatch, etag) && !hasTag(ifNoneMatch, want)
}

// hasTag reports whether a list of entity tags holds this one, octet for octet.
func hasTag(list, tag []byte) bool {
	for {
		next, rest, more := nextTag(list)
		if !more {
			return false
		}
		if bytes.Equal(next, tag) {
			return true
		}
		list = rest
	}
}

// nextTag cuts the first entity tag off a list. It reports false at the end of the list,
// where rest is empty, and where something else stands, as the asterisk. Tags may hold
// commas.
func nextTag(list []byte) (tag, rest []byte, ok bool) {
	for len(list) > 0 && (list[0] == ' ' || list[0] == '\t' || list[0] == ',') {
		list = list[1:]
	}
	_, _, size := scanTag(list)
	if size == 0 {
		return nil, list, false
	}
	return list[:size], list[size:], true
}

// scanTag reads the entity tag at the start of b: its opaque part with the quotes,
// whether it is weak, and its size in bytes, 0 when none stands there.
func scanTag(b []byte) (opaque []byte, weak bool, size int) {
	start := 0
	if len(b) >= len(weakMark) && string(b[:len(weakMark)]) == weakMark {
		weak, start = true, len(weakMark)
	}
	if start >= len(b) || b[start] != '"' {
		return nil, false, 0
	}
	for i := start + 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[start : i+1], weak, i + 1
		case c <= ' ' || c == 0x7f:
			return nil, false, 0
		}
	}
	return nil, false, 0
}
