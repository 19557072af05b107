package shared

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
)

// BenchmarkTake asks a real server for one limit, at once from so many goroutines: what
// waits at the same time goes out in one write.
func BenchmarkTake(b *testing.B) {
	for _, c := range []struct {
		name    string
		callers int
	}{{"callers=1", 1}, {"callers=64", 64}} {
		b.Run(c.name, func(b *testing.B) {
			redis := startRedis(b)
			st := redis.store(nil, rate.Limit{Name: "a", Rate: 1e6, Per: time.Second, Burst: 1e6})
			b.ReportAllocs()
			b.SetParallelism(c.callers)
			if c.callers == 1 {
				for b.Loop() {
					_, _, _ = take(st, "client")
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						_, _, _ = take(st, "client")
					}
				})
			}
			taken, failed, batches := st.Counts()
			b.ReportMetric(float64(taken)/float64(batches), "calls/write")
			if failed > 0 {
				b.Errorf("%d failed", failed)
			}
		})
	}
}
