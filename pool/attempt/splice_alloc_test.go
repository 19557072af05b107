//go:build !race

package attempt

import (
	"testing"
)

func TestSpliceDoesNotAllocate(t *testing.T) {
	const size = 2 * pipedMin
	s := splicedPair(t, "tcp", size)
	go func() {
		for piece := make([]byte, 256<<10); ; {
			if _, err := s.backend.Write(piece); err != nil {
				return
			}
		}
	}()
	go func() { // io.Copy to io.Discard would take a buffer of a pool
		for piece := make([]byte, 256<<10); ; {
			if _, err := s.client.Read(piece); err != nil {
				return
			}
		}
	}()
	for range 3 {
		s.relay(t, size, true)
	}
	if n := testing.AllocsPerRun(20, func() { s.relay(t, size, true) }); n != 0 {
		t.Errorf("%v allocations an answer; want 0", n)
	}
	if s.pipes == 0 {
		t.Error("nothing went through a pipe")
	}
}
