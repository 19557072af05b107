package rate

import (
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkTake asks one limit; keys=1 is one hot key from all cores.
func BenchmarkTake(b *testing.B) {
	for _, c := range []struct {
		name string
		keys uint64
		asks int
		rate float64
	}{
		{"keys=1/asks=1/passes", 1, 1, 1e9},
		{"keys=1/asks=1/refused", 1, 1, 1},
		{"keys=1000000/asks=1/passes", 1_000_000, 1, 1e6},
		{"keys=1/asks=3/passes", 1, 3, 1e9},
		{"keys=1000000/asks=3/passes", 1_000_000, 3, 1e6},
	} {
		b.Run(c.name, func(b *testing.B) {
			limits := make([]Limit, c.asks)
			for i := range limits {
				limits[i] = Limit{Rate: c.rate, Per: time.Second, Burst: 1000}
			}
			table := NewTable(Definition{MaxKeys: int(c.keys) * c.asks, Limits: limits})
			start := time.Now()
			asks := make([]Ask, c.asks)
			for k := range c.keys {
				for i := range asks {
					asks[i] = Ask{Key: scattered(k), Limit: i}
				}
				table.Take(1, asks)
			}
			var allowed atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			spent := cpuNanos(b)
			b.RunParallel(func(pb *testing.PB) {
				asks := make([]Ask, c.asks)
				r := rand.NewPCG(uint64(time.Since(start)), 1)
				for i := range asks {
					asks[i].Limit = i
				}
				passed, now := int64(0), int64(0)
				for n := 0; pb.Next(); n++ {
					if n&63 == 0 {
						now = int64(time.Since(start))
					}
					key := scattered(r.Uint64() % c.keys)
					for i := range asks {
						asks[i].Key = key
					}
					if table.Take(now, asks).Allowed {
						passed++
					}
				}
				allowed.Add(passed)
			})
			b.ReportMetric(float64(cpuNanos(b)-spent)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(allowed.Load())/float64(b.N), "passed/op")
		})
	}
}

// BenchmarkNewKeys asks for keys that nobody has asked for before, as a flood does.
func BenchmarkNewKeys(b *testing.B) {
	table := NewTable(Definition{MaxKeys: 1_000_000, Limits: []Limit{{Rate: 1, Per: time.Hour, Burst: 10}}})
	var seed atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := rand.NewPCG(seed.Add(1), 2)
		asks := make([]Ask, 1)
		for now := int64(1); pb.Next(); now++ {
			asks[0].Key = Key(r.Uint64())
			table.Take(now, asks)
		}
	})
}

func BenchmarkKeyBytes(b *testing.B) {
	text := []byte("203.0.113.7 /a/path/of/some/length")
	b.ReportAllocs()
	k := Key(0)
	for b.Loop() {
		k ^= KeyBytes(text)
	}
}

// scattered is a key that stands for n.
func scattered(n uint64) Key {
	n = (n + 1) * 0x9e3779b97f4a7c15
	n = (n ^ n>>29) * 0xbf58476d1ce4e5b9
	return Key(n ^ n>>32)
}

// cpuNanos is the time that this process has had a core: on a machine that others use
// as well it says more than the clock.
func cpuNanos(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
