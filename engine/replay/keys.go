package replay

import (
	"fmt"
	"strconv"

	"github.com/isame-lb/isame-lb/pool"
)

// keysMax is how many keys stand for all when it is asked how many move.
const keysMax = 4096

// KeysTried says how shares of keys are found out.
var KeysTried = fmt.Sprintf("of the hashes of %d keys, tried on both", keysMax)

// Keys are the hashes of the keys that stand for all: key-0, key-1 and so on.
func Keys() []uint64 {
	hashes := make([]uint64, keysMax)
	for i := range hashes {
		hashes[i] = pool.Sum(strconv.AppendInt([]byte("key-"), int64(i), 10))
	}
	return hashes
}

// Moved is the share of keys that have another owner; nil is not known, or nobody.
func Moved(before, after []string) (share float64, says string) {
	switch {
	case before == nil:
		return -1, "no backend serves, or the algorithm is the program's own, which is not asked"
	case after == nil:
		return 1, "no backend would serve, or the algorithm is the program's own, which is not asked"
	}
	moved := 0
	for i := range before {
		if before[i] != after[i] {
			moved++
		}
	}
	return float64(moved) / float64(len(before)), KeysTried + " as if all backends were well"
}
