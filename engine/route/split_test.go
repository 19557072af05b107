package route

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// With words spread evenly over all of uint64 the shares are exact to within
// one word; with random ones (fixed seed) to within five standard deviations.
func TestSplitSharesByWeight(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name    string
		weights map[string]int
	}{
		{"one pool", map[string]int{"a": 1}},
		{"95 to 5", map[string]int{"api": 95, "api-next": 5}},
		{"weight 0 first", map[string]int{"a": 0, "b": 1, "c": 2}},
		{"weight 0 between", map[string]int{"a": 1, "b": 0, "c": 2}},
		{"weight 0 last", map[string]int{"a": 1, "b": 2, "c": 0}},
		{"thirds", map[string]int{"a": 1, "b": 1, "c": 1}},
		{"extremes", map[string]int{"a": math.MaxInt32, "b": 1, "c": math.MaxInt32}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			s, pools, err := NewSplit(test.weights)
			if err != nil {
				t.Fatal(err)
			}

			if !slices.IsSorted(pools) || len(pools) != len(test.weights) {
				t.Fatalf("got pools %v; want all in byte order", pools)
			}

			total := 0
			for _, weight := range test.weights {
				total += weight
			}

			const words = 100000

			random := rand.New(rand.NewPCG(5, 6))
			even, drawn := make([]int, len(pools)), make([]int, len(pools))

			for i := range uint64(words) {
				even[s.Pick(i*(math.MaxUint64/words))]++
				drawn[s.Pick(random.Uint64())]++
			}

			for i, pool := range pools {
				share := float64(test.weights[pool]) / float64(total)
				if got, want := float64(even[i]), share*words; math.Abs(got-want) > 1.5 {
					t.Errorf("%s, evenly: got %v; want %v", pool, got, want)
				}

				deviation := math.Sqrt(words * share * (1 - share))
				if got, want := float64(drawn[i]), share*words; math.Abs(got-want) > 5*deviation+1e-9 {
					t.Errorf("%s, random: got %v; want %v within %v", pool, got, want, 5*deviation)
				}
			}
		})
	}
}

func TestSplitPicksAtTheEnds(t *testing.T) {
	t.Parallel()

	s, _, err := NewSplit(map[string]int{"a": 0, "b": 3, "c": 1, "d": 0})
	if err != nil {
		t.Fatal(err)
	}

	for random, want := range map[uint64]int{
		0: 1, math.MaxUint64: 2, math.MaxUint64 / 4 * 3: 1, math.MaxUint64/4*3 + 3: 2,
	} {
		if got := s.Pick(random); got != want {
			t.Errorf("%d: got %d; want %d", random, got, want)
		}
	}
}

func TestNewSplitRefuses(t *testing.T) {
	t.Parallel()

	tooLarge := fmt.Sprintf("split.b: %d is not a weight", int64(math.MaxInt32)+1)
	for want, weights := range map[string]map[string]int{
		"split: no pool has a weight above 0": {"a": 0, "b": 0},
		"split: no pool":                      nil,
		"split.a: -1 is not a weight":         {"a": -1, "b": 2},
		tooLarge:                              {"b": math.MaxInt32 + 1},
	} {
		s, pools, err := NewSplit(weights)
		if err == nil || s != nil || pools != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v; want an error with %q", weights, err, want)
		}
	}
}

func BenchmarkSplitPick(b *testing.B) {
	s, _, err := NewSplit(map[string]int{"a": 95, "b": 4, "c": 1})
	if err != nil {
		b.Fatal(err)
	}

	random := rand.New(rand.NewPCG(7, 8))

	b.ReportAllocs()

	for b.Loop() {
		s.Pick(random.Uint64())
	}
}
