package hpack

import (
	"encoding/binary"
	"slices"
)

// huffmanBytes is the length of s in Huffman code.
func huffmanBytes(s []byte) int {
	bits := 0
	for _, c := range s {
		bits += int(huffmanLengths[c])
	}
	return (bits + 7) / 8
}

// appendString appends a string in its shorter form (RFC 7541 section 5.2).
func appendString(dst, s []byte) []byte {
	if n := huffmanBytes(s); n < len(s) {
		return appendHuffman(appendInteger(dst, 0x80, 7, uint32(n)), s, n)
	}
	return append(appendInteger(dst, 0, 7, uint32(len(s))), s...)
}

// appendHuffman appends s in Huffman code, which are n bytes.
func appendHuffman(dst, s []byte, n int) []byte {
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	var acc uint64 // the low bits wait to be written
	var have uint  // how many: fewer than 32 between symbols
	for _, c := range s {
		code := &huffmanCodes[c]
		acc = acc<<(code.bits&63) | uint64(code.code)
		have += uint(code.bits)
		if have >= 32 {
			have &= 31
			binary.BigEndian.PutUint32(dst[at:], uint32(acc>>have))
			at += 4
		}
	}
	if rest := have & 7; rest != 0 {
		acc = acc<<(8-rest) | 0xff>>rest // the first bits of EOS
		have += 8 - rest
	}
	for ; have > 0; have -= 8 {
		dst[at] = byte(acc >> (have - 8))
		at++
	}
	return dst
}
