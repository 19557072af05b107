package files

import "bytes"

// Bounds of Linux (NAME_MAX, PATH_MAX): what is longer is not there.
const (
	segmentBytesMax = 255
	nameBytesMax    = 4095
)

// wellKnown is the one name with a dot in front that is served (RFC 8615).
const wellKnown = ".well-known"

// appendName appends the name, relative to the folder, of the file that a path means. The
// path is normalised: it begins with a slash, and is decoded but for %25, and for %2F and
// %5C, which separate nothing and name no file. Below a path that ends in a slash the name
// ends in one, too; that of the folder itself is empty. False: no file has such a name.
func appendName(dst, path []byte) (name []byte, ok bool) {
	if len(path) == 0 || path[0] != '/' || len(path) > nameBytesMax {
		return dst, false
	}
	rest := path[1:]
	for first := true; len(rest) > 0; first = false {
		segment, behind, more := bytes.Cut(rest, slash)
		if !isServed(segment, first) {
			return dst, false
		}
		if dst, ok = appendSegment(dst, segment); !ok {
			return dst, false
		}
		if more {
			dst = append(dst, '/')
		}
		rest = behind
	}
	return dst, true
}

var slash = []byte("/")

// isServed reports that a segment may be part of a name. An empty one cannot: a normalised
// path has none.
func isServed(segment []byte, first bool) bool {
	if len(segment) == 0 || segment[0] == '.' && (!first || string(segment) != wellKnown) {
		return false
	}
	return len(segment) <= segmentBytesMax
}

// appendSegment appends a segment as it is called on the disk.
func appendSegment(dst, segment []byte) ([]byte, bool) {
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		switch {
		case c < ' ' || c == 0x7f || c == '\\':
			return dst, false
		case c != '%':
		case len(segment)-i > 2 && segment[i+1] == '2' && segment[i+2] == '5':
			i += 2
		default:
			return dst, false
		}
		dst = append(dst, c)
	}
	return dst, true
}
