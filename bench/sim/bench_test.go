package sim

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/algo"
)

// BenchmarkRun shows the time of 100,000 requests: it grows with the logarithm
// of the backends and the misses of the cache, no faster.
func BenchmarkRun(b *testing.B) {
	for _, kind := range []algo.Kind{algo.RoundRobin, algo.P2C, algo.ConsistentHash} {
		for _, backends := range []int{100, 1000, 10_000} {
			b.Run(fmt.Sprintf("algo=%s/backends=%d", kind, backends), func(b *testing.B) {
				p := Standard()
				p.Backends, p.Requests = backends, 100_000
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Run(b.Context(), p, Scenario{}, []algo.Kind{kind}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
