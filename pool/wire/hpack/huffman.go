package hpack

// The code of RFC 7541 appendix B is canonical: codes of one length are
// consecutive numbers in the order of their symbols, and follow the shorter
// ones. So the lengths say it all, and the tables are built from them at start.

const (
	huffmanBitsMin = 5
	huffmanBitsMax = 30
	// huffmanEOS is the symbol that ends a string. It must not be sent; its
	// first bits, all ones, fill the last byte (section 5.2).
	huffmanEOS = 256
	// huffmanPadMax is the longest padding, in bits.
	huffmanPadMax = 7
)

// huffmanLengths are the bits of each symbol's code, EOS last.
var huffmanLengths = [huffmanEOS + 1]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
	30,
}

// huffmanCode is the code of one symbol, in the low bits.
type huffmanCode struct {
	code uint32
	bits uint32
}

var huffmanCodes = buildHuffmanCodes()

// buildHuffmanCodes numbers the codes, shortest first.
func buildHuffmanCodes() (codes [huffmanEOS + 1]huffmanCode) {
	next := uint32(0)
	for bits := uint32(huffmanBitsMin); bits <= huffmanBitsMax; bits++ {
		for symbol, length := range &huffmanLengths {
			if uint32(length) == bits {
				codes[symbol] = huffmanCode{code: next, bits: bits}
				next++
			}
		}
		next <<= 1
	}
	return codes
}
