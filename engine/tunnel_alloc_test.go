//go:build !race

package engine

import (
	"runtime"
	"testing"
)

// A tunnel that is silent has no buffer of its own, nor that of the head with which it
// began: 32 KiB each. Both ends of each tunnel, in this process too, have 8 KiB.
func TestSilentTunnelsHoldNoBuffers(t *testing.T) {
	const many, bytesMax = 200, 16 << 10
	r := start(t, plain, switched(t, upgradeAnswer, echoBack))
	clients := make([]*client, 0, many)
	open := func(n int) (heap uint64) {
		for range n {
			c := r.dial()
			c.upgrade()
			clients = append(clients, c)
		}
		for _, c := range clients {
			c.send("hello")
			if _, err := c.r.Discard(len("hello")); err != nil {
				t.Fatal(err)
			}
		}
		var m runtime.MemStats
		for range 3 { // the first ones leave what pools hold
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := open(10)
	each := (int64(open(many)) - int64(before)) / many
	t.Logf("%d bytes of heap a tunnel", each)
	if each > bytesMax {
		t.Errorf("got %d bytes of heap a tunnel; want at most %d", each, bytesMax)
	}
}
