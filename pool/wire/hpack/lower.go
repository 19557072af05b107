package hpack

import "encoding/binary"

// lowerRoom is the longest name that is looked up; longer ones are sent as they
// are.
const lowerRoom = 64

// lowerName copies name, which is not longer than room, in lower case. It writes
// the words that hash reads again: a word that is made of two writes makes the
// processor wait for both (BenchmarkEncode: a fifth of it).
func lowerName(room *[lowerRoom]byte, name []byte) []byte {
	n := len(name)
	dst := room[:n]
	switch {
	case n >= 8:
		for i := 0; i < n-8; i += 8 {
			binary.LittleEndian.PutUint64(dst[i:], lowerWord(binary.LittleEndian.Uint64(name[i:])))
		}
		binary.LittleEndian.PutUint64(dst[n-8:], lowerWord(binary.LittleEndian.Uint64(name[n-8:])))
	case n >= 4:
		first := lowerWord(uint64(binary.LittleEndian.Uint32(name)))
		last := lowerWord(uint64(binary.LittleEndian.Uint32(name[n-4:])))
		binary.LittleEndian.PutUint32(dst, uint32(first))
		binary.LittleEndian.PutUint32(dst[n-4:], uint32(last))
	default:
		for i, c := range name {
			dst[i] = lowerByte(c)
		}
	}
	return dst
}

// lowerWord lowers eight bytes. A byte is an upper-case letter when adding what
// is missing from 'A' to 0x80 sets its high bit, and what is missing from 'Z' + 1
// does not.
func lowerWord(w uint64) uint64 {
	const lanes = 0x0101010101010101
	low := w & (0x7f * lanes)
	upper := (low + (0x80-'A')*lanes) &^ (low + (0x7f-'Z')*lanes) &^ w & (0x80 * lanes)
	return w | upper>>2
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}
