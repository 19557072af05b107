package socket

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// A Fifo gives back what it was given, and holds no memory when it is empty.
func TestFifoEqualsABuffer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var f Fifo
	var twin bytes.Buffer
	for range 20_000 {
		if random.IntN(2) == 0 {
			p := make([]byte, random.IntN(9_000))
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			if fits := f.Len()+len(p) <= BufferSizeMax; f.Append(p) != fits {
				t.Fatalf("%d bytes behind %d: fits is not %v", len(p), f.Len(), fits)
			} else if fits {
				twin.Write(p)
			}
			continue
		}
		got, want := make([]byte, random.IntN(9_000)), make([]byte, 9_000)
		n := f.Take(got)
		want = want[:copy(want, twin.Next(len(got)))]
		if !bytes.Equal(got[:n], want) {
			t.Fatalf("got %d bytes, other than the %d that were given", n, len(want))
		}
		if f.Len() != twin.Len() || f.Len() == 0 && f.mem != nil {
			t.Fatalf("holds %d bytes, with memory %v; want %d", f.Len(), f.mem != nil, twin.Len())
		}
	}
	f.Drop()
	if f.Len() != 0 || f.mem != nil || f.Bytes() != nil {
		t.Error("something is left after Drop")
	}
}
