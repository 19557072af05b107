//go:build !race

package pool

import (
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/socket"
)

func TestAdmissionDoesNotAllocate(t *testing.T) {
	l := newLimiter(socket.Nanos, newLimitPolicy(&config.Concurrency{MaxRequests: 1, Adaptive: true}))
	now := int64(1)
	n := testing.AllocsPerRun(2000, func() {
		if !l.Enter() {
			t.Fatal("refused")
		}
		if l.Enter() || l.Refuse() != ShedLimit {
			t.Fatal("a second was let in")
		}
		now += 1_000_000
		l.observe(now, 100_000)
		l.Leave()
	})
	if n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
