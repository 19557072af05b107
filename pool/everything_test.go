package pool

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/isame-lb/isame-lb/pool/lookup"
)

// buildEverything builds a pool that uses all there is: two zones, backups, a
// discovery, health checks, a strict breaker, slow start, limits, weights; with
// one member unhealthy, one breaker open, and one drained.
func buildEverything(tb testing.TB, kind algo.Kind, members int) *Pool {
	tb.Helper()
	var found []lookup.Found
	cfg := poolOf()
	for i := range members {
		address := fmt.Sprintf("10.0.%d.%d:80", i/256, i%256)
		if i%4 == 3 {
			found = append(found, lookup.Found{Address: address, Weight: 1 + i%3, Rank: i % 2})
			continue
		}
		cfg.Backends = append(cfg.Backends, config.Backend{
			Address: address, Weight: 1 + i%3, Backup: i%16 == 8, Zone: string(rune('a' + i/2%2)), MaxRequests: 1 << 20,
		})
	}
	breaker := breakerDefaults()
	cfg.Algorithm, cfg.CircuitBreaker, cfg.SlowStart = kind.String(), &breaker, time.Hour
	cfg.HealthCheck = &config.HealthCheck{Type: "tcp", Interval: time.Hour, UnhealthyAfter: 1}
	cfg.Discovery = &config.Discovery{DNS: &config.DNS{Name: "api.test", Type: "SRV", Interval: time.Hour}}
	s, err := Build(&config.Config{Zone: "a", Pools: map[string]config.Pool{"p": cfg}}, nil, Options{
		Shards: 1, find: func(context.Context, lookup.Question) (lookup.Answer, error) {
			return lookup.Answer{Found: found, TTL: time.Hour}, nil
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Retire(nil, 0) })
	p := s.Pool("p")
	s.prober.Probe = func(_ context.Context, address string, _ *health.Definition) health.Sight {
		return health.Sight{Good: address != p.members[0].Address()}
	}
	s.Start()
	for !probed(p) {
		runtime.Gosched()
	}
	for range 5 {
		try(p.members[1], attempt.Reset, 0)
	}
	if err := p.Ask(p.members[4].Address(), Wish{State: Drain}); err != nil {
		tb.Fatal(err)
	}
	for p.dirty.Load() { // the breaker asked for a view, which must not be built while picks are measured
		runtime.Gosched()
	}
	p.rebuild()
	runtime.GC()
	return p
}

// use makes one attempt, with a retry when i says so.
func use(p *Pool, i uint64) bool {
	now := int64(i) * 1000
	q := Query{Hash: i * 0x9e3779b97f4a7c15, Random: i * 0xd1342543de82ef95, NowNanos: now}
	m, at := p.Pick(q)
	if i%8 == 0 {
		q.Tried.Add(at)
		m, _ = p.Pick(q)
	}
	k, ok := m.Acquire(now)
	if ok {
		m.Release(k, attempt.OK, 200, now+1000, 1000)
	}
	return ok
}

// Nobody waits for a lock in a pick, an acquire or a release, however many meet
// there.
func TestAttemptsTakeNoLock(t *testing.T) {
	before := runtime.SetMutexProfileFraction(0)
	defer runtime.SetMutexProfileFraction(before)
	for _, kind := range algo.Kinds() {
		p := buildEverything(t, kind, 16) // takes some
		runtime.SetMutexProfileFraction(1)
		var wg sync.WaitGroup
		for g := range uint64(8) {
			wg.Go(func() {
				for i := range uint64(4_000) {
					use(p, g<<32+i)
				}
			})
		}
		wg.Wait()
		runtime.SetMutexProfileFraction(0)
	}
	var text bytes.Buffer
	if err := pprof.Lookup("mutex").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{".(*Pool).Pick", ".(*Member).Acquire", ".(*Member).Release", "/algo."} {
		if strings.Contains(text.String(), place) {
			t.Errorf("somebody waited for a lock in %s:\n%s", place, text.String())
		}
	}
}

func BenchmarkPickWithEverything(b *testing.B) {
	for _, kind := range algo.Kinds() {
		for _, members := range []int{16, 256, 4096} {
			b.Run(fmt.Sprintf("algo=%s/members=%d", kind, members), func(b *testing.B) {
				p := buildEverything(b, kind, members)
				b.ReportAllocs()
				var i uint64
				for b.Loop() {
					i++
					p.Pick(Query{Hash: i * 0x9e3779b97f4a7c15, Random: i * 0xd1342543de82ef95, NowNanos: int64(i) * 1000})
				}
			})
		}
	}
}

// probed reports that every member was.
func probed(p *Pool) bool {
	return !slices.ContainsFunc(p.members, func(m *Member) bool { return m.health.Verdict() == health.Unknown })
}
