//go:build !race

package algo

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestPickDoesNotAllocate(t *testing.T) {
	for _, kind := range Kinds() {
		for _, n := range []int{1, 2, 16, 256, 4096} {
			for _, weight := range []func(int) uint32{equalWeight, mixedWeight} {
				t.Run(fmt.Sprintf("%s/members=%d/weights=%d", kind, n, weight(n-1)), func(t *testing.T) {
					members := busyMembers(n, weight)
					b := mustNew(t, kind, members, nil)
					i := uint64(0)
					got := testing.AllocsPerRun(100, func() {
						q := benchQuery(i)
						i++
						for range 3 {
							picked := b.Pick(q)
							if picked >= 0 {
								members[picked].Load.Begin()
								members[picked].Load.End(q.NowNanos, 1e6)
							}
							q.Tried.Add(picked)
						}
					})
					if got != 0 {
						t.Errorf("got %g allocations; want 0", got)
					}
				})
			}
		}
	}
}

func TestHashDoesNotAllocate(t *testing.T) {
	key, addr := []byte("/some/path?with=query"), netip.MustParseAddr("2001:db8::1")
	if got := testing.AllocsPerRun(100, func() { Hash(key); HashAddr(addr) }); got != 0 {
		t.Errorf("got %g allocations; want 0", got)
	}
}
