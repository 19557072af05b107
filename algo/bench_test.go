package algo

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// benchSizes are the numbers of members the cost of a pick is promised for.
var benchSizes = []int{2, 16, 256, 4096}

// busyMembers are members with a latency each, and nothing in flight.
func busyMembers(n int, weight func(i int) uint32) []Member {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	members := make([]Member, n)
	for i := range members {
		members[i] = Member{Key: fmt.Sprintf("10.0.%d.%d:8080", i/256, i%256), Weight: weight(i), Load: new(Load)}
		members[i].Load.Observe(0, 1e6+rng.Int64N(1e6))
	}
	return members
}

// equalWeight and mixedWeight are the weights of the benchmarks.
func equalWeight(int) uint32   { return 1 }
func mixedWeight(i int) uint32 { return uint32(i%10 + 1) }

// fill puts four requests for each member in flight, where the balancer wants
// them.
func fill(b Balancer, members []Member) {
	for i := range uint64(4 * len(members)) {
		members[b.Pick(benchQuery(i+1<<40))].Load.Begin()
	}
}

// benchQuery is a query as a busy pool asks it: fresh hash, random number, time.
func benchQuery(i uint64) Query {
	x := mix(i)
	return Query{Hash: x, Random: mix(x), NowNanos: 1e9 + int64(i)*1000}
}

func BenchmarkPick(b *testing.B) {
	for _, kind := range Kinds() {
		for _, n := range benchSizes {
			benchPick(b, kind, busyMembers(n, equalWeight))
		}
	}
}

func BenchmarkPickWeighted(b *testing.B) {
	for _, kind := range Kinds() {
		for _, n := range benchSizes {
			benchPick(b, kind, busyMembers(n, mixedWeight))
		}
	}
}

func benchPick(b *testing.B, kind Kind, members []Member) {
	b.Helper()
	b.Run(fmt.Sprintf("algo=%s/members=%d", kind, len(members)), func(b *testing.B) {
		balancer, err := New(kind, members, nil)
		if err != nil {
			b.Fatal(err)
		}
		fill(balancer, members)
		b.ReportAllocs()
		var i uint64
		for b.Loop() {
			if balancer.Pick(benchQuery(i)) < 0 {
				b.Fatal("nobody picked")
			}
			i++
		}
	})
}

func BenchmarkPickParallel(b *testing.B) {
	for _, kind := range Kinds() {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("algo=%s/members=%d", kind, n), func(b *testing.B) {
				members := busyMembers(n, equalWeight)
				balancer, err := New(kind, members, nil)
				if err != nil {
					b.Fatal(err)
				}
				fill(balancer, members)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					i := rand.Uint64()
					for pb.Next() {
						if balancer.Pick(benchQuery(i)) < 0 {
							b.Error("nobody picked")
							return
						}
						i++
					}
				})
			})
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, kind := range Kinds() {
		for _, n := range benchSizes {
			members := busyMembers(n, mixedWeight)
			b.Run(fmt.Sprintf("algo=%s/members=%d", kind, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := New(kind, members, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	b.Run("op=begin_end", func(b *testing.B) {
		var l Load
		b.ReportAllocs()
		var now int64
		for b.Loop() {
			l.Begin()
			now += 1000
			l.End(now, 1e6)
		}
	})
}
