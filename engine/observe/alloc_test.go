//go:build !race

package observe

import (
	"testing"
	"time"
)

func TestObserveAllocatesNothing(t *testing.T) {
	r := NewRegistry(2)
	route, retries := r.Route("web", "api"), r.Retries("api", "reset")
	now := int64(0)
	count := func() {
		route.Observe(1, 200, 3*time.Millisecond)
		now += int64(time.Second)
		route.Used(1, now)
		retries.Add(1)
	}
	count()
	if got := testing.AllocsPerRun(1000, count); got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}
