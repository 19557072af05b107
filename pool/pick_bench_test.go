package pool

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

func benchPool(b *testing.B, algorithm string, members int) *Pool {
	b.Helper()
	addresses := make([]string, members)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("10.0.%d.%d:80", i/256, i%256)
	}
	cfg := poolOf(addresses...)
	cfg.Algorithm = algorithm
	_, p := buildOne(b, cfg, nil, nil)
	return p
}

// One attempt without the clock: pick, acquire, release.
func BenchmarkAttempt(b *testing.B) {
	for _, algorithm := range []string{"round_robin", "least_connections", "random"} {
		for _, members := range []int{2, 16, 256, 4096} {
			b.Run(fmt.Sprintf("algo=%s/members=%d", algorithm, members), func(b *testing.B) {
				p := benchPool(b, algorithm, members)
				b.ReportAllocs()
				var i uint64
				for b.Loop() {
					i++
					m, _ := p.Pick(algo.Query{Random: i * 0x9e3779b97f4a7c15, NowNanos: int64(i) * 1000})
					k, _ := m.Acquire(int64(i) * 1000)
					m.Release(k, attempt.OK, 200, int64(i)*1000, 500)
				}
			})
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, algorithm := range []string{"round_robin", firstMember} {
		for _, members := range []int{2, 16, 256, 4096} {
			b.Run(fmt.Sprintf("algo=%s/members=%d", algorithm, members), func(b *testing.B) {
				p := benchPool(b, algorithm, members)
				b.ReportAllocs()
				for b.Loop() {
					p.Pick(algo.Query{})
				}
			})
		}
	}
}

func BenchmarkAttemptParallel(b *testing.B) {
	p := benchPool(b, "round_robin", 16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var i int64
		for pb.Next() {
			i += 1000
			m, _ := p.Pick(algo.Query{})
			k, _ := m.Acquire(i)
			m.Release(k, attempt.OK, 200, i, 500)
		}
	})
}

// What a change of one backend costs, off the hot path.
func BenchmarkRebuild(b *testing.B) {
	for _, members := range []int{16, 4096} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			p := benchPool(b, "round_robin", members)
			b.ReportAllocs()
			for b.Loop() {
				p.rebuild()
			}
		})
	}
}
