package observe

import (
	"testing"
	"time"
)

func TestUnusedIsSinceTheLastUseAnywhere(t *testing.T) {
	r := NewRegistry(2)
	second := int64(time.Second)
	for _, use := range []struct {
		listener, route string
		shard           int
		at              int64
	}{{"web", "a", 0, 100 * second}, {"tls", "a", 1, 200 * second}, {"web", "a", 0, 150 * second}, {"web", "b", 1, 10 * second}} {
		s := r.Route(use.listener, use.route)
		s.Observe(use.shard, 200, time.Millisecond)
		s.Used(use.shard, use.at)
	}
	r.Route("web", "never")
	r.Route("web", "unseen").Used(0, second) // nothing was counted before
	got := r.UnusedByRoute(300 * second)
	for name, want := range map[string]time.Duration{"a": 100 * time.Second, "b": 290 * time.Second} {
		if d := got[name] - want; d < 0 || d > 2*time.Second {
			t.Errorf("%s: got %v; want %v", name, got[name], want)
		}
	}
	if len(got) != 2 {
		t.Errorf("got %v; want those with exchanges only", got)
	}
	// A table that comes later has the same names.
	handle := r.Route("web", "b")
	handle.Observe(0, 200, 0)
	handle.Used(0, 299*second)
	if d := r.UnusedByRoute(300 * second)["b"]; d > 3*time.Second {
		t.Errorf("got %v; want a second", d)
	}
}
