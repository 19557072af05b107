package stat

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCodesOutsideTheRangeCountAsNone(t *testing.T) {
	for _, c := range []struct {
		name       string
		code, want int
	}{
		{"lowest", 100, 100},
		{"usual", 200, 200},
		{"highest", 999, 999},
		{"none", 0, CodeNone},
		{"below", 99, CodeNone},
		{"above", 1000, CodeNone},
		{"negative", -200, CodeNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewCodes(1)
			s.Add(0, c.code)
			if got := s.Count(c.want); got != 1 {
				t.Errorf("Count(%d): got %d; want 1", c.want, got)
			}
			if got := s.Total(); got != 1 {
				t.Errorf("Total: got %d; want 1", got)
			}
		})
	}
}

// TestCodesMatchMap compares with the simplest thing that could work.
func TestCodesMatchMap(t *testing.T) {
	const shards = 3
	random := rand.New(rand.NewPCG(1, 2))
	s, want := NewCodes(shards), map[int]uint64{}
	for range 20_000 {
		code := 100 + random.IntN(900)
		s.Add(random.IntN(shards), code)
		want[code]++
	}
	var seen []int
	s.Each(func(code int, n uint64) {
		seen = append(seen, code)
		if n != want[code] || s.Count(code) != n {
			t.Errorf("code %d: got %d by Each, %d by Count; want %d", code, n, s.Count(code), want[code])
		}
	})
	if wantCodes := slices.Sorted(maps.Keys(want)); !slices.Equal(seen, wantCodes) {
		t.Errorf("Each: got codes %v; want each once, rising: %v", seen, wantCodes)
	}
	var fives uint64
	for code, n := range want {
		if code/100 == 5 {
			fives += n
		}
	}
	if got := s.Class(5); got != fives {
		t.Errorf("Class(5): got %d; want %d", got, fives)
	}
	if s.Count(-1) != 0 || s.Count(1000) != 0 {
		t.Error("Count of an impossible code is not 0")
	}
}

func TestShardsAreCountedApart(t *testing.T) {
	c := NewCodes(3)
	for shard, n := range []int{2, 0, 5} {
		for i := range n {
			c.Add(shard, 200+100*i)
		}
	}
	totals := []uint64{1, 0, 0}
	c.AddShards(totals)
	if !slices.Equal(totals, []uint64{3, 0, 5}) {
		t.Errorf("got %v; want 3, 0 and 5", totals)
	}
}
