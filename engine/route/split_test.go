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

// Keys are shared by weight, to within five standard deviations (fixed seed), whatever
// number they are, and a key whose pool may not take it goes to another one by weight.
func TestKeysAreSharedByWeight(t *testing.T) {
	t.Parallel()

	s, pools, err := NewSplit(map[string]int{"a": 95, "b": 4, "c": 1, "d": 0})
	if err != nil {
		t.Fatal(err)
	}
	const keys = 100_000
	random := rand.New(rand.NewPCG(9, 10))
	for name, key := range map[string]func(i int) uint64{"random": func(int) uint64 { return random.Uint64() }, "in a row": func(i int) uint64 { return uint64(i) }} {
		all, without := make([]int, len(pools)), make([]int, len(pools))
		for i := range keys {
			k := key(i)
			all[s.Of(k, nil)]++
			without[s.Of(k, func(at int) bool { return at != 0 })]++
		}
		for at, share := range []float64{0.95, 0.04, 0.01, 0} {
			if d := math.Abs(float64(all[at]) - share*keys); d > 5*math.Sqrt(keys*share*(1-share)) {
				t.Errorf("%s: %s got %d of %d; want %v", name, pools[at], all[at], keys, share)
			}
		}
		for at, share := range []float64{0, 0.8, 0.2, 0} {
			if d := math.Abs(float64(without[at]) - share*keys); d > 5*math.Sqrt(keys*share*(1-share)) {
				t.Errorf("%s: without a, %s got %d of %d; want %v", name, pools[at], without[at], keys, share)
			}
		}
	}
	if got := s.Of(1, func(int) bool { return false }); got != -1 {
		t.Errorf("with nobody got %d; want -1", got)
	}
}

// A changed weight, and a pool that joins, move the keys that they must and no other ones.
func TestKeysStayWhereTheyAre(t *testing.T) {
	t.Parallel()

	split := func(weights map[string]int) func(uint64) string {
		s, pools, err := NewSplit(weights)
		if err != nil {
			t.Fatal(err)
		}
		return func(key uint64) string { return pools[s.Of(key, nil)] }
	}
	before := split(map[string]int{"a": 90, "b": 10})
	for name, tc := range map[string]struct {
		weights map[string]int
		to      string
		moved   float64
	}{
		"the same by other numbers": {map[string]int{"a": 9, "b": 1}, "", 0},
		"b gets more":               {map[string]int{"a": 90, "b": 30}, "b", 0.15},
		"a gets less":               {map[string]int{"a": 30, "b": 10}, "b", 0.15},
		"another one joins":         {map[string]int{"a": 90, "b": 10, "0": 100}, "0", 0.5},
	} {
		after, moved := split(tc.weights), 0
		const keys = 20_000
		for key := range uint64(keys) {
			if was, is := before(key), after(key); was != is {
				moved++
				if is != tc.to {
					t.Fatalf("%s: %d moves from %s to %s", name, key, was, is)
				}
			}
		}
		if d := math.Abs(float64(moved) - tc.moved*keys); d > 5*math.Sqrt(keys*0.25) || tc.moved == 0 && moved > 0 {
			t.Errorf("%s: %d of %d have moved; want %v", name, moved, keys, tc.moved)
		}
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

	b.Run("by=random", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Pick(random.Uint64())
		}
	})
	b.Run("by=key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Of(random.Uint64(), nil)
		}
	})
}
