//go:build !race

package record

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

func TestPutDoesNotAllocate(t *testing.T) {
	c := New(1)
	c.Configure(Limits{Records: pageSlots, Errors: 8, Slow: 8})
	name, method, host, path, id := NewName("api"), []byte("PROPFIND"), []byte("a.test"), []byte("/path"), []byte("0123456789abcdef0123456789abcdef")
	now := second
	for _, e := range []end.End{end.OK, end.Reset, end.NoRoute} {
		put := func() {
			var r Record
			var trail Trail
			r.End, r.Status, r.Took = e, 200, now
			r.Route = c.Names.Number(name)
			r.SetRequest(method, host, path)
			r.SetID(id)
			trail.Begin(1, 0, now)
			trail.Opened(Connection{})
			trail.Ended(end.OK, 200, now, now)
			trail.Into(&r)
			c.Put(0, now, &r)
			now += second / 4
		}
		for range 2 * pageSlots {
			put()
		}
		if got := testing.AllocsPerRun(1000, put); got != 0 {
			t.Errorf("%v: got %v allocations; want 0", e, got)
		}
	}
}

// Nor does a record that is shown to somebody, nor one that is shown to nobody and not kept.
func TestPutForTapsDoesNotAllocate(t *testing.T) {
	c := New(1)
	r := exchange("/", end.OK, 200)
	route := NewName("api")
	r.Route = c.Names.Number(route)
	put := func() { c.Put(0, second, r) }
	if got := testing.AllocsPerRun(1000, put); got != 0 {
		t.Errorf("without a tap: got %v allocations; want 0", got)
	}
	for _, f := range []Filter{{}, {Route: "api"}, {StatusFrom: 500}} {
		tap := c.Tap(&f, 0.5)
		if got := testing.AllocsPerRun(2*tapSlots, put); got != 0 {
			t.Errorf("filter %+v: got %v allocations; want 0", f, got)
		}
		tap.Close()
	}
}
