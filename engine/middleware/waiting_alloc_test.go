//go:build !race

package middleware

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

func TestFaultMissesWithoutAllocations(t *testing.T) {
	for _, key := range [][]string{nil, {"source_ip", "header:X-A"}} {
		f, err := newFault(&config.StageFault{Percent: 1e-12, Abort: 503, Key: key}, newPlace(t))
		if err != nil {
			t.Fatal(err)
		}
		c := newCall(t, "GET / HTTP/1.1\r\nHost: t\r\nX-A: b\r\n\r\n")
		if n := testing.AllocsPerRun(1000, func() {
			if f.Request(c) != stage.Next {
				t.Fatal("hit")
			}
		}); n != 0 {
			t.Errorf("by %v: %v allocations; want 0", key, n)
		}
	}
}

func TestAffinityDoesNotAllocate(t *testing.T) {
	a, err := newAffinity(&config.StageAffinity{ResponseHeader: "Mcp-Session-Id", TTL: time.Hour}, newPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	a.known.learn(a.known.session([]byte("known")), "one", 0)
	for value, want := range map[string]string{"known": "one", "unknown": ""} {
		c := newCall(t, "GET / HTTP/1.1\r\nHost: t\r\nMcp-Session-Id: "+value+"\r\n\r\n")
		if of, ok := c.Facts.(*facts); ok {
			of.backend = "one"
		}
		c.Status = 200
		issue := stage.NewName("Mcp-Session-Id")
		if n := testing.AllocsPerRun(1000, func() {
			c.Place = ""
			c.Answer.Begin(nil)
			c.Answer.Add(&issue, []byte("issued"))
			if a.Request(c) != stage.Next || c.Place != want || a.Response(c) != stage.Next {
				t.Fatalf("got %q; want %q", c.Place, want)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations; want 0", value, n)
		}
	}
}

func TestMirrorDoesNotAllocate(t *testing.T) {
	for _, percent := range []float64{0, 100} {
		m := newMirror(&config.StageMirror{Pool: "p", Percent: percent}, newPlace(t))
		c := newCall(t, "GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		if n := testing.AllocsPerRun(1000, func() {
			if m.Request(c) != stage.Next || (c.Mirror != nil) != (percent == 100) {
				t.Fatalf("%v %%: marked %v", percent, c.Mirror != nil)
			}
		}); n != 0 {
			t.Errorf("%v allocations; want 0", n)
		}
	}
}
