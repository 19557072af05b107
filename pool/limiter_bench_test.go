package pool

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// lockedLimiter is the obvious design.
type lockedLimiter struct {
	mu         sync.Mutex
	inProgress int64
	limit      int64
	waiting    int
}

func (l *lockedLimiter) Enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting > 0 || l.inProgress >= l.limit {
		return false
	}
	l.inProgress++
	return true
}

func (l *lockedLimiter) Leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inProgress--
}

// benchWork is what a shard does between two steps of an exchange: 200 ns of the
// 15 us that one takes. Without it the lock is held for one shard's whole turn,
// and looks cheap.
func benchWork(seed uint64) uint64 {
	for range 100 {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
	}
	return seed
}

func BenchmarkLimiter(b *testing.B) {
	l := newLimiter(socket.Nanos, newLimitPolicy(&config.Concurrency{MaxRequests: 1000, MaxQueue: 10}))
	locked := &lockedLimiter{limit: 1000}
	for _, tc := range []struct {
		name    string
		limiter interface {
			Enter() bool
			Leave()
		}
	}{{"design=atomic", l}, {"design=mutex", locked}} {
		b.Run(tc.name+"/shards=1", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if tc.limiter.Enter() {
					tc.limiter.Leave()
				}
			}
		})
		b.Run(tc.name+"/shards=all/work=true", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				seed := uint64(88172645463325252)
				for pb.Next() {
					entered := tc.limiter.Enter()
					seed = benchWork(seed)
					if entered {
						tc.limiter.Leave()
					}
					seed = benchWork(seed)
				}
				benchSink.Add(seed)
			})
		})
	}
}

var benchSink atomic.Uint64

func BenchmarkLimiterObserve(b *testing.B) {
	b.ReportAllocs()
	l := newLimiter(socket.Nanos, newLimitPolicy(&config.Concurrency{Adaptive: true}))
	b.RunParallel(func(pb *testing.PB) {
		for now := int64(1); pb.Next(); now += 10_000 {
			l.observe(now, 1_000_000)
		}
	})
}
