package hpack

const (
	// integerBytesMax bounds what follows the prefix of an integer. Four bytes
	// hold every number a block of ours can mean; the fifth is for encoders that
	// fill up with zeros.
	integerBytesMax = 5
	integerMax      = 1<<31 - 1
)

// readInteger reads the integer whose prefix of that many bits ends b[at] (RFC
// 7541 section 5.1), and returns the index after it.
func readInteger(b []byte, at int, prefixBits uint) (value, next int, fault *Fault) {
	if uint(at) < uint(len(b)) {
		if value = int(b[at]) & (1<<prefixBits - 1); value != 1<<prefixBits-1 {
			return value, at + 1, nil
		}
	}
	return readLongInteger(b, at, value)
}

// readLongInteger reads the bytes after a prefix that is all ones, at b[at].
func readLongInteger(b []byte, at, prefix int) (value, next int, fault *Fault) {
	sum := uint64(prefix)
	for i := range integerBytesMax {
		at++
		if at >= len(b) {
			return 0, at, ErrTruncated
		}
		sum += uint64(b[at]&0x7f) << (7 * i)
		if b[at] < 0x80 {
			if sum > integerMax {
				break
			}
			return int(sum), at + 1, nil
		}
	}
	return 0, at, ErrInteger
}

// appendInteger appends value behind pattern, the bits above the prefix.
func appendInteger(dst []byte, pattern byte, prefixBits uint, value uint32) []byte {
	mask := uint32(1)<<prefixBits - 1
	if value < mask {
		return append(dst, pattern|byte(value))
	}
	dst = append(dst, pattern|byte(mask))
	for value -= mask; value >= 0x80; value >>= 7 {
		dst = append(dst, byte(value)|0x80)
	}
	return append(dst, byte(value))
}
