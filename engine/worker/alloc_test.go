//go:build !race

package worker

import (
	"testing"

	"github.com/rs/zerolog"
)

func TestHandAllocatesNothing(t *testing.T) {
	p := Start(zerolog.Nop())
	defer p.Close()
	done := make(chan struct{})
	task := NewTask(func() { done <- struct{}{} })
	if n := testing.AllocsPerRun(1000, func() {
		p.Hand(task)
		<-done
	}); n >= 1 { // a worker may be new
		t.Errorf("%v allocations a task; want 0", n)
	}
}
