package stage

// Octets is a set of bytes.
type Octets [256]bool

// inName are the bytes that are unreserved (RFC 3986 section 2.3).
var inName = func() *Octets {
	var set Octets
	for c := range set {
		set[c] = unreserved(byte(c))
	}
	return &set
}()

// OctetsBut are the visible characters of ASCII without those.
func OctetsBut(text string) *Octets {
	var set Octets
	for c := '!'; c <= '~'; c++ {
		set[c] = true
	}
	for i := range len(text) {
		set[text[i]] = false
	}
	return &set
}

// Encode percent-encodes what is not in the set of dst[start:], in place. It allocates only
// to enlarge dst.
func Encode(dst []byte, start int, keep *Octets) []byte {
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
		dst[to], dst[to+1], dst[to+2] = '%', upperHex[c>>4], upperHex[c&15]
	}
	return dst
}

const upperHex = "0123456789ABCDEF"
