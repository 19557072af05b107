package wire

import "bytes"

// NormalizePath brings the path of a request target (without its query) into
// the spelling that routes are matched on, and checks it.
//
// match is percent-decoded, with repeated slashes merged and dot segments, also
// those spelled %2e, resolved as in RFC 3986 section 5.2.4. %2F, %5C and %25
// stay encoded, in upper case: they separate nothing, and decoding twice never
// yields another path. forward is raw byte for byte, unless dot segments had to
// be resolved: then it has the segments of match in the spelling they came in, and
// the repeated slashes behind those that stay. So the two always mean the same route.
//
// A path that needs nothing done is returned as match and forward without
// copying. Otherwise both may stand in dst's memory, from its start up to its
// capacity; twice len(raw) is always enough, less makes it allocate.
//
// Refused, as a *[Refusal]: no leading slash; NUL and control bytes and
// malformed percent-encoding; a raw backslash; overlong UTF-8, encoded or not;
// and a dot segment with parameters or beside an encoded slash (..;x, ..%2F),
// which some backends resolve and others do not.
func NormalizePath(dst, raw []byte) (match, forward []byte, err error) {
	if len(raw) == 0 || raw[0] != '/' {
		return nil, nil, ErrBadPath
	}
	if plainPath(raw) {
		return raw, raw, nil
	}
	if cap(dst) < 2*len(raw) {
		dst = make([]byte, 0, 2*len(raw))
	}
	p := pathBuilder{
		match:   append(dst[:0:len(raw)], '/'),
		forward: append(dst[len(raw):len(raw):2*len(raw)], '/'),
	}
	for rest := raw[1:]; rest != nil; {
		segment := rest
		i := bytes.IndexByte(rest, '/')
		if i < 0 {
			rest = nil
		} else {
			segment, rest = rest[:i], rest[i+1:]
		}
		if !p.add(segment, rest == nil) {
			return nil, nil, ErrBadPath
		}
	}
	if !p.resolved {
		return p.match, raw, nil
	}
	return p.match, p.forward, nil
}

// plainPath reports whether raw is its own normal form: no byte that may need
// decoding or refusing, no empty segment and none that begins with a dot.
func plainPath(raw []byte) bool {
	before := byte(0)
	for _, c := range raw {
		if byteClass[c]&classPath != 0 || before == '/' && (c == '/' || c == '.') {
			return false
		}
		before = c
	}
	return true
}

// pathBuilder collects segments. Both paths end with a slash before a segment
// is added.
type pathBuilder struct {
	match, forward []byte
	resolved       bool // a dot segment was taken out
}

// add appends one segment, the last one without a slash after it.
func (p *pathBuilder) add(raw []byte, last bool) bool {
	if len(raw) == 0 {
		if !last {
			p.forward = append(p.forward, '/')
		}
		return true
	}
	start := len(p.match)
	var ok bool
	if p.match, ok = decodeSegment(p.match, raw); !ok || overlong(p.match[start:]) {
		return false
	}
	dots, ok := dotSegment(p.match[start:])
	if !ok {
		return false
	}
	if dots > 0 {
		p.match, p.resolved = p.match[:start], true
		if dots == 2 {
			p.match, p.forward = parent(p.match), parent(p.forward)
		}
		return true
	}
	p.forward = append(p.forward, raw...)
	if !last {
		p.match, p.forward = append(p.match, '/'), append(p.forward, '/')
	}
	return true
}

// parent removes the last segment of a path that ends with slashes; the root is its
// own parent, however many slashes it has.
func parent(path []byte) []byte {
	end := len(path)
	for end > 0 && path[end-1] == '/' {
		end--
	}
	if end == 0 {
		return path
	}
	return path[:bytes.LastIndexByte(path[:end], '/')+1]
}

// decodeSegment appends segment, decoded, to dst.
func decodeSegment(dst, segment []byte) ([]byte, bool) {
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c != '%' {
			if c < ' ' || c == 0x7f || c == '\\' {
				return dst, false
			}
			dst = append(dst, c)
			continue
		}
		if i+2 >= len(segment) || byteClass[segment[i+1]]&byteClass[segment[i+2]]&classHex == 0 {
			return dst, false
		}
		c = hexValue(segment[i+1])<<4 | hexValue(segment[i+2])
		i += 2
		switch {
		case c < ' ' || c == 0x7f:
			return dst, false
		case c == '/':
			dst = append(dst, "%2F"...)
		case c == '\\':
			dst = append(dst, "%5C"...)
		case c == '%':
			dst = append(dst, "%25"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst, true
}

// hexValue is the value of a hexadecimal digit.
func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// dotSegment is 1 or 2 for a decoded segment "." or "..", else 0. It is not ok
// when a reader that cuts parameters off, or decodes slashes first, would see a
// dot segment that is none here.
func dotSegment(segment []byte) (dots int, ok bool) {
	if len(segment) == 1 && segment[0] == '.' {
		return 1, true
	}
	if len(segment) == 2 && segment[0] == '.' && segment[1] == '.' {
		return 2, true
	}
	for part := segment; ; {
		i := encodedSlash(part)
		piece := part
		if i >= 0 {
			piece = part[:i]
		}
		if n := bytes.IndexByte(piece, ';'); n >= 0 {
			piece = piece[:n]
		}
		if string(piece) == "." || string(piece) == ".." {
			return 0, false
		}
		if i < 0 {
			return 0, true
		}
		part = part[i+len("%2F"):]
	}
}

// encodedSlash is the index of the first %2F or %5C, -1 when there is none.
func encodedSlash(b []byte) int {
	from := 0
	for {
		i := bytes.IndexByte(b[from:], '%')
		if i < 0 {
			return -1
		}
		if from += i; b[from+1] != '2' || b[from+2] != '5' {
			return from
		}
		from += len("%25")
	}
}

// overlong reports whether b holds a byte sequence that a lax UTF-8 decoder
// takes for a character with a shorter encoding, a slash or dot for instance.
func overlong(b []byte) bool {
	for i, c := range b {
		if c < 0xc0 {
			continue
		}
		next := byte(0)
		if i+1 < len(b) {
			next = b[i+1]
		}
		switch {
		case c <= 0xc1,
			c == 0xe0 && next >= 0x80 && next < 0xa0,
			c == 0xf0 && next >= 0x80 && next < 0x90,
			c == 0xf8 && next >= 0x80 && next < 0x88,
			c == 0xfc && next >= 0x80 && next < 0x84:
			return true
		}
	}
	return false
}
