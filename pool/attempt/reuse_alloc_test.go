//go:build !race

package attempt

import (
	"fmt"
	"io"
	"testing"

	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Taking a connection whose backend is known to close old ones, and giving it
// back with one more word on it, allocates nothing.
func TestReuseDoesNotAllocate(t *testing.T) {
	for over, start := range peers() {
		b := start(t)
		ages := &linkOf(b.hc).clients.ages
		var a Attempt
		n := testing.AllocsPerRun(200, func() {
			ages.observe(socket.Nanos(), 1<<40, 0)
			a.open(b.hc, linkOf(b.hc), ReuseSafe, true)
			a.putBack(a.conn)
		})
		if n != 0 {
			t.Errorf("over %s: %v allocations; want 0", over, n)
		}
	}
}

// An exchange over a pooled connection allocates nothing. The backend's half of a
// session makes one small reader for the record it reads, which is counted too.
func TestExchangeOnAPooledConnectionDoesNotAllocate(t *testing.T) {
	for over, start := range peers() {
		for _, size := range []int{2, 16 << 10, 100 << 10} {
			b := start(t)
			go b.answerAll(size)
			question, want := []byte(rig.Request), 0.0
			if b.server != nil {
				want = 1
			}
			var a Attempt
			n := testing.AllocsPerRun(200, func() {
				if out := a.OpenPooled(b.hc, ReuseFree); out != OK {
					t.Fatalf("open: %v", out)
				}
				a.conn.Wait(true)
				if out := a.Send(question, 0); out != OK {
					t.Fatalf("send: %v", out)
				}
				out := a.Head(false, rig.Soon())
				for out == OK && !a.Done() {
					_, out = a.Next(rig.Soon())
				}
				if out != OK {
					t.Fatalf("answer: %v", out)
				}
				a.Close(true, socket.Nanos())
			})
			if n > want {
				t.Errorf("%d bytes over %s: %v allocations; want %v", size, over, n, want)
			}
			_ = b.Close() // ends answerAll
		}
	}
}

// answerAll answers every request with content of a size, until the connection ends.
func (b *peerOf) answerAll(size int) {
	answer := append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size), make([]byte, size)...)
	for got := make([]byte, len(rig.Request)); ; {
		if _, err := io.ReadFull(b.stream, got); err != nil {
			return
		}
		if _, err := b.stream.Write(answer); err != nil {
			return
		}
	}
}
