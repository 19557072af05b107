package route

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

var (
	errWeight  = errors.New("is not a weight from 0 to 2147483647")
	errNoShare = errors.New("no pool has a weight above 0")
)

// Split shares requests between pools by weight. It never changes; any
// goroutine may use it.
type Split struct {
	// upTo[i] is the sum of the weights of the pools 0 to i. A pool of weight 0
	// has the sum of the one before it, and is never reached.
	upTo  []uint64
	total uint64
	// seeds are what a pool's name adds to the key of a client: see Of.
	seeds []uint64
}

// NewSplit makes a split. It returns the pools' names in byte order, which Pick
// numbers.
func NewSplit(weights map[string]int) (*Split, []string, error) {
	pools := slices.Sorted(maps.Keys(weights))
	s := &Split{upTo: make([]uint64, len(pools)), seeds: make([]uint64, len(pools))}

	for i, pool := range pools {
		weight := weights[pool]
		if weight < 0 || weight > math.MaxInt32 {
			return nil, nil, fmt.Errorf("split.%s: %d %w", pool, weight, errWeight)
		}

		s.total += uint64(weight)
		s.upTo[i] = s.total
		s.seeds[i] = xxhash.Sum64String(pool)
	}

	if s.total == 0 {
		return nil, nil, fmt.Errorf("split: %w", errNoShare)
	}

	return s, pools, nil
}

// Pick returns the number of a pool. Equally distributed random words give each
// pool its share of the sum of weights, to within the sum divided by 2^64. It
// compares with one sum after another: splits have two or three pools.
func (s *Split) Pick(random uint64) int {
	at, _ := bits.Mul64(random, s.total)
	for i, sum := range s.upTo {
		if at < sum {
			return i
		}
	}

	panic("BUG: a split's draw is not below its total")
}

// Other is Pick among the pools that may take the request, in proportion to their
// weights; -1 when none may. A pool of weight 0 never does.
func (s *Split) Other(random uint64, may func(int) bool) int {
	var sum uint64
	for i := range s.upTo {
		if may(i) {
			sum += s.weight(i)
		}
	}
	at, _ := bits.Mul64(random, sum)
	for i := range s.upTo {
		if !may(i) {
			continue
		}
		w := s.weight(i)
		if at < w {
			return i
		}
		at -= w
	}
	return -1
}

// Of returns the number of the pool that a client with this key belongs to, among those
// that may take the request; -1 when none may. may nil is all.
//
// It is weighted rendezvous hashing: each pool draws a number from the key and its own
// name, exponentially distributed with its weight as the rate, and the lowest one wins. So
// keys are shared in proportion to the weights, and what a pool draws depends on no other
// one: a weight that is raised moves keys to that pool only, one that is lowered moves keys
// away from it only, each as few as give the new share. It costs a logarithm a pool; a
// table, which would cost none, moves more keys.
func (s *Split) Of(key uint64, may func(int) bool) int {
	best, lowest := -1, math.Inf(1)
	for i, seed := range s.seeds {
		w := s.weight(i)
		if w == 0 || may != nil && !may(i) {
			continue
		}
		if drawn := exponential(mixed(key^seed)) / float64(w); drawn < lowest {
			best, lowest = i, drawn
		}
	}
	return best
}

// mixed spreads what two keys differ in over all bits (the finalizer of SplitMix64).
func mixed(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// exponential makes of equally distributed bits a number that is distributed exponentially
// with rate 1, above 0 and finite.
func exponential(h uint64) float64 {
	const scale = 1.0 / (1 << 53)
	return -math.Log((float64(h>>11) + 0.5) * scale)
}

func (s *Split) weight(i int) uint64 {
	if i == 0 {
		return s.upTo[0]
	}
	return s.upTo[i] - s.upTo[i-1]
}

// Weight is that of the pool i.
func (s *Split) Weight(i int) int { return int(s.weight(i)) }
