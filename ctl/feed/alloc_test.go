//go:build !race

package feed

import (
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

func TestPublishDoesNotAllocate(t *testing.T) {
	f := New()
	r, _ := f.Read("")
	defer r.Close()
	var e api.Event = api.BreakerEvent{Pool: "api"}
	if n := testing.AllocsPerRun(1000, func() { f.Publish(e) }); n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
}
