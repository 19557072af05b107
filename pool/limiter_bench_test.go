package pool

import (
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/config"
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

func BenchmarkLimiter(b *testing.B) {
	l := newLimiter(Nanos, newLimitPolicy(&config.Concurrency{MaxRequests: 1000, MaxQueue: 10}))
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
		b.Run(tc.name+"/shards=all", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if tc.limiter.Enter() {
						tc.limiter.Leave()
					}
				}
			})
		})
	}
}

func BenchmarkLimiterObserve(b *testing.B) {
	b.ReportAllocs()
	l := newLimiter(Nanos, newLimitPolicy(&config.Concurrency{Adaptive: true}))
	b.RunParallel(func(pb *testing.PB) {
		for now := int64(1); pb.Next(); now += 10_000 {
			l.observe(now, 1_000_000)
		}
	})
}
