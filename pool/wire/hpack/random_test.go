package hpack

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// These run the checks of the fuzz targets on input that is mostly valid, which a
// fuzzer takes long to find.

func TestRandomProgramsOfEncoder(t *testing.T) {
	random := rand.New(rand.NewPCG(7541, 2))
	for range 150 {
		var raw []byte
		for range 200 {
			switch n := random.IntN(20); n {
			case 0:
				raw = append(raw, 0xff, 0)
			case 1:
				raw = append(raw, 0xfe, byte(random.IntN(6)*random.IntN(44)))
			default:
				value := make([]byte, random.IntN(4)*random.IntN(60))
				for i := range value {
					value[i] = byte('a' + random.IntN(1+i%2))
				}
				if random.IntN(4) == 0 {
					value = append([]byte("x-"+string(rune('a'+random.IntN(20)))+":"), value...)
				}
				raw = append(raw, byte(random.IntN(0xfe)), byte(len(value)))
				raw = append(raw, value...)
			}
		}
		checkEncoding(t, raw)
	}
}

// TestRandomBlocks decodes blocks that are put together at random, some of which
// are damaged then.
func TestRandomBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(7541, 3))
	valid := 0
	for range 700 {
		var blocks [][]byte
		for range 10 {
			blocks = append(blocks, randomBlock(random))
		}
		if random.IntN(2) == 0 {
			damaged := blocks[random.IntN(len(blocks))]
			damaged[random.IntN(len(damaged))] ^= 1 << random.IntN(8)
		}
		valid += checkDecoding(t, blocks, 1+random.IntN(2000))
	}
	if valid < 1000 {
		t.Errorf("only %d blocks are valid", valid)
	}
}

// randomBlock makes a block whose indices are likely to exist.
func randomBlock(random *rand.Rand) (block []byte) {
	if random.IntN(20) == 0 {
		block = appendInteger(block, 0x20, 5, uint32(random.IntN(4200)))
	}
	for range 1 + random.IntN(10) {
		index := uint32(random.IntN(staticEntries + 5))
		if random.IntN(3) == 0 {
			block = appendInteger(block, 0x80, 7, max(index, 1))
			continue
		}
		shape := []struct {
			pattern byte
			bits    uint
		}{{0x40, 6}, {0x40, 6}, {0, 4}, {0x10, 4}}[random.IntN(4)]
		if random.IntN(2) == 0 {
			index = 0
		}
		block = appendInteger(block, shape.pattern, shape.bits, index)
		if index == 0 {
			block = slices.Concat(block, randomString(random))
		}
		block = slices.Concat(block, randomString(random))
	}
	return block
}

func randomString(random *rand.Rand) []byte {
	s := randomText(random)
	if random.IntN(2) == 0 {
		return huffman(s)
	}
	return plain(s)
}
