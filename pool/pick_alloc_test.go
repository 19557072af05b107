//go:build !race

package pool

import (
	"testing"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

func TestAttemptAllocatesNothing(t *testing.T) {
	for _, algorithm := range []string{"round_robin", "weighted_round_robin", "least_connections", "random", firstMember} {
		t.Run(algorithm, func(t *testing.T) {
			cfg := poolOf("a:1", "b:1", "c:1", "z:1?")
			cfg.Algorithm = algorithm
			cfg.Backends[0].Weight = 3
			_, p := buildOne(t, cfg, nil, nil)
			var i uint64
			if n := testing.AllocsPerRun(1000, func() {
				i++
				q := algo.Query{Random: i * 0x9e3779b97f4a7c15, NowNanos: int64(i)}
				_, at := p.Pick(q)
				q.Tried.Add(at)
				m, _ := p.Pick(q) // as a retry does
				k, ok := m.Acquire(int64(i))
				if !ok {
					t.Fatal("refused")
				}
				m.Release(k, attempt.OK, 200, int64(i), 1000)
			}); n != 0 {
				t.Errorf("%v allocations an attempt; want 0", n)
			}
		})
	}
}

func TestAttemptWithEverythingAllocatesNothing(t *testing.T) {
	for _, kind := range algo.Kinds() {
		p := buildEverything(t, kind, 16)
		var i uint64
		if n := testing.AllocsPerRun(1000, func() { i++; use(p, i) }); n != 0 {
			t.Errorf("%v: %v allocations an attempt; want 0", kind, n)
		}
	}
}

func TestSumAllocatesNothing(t *testing.T) {
	key := []byte("203.0.113.9")
	if n := testing.AllocsPerRun(1000, func() { Sum(key) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
