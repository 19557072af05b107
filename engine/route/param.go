package route

import "bytes"

// hasParam reports whether one of the parameters of a raw query is the one
// wanted. Parameters are separated by "&" alone (WHATWG URL, form decoding). A
// parameter without "=" has the empty value.
func hasParam(raw []byte, w *want) bool {
	for len(raw) > 0 {
		pair := raw
		raw = nil

		if i := bytes.IndexByte(pair, '&'); i >= 0 {
			pair, raw = pair[:i], pair[i+1:]
		}

		if len(pair) == 0 {
			continue
		}

		name, value, _ := bytes.Cut(pair, []byte{'='})
		if isDecoded(name, w.name) && (w.any || isDecoded(value, w.value)) {
			return true
		}
	}

	return false
}

// isDecoded reports whether b, with "+" as a space and %XX decoded, is text. A
// "%" without two hexadecimal digits stands for itself.
func isDecoded(b []byte, text string) bool {
	at := 0

	for i := 0; i < len(b); i++ {
		if at == len(text) {
			return false
		}

		c := b[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]):
			c = unhex(b[i+1])<<4 | unhex(b[i+2])
			i += 2
		}

		if c != text[at] {
			return false
		}

		at++
	}

	return at == len(text)
}

func isHex(c byte) bool {
	return c-'0' < 10 || lower(c)-'a' < 6
}

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	if c-'0' < 10 {
		return c - '0'
	}

	return lower(c) - 'a' + 10
}
