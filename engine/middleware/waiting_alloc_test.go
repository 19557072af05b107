//go:build !race

package middleware

import (
	"testing"

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
