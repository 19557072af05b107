package attempt

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// One connection taken from the pool and given back.
func BenchmarkReuse(b *testing.B) {
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			p := newPeer(b)
			if known {
				linkOf(p.hc).clients.ages.observe(socket.Nanos(), 1<<40, 0)
			}
			var a Attempt
			b.ReportAllocs()
			for b.Loop() {
				if out := a.OpenPooled(p.hc, ReuseSafe); out != OK {
					b.Fatal(out)
				}
				a.putBack(a.conn)
			}
		})
	}
}

func BenchmarkIdleAges(b *testing.B) {
	b.Run("op=limit", func(b *testing.B) {
		var g idleAges
		g.observe(1, 1<<40, 0)
		b.ReportAllocs()
		for b.Loop() {
			g.limit(2)
		}
	})
	b.Run("op=observe", func(b *testing.B) {
		var g idleAges
		b.ReportAllocs()
		for b.Loop() {
			g.observe(1, 1<<40, 0)
		}
	})
}
