package route

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
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
}

// NewSplit makes a split. It returns the pools' names in byte order, which Pick
// numbers.
func NewSplit(weights map[string]int) (*Split, []string, error) {
	pools := slices.Sorted(maps.Keys(weights))
	s := &Split{upTo: make([]uint64, len(pools)), total: 0}

	for i, pool := range pools {
		weight := weights[pool]
		if weight < 0 || weight > math.MaxInt32 {
			return nil, nil, fmt.Errorf("split.%s: %d %w", pool, weight, errWeight)
		}

		s.total += uint64(weight)
		s.upTo[i] = s.total
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

func (s *Split) weight(i int) uint64 {
	if i == 0 {
		return s.upTo[0]
	}
	return s.upTo[i] - s.upTo[i-1]
}
