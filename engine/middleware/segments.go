package middleware

import (
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// segments are the first ones of a path, normalised as wire.NormalizePath does it.
type segments struct {
	text  string // without a slash at its end; empty is no segment
	below bool   // it had one: the path alone is not meant, only what is below
}

func newSegments(prefix string) (s segments, err error) {
	if prefix == "" {
		return segments{}, nil
	}
	match, _, err := wire.NormalizePath(nil, []byte(prefix))
	if err != nil {
		return segments{}, err
	}
	s.text = strings.TrimSuffix(string(match), "/")
	s.below = len(s.text) < len(match)
	return s, nil
}

// front is how many octets at the begin of target, a path as it is sent, spell the segments;
// -1 where they do not stand there, whole. A letter may be escaped, and a slash repeated.
func (s *segments) front(target []byte) int {
	n := len(s.text)
	if len(target) < n || string(target[:n]) != s.text {
		n = s.spelled(target)
	}
	if n < 0 || n == len(target) && s.below || !endsSegment(target, n) {
		return -1
	}
	return n
}

// spelled is front for other spellings: it walks along both.
func (s *segments) spelled(target []byte) int {
	i := 0
	for j := 0; j < len(s.text); {
		if i >= len(target) {
			return -1
		}
		c, taken := nextOctet(target[i:])
		i += taken
		if taken == len("%2F") && isKept(c) { // it stays encoded, in upper case
			if j+len("%2F") > len(s.text) || s.text[j] != '%' || s.text[j+1] != hexDigits[c>>4] || s.text[j+2] != hexDigits[c&15] {
				return -1
			}
			j += len("%2F")
			continue
		}
		if c != s.text[j] {
			return -1
		}
		j++
		for c == '/' && i < len(target) && target[i] == '/' {
			i++
		}
	}
	return i
}

// nextOctet is the octet that a valid path begins with, decoded, and how many spell it.
func nextOctet(path []byte) (c byte, taken int) {
	if path[0] != '%' || len(path) < len("%2F") {
		return path[0], 1
	}
	return unhex(path[1])<<4 | unhex(path[2]), len("%2F")
}

// isKept reports an octet that stays encoded in a normalised path.
func isKept(c byte) bool { return c == '/' || c == '\\' || c == '%' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// spelling is a path, as it is sent and without dot segments, normalised, and where in target
// each of its octets begins, with the end of target behind the last one.
func spelling(target []byte) (path []byte, at []int) {
	path, at = make([]byte, 0, len(target)), make([]int, 0, len(target)+1)
	for i := 0; i < len(target); {
		c, taken := nextOctet(target[i:])
		if taken > 1 && isKept(c) {
			path, at = append(path, '%', hexDigits[c>>4], hexDigits[c&15]), append(at, i, i+1, i+2)
			i += taken
			continue
		}
		path, at = append(path, c), append(at, i)
		i += taken
		for c == '/' && taken == 1 && i < len(target) && target[i] == '/' {
			i++
		}
	}
	return path, append(at, len(target))
}

const hexDigits = "0123456789ABCDEF"
