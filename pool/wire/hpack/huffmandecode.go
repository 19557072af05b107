package hpack

import "encoding/binary"

const (
	// pairBits is how many bits one step of decoding looks at: enough for two of
	// the short codes, which are most of a header. The table is 8 KiB; with 12
	// bits it were 16, for a tenth less time while it is in the cache.
	pairBits  = 11
	pairShift = 64 - pairBits
	pairSlots = 1 << pairBits
)

// pair is what the next pairBits bits begin with: one or two symbols. 0: the
// first code is longer than that.
type pair uint32

func newPair(first, second uint8, firstBits, bits, count uint32) pair {
	return pair(uint32(first) | uint32(second)<<8 | bits<<16 | firstBits<<20 | count<<24)
}

func (p pair) symbols() uint16 { return uint16(p) }
func (p pair) bits() uint      { return uint(p >> 16 & 15) }
func (p pair) firstBits() uint { return uint(p >> 20 & 15) }
func (p pair) count() int      { return int(p >> 24) }

// longCodes are the codes of one length above pairBits, EOS among them.
type longCodes struct {
	bits uint
	// Left-aligned in 32 bits, they begin at first and end below limit.
	first   uint32
	limit   uint64
	symbols []uint16 // in the order of their codes
}

// Read only after they were built.
var (
	pairs    = buildPairs()
	longList = buildLongCodes()
)

func buildPairs() (table [pairSlots]pair) {
	for slot := range uint32(pairSlots) {
		first, firstBits := shortCode(slot, pairBits)
		if firstBits == 0 {
			continue
		}
		second, bits := shortCode(slot<<firstBits&(pairSlots-1), pairBits-firstBits)
		if bits == 0 {
			table[slot] = newPair(first, 0, firstBits, firstBits, 1)
			continue
		}
		table[slot] = newPair(first, second, firstBits, firstBits+bits, 2)
	}
	return table
}

// shortCode finds the symbol whose code is on top of a window of pairBits bits,
// of which known are there. No such symbol: no bits.
func shortCode(window, known uint32) (symbol uint8, bits uint32) {
	for s := range huffmanEOS {
		c := huffmanCodes[s]
		if c.bits <= known && window>>(pairBits-c.bits) == c.code {
			return uint8(s), c.bits
		}
	}
	return 0, 0
}

func buildLongCodes() (list []longCodes) {
	for bits := uint32(pairBits + 1); bits <= huffmanBitsMax; bits++ {
		l := longCodes{bits: uint(bits)}
		for symbol, c := range &huffmanCodes {
			if c.bits != bits {
				continue
			}
			if l.symbols == nil {
				l.first = c.code << (32 - bits)
			}
			l.symbols = append(l.symbols, uint16(symbol))
			l.limit = uint64(c.code+1) << (32 - bits)
		}
		if l.symbols != nil {
			list = append(list, l)
		}
	}
	return list
}

// longCode finds the symbol whose code is on top of window and longer than
// pairBits. There are fifteen lengths, and no letter has one of them; 32 ones are
// below the last limit.
func longCode(window uint32) (symbol uint16, bits uint) {
	i := 0
	for uint64(window) >= longList[i].limit {
		i++
	}
	l := &longList[i]
	return l.symbols[(window-l.first)>>(32-l.bits)], l.bits
}

// decodeHuffman decodes src into dst and returns the number of bytes; -1 when
// they do not fit. Up to one byte behind them is overwritten.
//
// One step costs the latency of shift, load, shift; so steps of two symbols, in a
// word that is filled eight bytes at a time, are what counts.
func decodeHuffman(dst, src []byte) (n int, fault *Fault) {
	var acc uint64 // the next bits, the first one on top
	var have uint  // how many; what stands below them comes again
	for len(src) >= 8 {
		acc |= binary.BigEndian.Uint64(src) >> (have & 63)
		src = src[(63-have)>>3:]
		have |= 56
		for have >= pairBits {
			p := pairs[acc>>pairShift]
			if p == 0 {
				if have < huffmanBitsMax {
					break
				}
				symbol, bits := longCode(uint32(acc >> 32))
				if symbol == huffmanEOS {
					return 0, ErrHuffman
				}
				p = newPair(uint8(symbol), 0, 0, 0, 1)
				acc <<= bits & 63
				have -= bits
			}
			if n < 0 || n > len(dst)-2 {
				return -1, nil
			}
			binary.LittleEndian.PutUint16(dst[n:], p.symbols())
			n += p.count()
			acc <<= p.bits()
			have -= p.bits()
		}
	}
	return finishHuffman(dst, n, src, acc&^(^uint64(0)>>have), have)
}

// finishHuffman decodes the last bytes. What acc does not have counts as ones:
// as if the padding never ended.
func finishHuffman(dst []byte, n int, src []byte, acc uint64, have uint) (int, *Fault) {
	for {
		for len(src) > 0 && have <= 56 {
			acc |= uint64(src[0]) << (56 - have)
			src, have = src[1:], have+8
		}
		window := acc | ^uint64(0)>>have
		p := pairs[window>>pairShift]
		if p.bits() > have { // the second symbol is made of padding
			p = newPair(uint8(p.symbols()), 0, uint32(p.firstBits()), uint32(p.firstBits()), 1)
		}
		bits := p.bits()
		if p == 0 {
			var symbol uint16
			symbol, bits = longCode(uint32(window >> 32))
			if symbol == huffmanEOS && bits <= have {
				return 0, ErrHuffman
			}
			p = newPair(uint8(symbol), 0, 0, 0, 1)
		}
		if bits > have {
			break
		}
		if n < 0 || n > len(dst)-2 {
			return -1, nil
		}
		binary.LittleEndian.PutUint16(dst[n:], p.symbols())
		n += p.count()
		acc <<= bits
		have -= bits
	}
	if have > huffmanPadMax || acc|^uint64(0)>>have != ^uint64(0) {
		return 0, ErrHuffman
	}
	return n, nil
}
