package match

import "bytes"

// holdsParam reports that one of the parameters of the name is so, or that there is none.
// Parameters are separated by "&" alone (WHATWG URL, form decoding). One without "=" has the
// empty value. Names and values are compared decoded, whatever way they were spelled.
func (v *value) holdsParam(q *Request) bool {
	for rest := q.RawQuery; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, ampersand)
		if len(pair) == 0 {
			continue
		}
		name, text, _ := bytes.Cut(pair, equals)
		if !isDecoded(name, v.name) {
			continue
		}
		switch {
		case v.absent:
			return false
		case v.any:
			return true
		case v.re != nil:
			q.Scratch = appendDecoded(q.Scratch[:0], text)
			if v.re.Match(q.Scratch) {
				return true
			}
		case isDecoded(text, v.is):
			return true
		}
	}
	return v.absent
}

var ampersand, equals = []byte{'&'}, []byte{'='}

// decode is the next byte of b, with "+" as a space and %XX decoded, and how many bytes it
// takes. A "%" without two hexadecimal digits stands for itself.
func decode(b []byte) (c byte, size int) {
	switch c = b[0]; {
	case c == '+':
		return ' ', 1
	case c == '%' && len(b) > 2 && isHex(b[1]) && isHex(b[2]):
		return unhex(b[1])<<4 | unhex(b[2]), 3
	}
	return c, 1
}

// isDecoded reports whether b, decoded, is text.
func isDecoded(b []byte, text string) bool {
	at := 0
	for len(b) > 0 {
		c, size := decode(b)
		if at == len(text) || c != text[at] {
			return false
		}
		at, b = at+1, b[size:]
	}
	return at == len(text)
}

func appendDecoded(dst, b []byte) []byte {
	for len(b) > 0 {
		c, size := decode(b)
		dst, b = append(dst, c), b[size:]
	}
	return dst
}

func isHex(c byte) bool { return c-'0' < 10 || lower(c)-'a' < 6 }

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	if c-'0' < 10 {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}
