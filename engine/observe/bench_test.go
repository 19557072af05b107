package observe

import (
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool"
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
	for _, routes := range []int{10, 10_000} {
		for name, accept := range map[string]string{"text": "", "openmetrics": "application/openmetrics-text", "protobuf": acceptProtobuf} {
			b.Run(fmt.Sprintf("routes=%d/format=%s", routes, name), func(b *testing.B) {
				r := crowdedRegistry(routes, max(routes/10, 1))
				b.ReportAllocs()
				before := cpuTime(b)
				for b.Loop() {
					r.WriteMetrics(io.Discard, accept)
				}
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
			})
		}
	}
}

// cpuTime is what the process has had of processors: what a scrape costs, however many others
// want them too.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// acceptProtobuf is how Prometheus asks for native histograms.
const acceptProtobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// crowdedRegistry has routes that all took traffic and may all be retried, and backends.
func crowdedRegistry(routes, backends int) *Registry {
	r := NewRegistry(2)
	var existing []Existing
	for i := range routes {
		name := fmt.Sprintf("route-%05d", i)
		r.Route("web", name).Observe(i%2, 200, time.Millisecond)
		r.Route("web", name).Observe(i%2, 404, time.Duration(i)*time.Millisecond)
		e := Existing{Name: name}
		for _, reason := range []string{"connect_failure", "reused_connection", "reset"} {
			of := r.Retries(name, reason)
			of.Expect(true)
			e.Retries = append(e.Retries, of)
		}
		for _, reason := range []string{"body", "budget", "deadline"} {
			of := r.RefusedRetries(name, reason)
			of.Expect(true)
			e.Refused = append(e.Refused, of)
		}
		existing = append(existing, e)
	}
	r.SetRoutes(func() []Existing { return existing })
	state := pool.Status{Name: "p"}
	for i := range backends {
		b := pool.BackendStatus{Address: fmt.Sprintf("10.0.%d.%d:8080", i/256, i%256), Up: true, Breaker: "closed"}
		state.Backends = append(state.Backends, b)
		r.Backend("p", b.Address).Codes.Add(i%2, 200)
	}
	r.SetPools(func() []pool.Status { return []pool.Status{state} })
	return r
}
