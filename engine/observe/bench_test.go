package observe

import (
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

func BenchmarkObserve(b *testing.B) {
	b.ReportAllocs()
	route := NewRegistry(64).Route("web", "api")
	var shards atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		shard := int(shards.Add(1)) % 64
		for pb.Next() {
			route.Observe(shard, 200, 3*time.Millisecond)
		}
	})
}

// BenchmarkUsed is what it costs beside that to note when a route was used.
func BenchmarkUsed(b *testing.B) {
	b.ReportAllocs()
	route := NewRegistry(64).Route("web", "api")
	route.Observe(0, 200, 0)
	var shards atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		shard, now := int(shards.Add(1))%64, int64(0)
		for pb.Next() {
			now += int64(100 * time.Microsecond) // 10,000 requests a second
			route.Used(shard, now)
		}
	})
}

func BenchmarkScrape(b *testing.B) {
	for _, routes := range []int{10, 1_000} {
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			r := NewRegistry(2)
			for i := range routes {
				r.Route("web", strconv.Itoa(i)).Observe(0, 200, time.Millisecond)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.render(io.Discard)
			}
		})
	}
}
