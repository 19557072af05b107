package hpack

import "encoding/binary"

// hashFactor was searched for so that no two names of the static table share a
// slot of idTable, which panics at start otherwise.
const hashFactor = 0x4ff84977b663fc21

// hash mixes all bytes of b; the best bits are on top. It finds candidates,
// which are compared, so nothing but speed depends on its quality.
func hash(b []byte) uint64 {
	n := len(b)
	h := uint64(n) * hashFactor
	switch {
	case n >= 8:
		for i := 0; i < n-8; i += 8 {
			h = mix(h, binary.LittleEndian.Uint64(b[i:]))
		}
		return mix(h, binary.LittleEndian.Uint64(b[n-8:])) // overlaps for most lengths
	case n >= 4:
		return mix(h, uint64(binary.LittleEndian.Uint32(b))|uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32)
	case n > 0:
		return mix(h, uint64(b[0])|uint64(b[n/2])<<8|uint64(b[n-1])<<16)
	}
	return h
}

// mix takes eight more bytes into h.
func mix(h, word uint64) uint64 {
	h = (h ^ word) * hashFactor
	return h ^ h>>32
}
