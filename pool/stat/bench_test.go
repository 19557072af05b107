package stat

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// The benchmarks compare with the metrics library that renders our numbers. Its
// counter is one shared word and its histograms lock: each goroutine here stands
// for one shard, as in the proxy.

func BenchmarkHistogram(b *testing.B) {
	b.Run("impl=stat", func(b *testing.B) {
		h := NewHistogram(64)
		eachShard(b, func(shard int, d time.Duration) { h.Observe(shard, d) })
	})
	b.Run("impl=victoria-le", func(b *testing.B) {
		upper := make([]float64, 0, len(bounds))
		for _, bound := range bounds {
			upper = append(upper, bound.Seconds())
		}
		h := metrics.NewSet().NewPrometheusHistogramExt("h", upper)
		eachShard(b, func(_ int, d time.Duration) { h.Update(d.Seconds()) })
	})
	b.Run("impl=victoria-vmrange", func(b *testing.B) {
		h := metrics.NewSet().NewHistogram("h")
		eachShard(b, func(_ int, d time.Duration) { h.Update(d.Seconds()) })
	})
}

func BenchmarkCounter(b *testing.B) {
	b.Run("impl=stat", func(b *testing.B) {
		c := NewCounter(64)
		eachShard(b, func(shard int, _ time.Duration) { c.Add(shard, 1) })
	})
	b.Run("impl=victoria", func(b *testing.B) {
		c := metrics.NewSet().NewCounter("c")
		eachShard(b, func(int, time.Duration) { c.Inc() })
	})
}

func BenchmarkCodes(b *testing.B) {
	b.Run("impl=stat", func(b *testing.B) {
		c := NewCodes(64)
		eachShard(b, func(shard int, d time.Duration) { c.Add(shard, 200+int(d)&7) })
	})
	b.Run("impl=victoria-by-name", func(b *testing.B) {
		set := metrics.NewSet()
		names := make([]string, 8)
		for i := range names {
			names[i] = `c{code="` + strconv.Itoa(200+i) + `"}`
		}
		eachShard(b, func(_ int, d time.Duration) { set.GetOrCreateCounter(names[int(d)&7]).Inc() })
	})
}

// eachShard runs f on every processor, each with its own shard number.
func eachShard(b *testing.B, f func(shard int, d time.Duration)) {
	b.Helper()
	b.ReportAllocs()
	var shards atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		shard := int(shards.Add(1)-1) % 64
		d := time.Duration(0)
		for pb.Next() {
			d = (d + 7919*time.Microsecond) % (3 * time.Second)
			f(shard, d)
		}
	})
}
